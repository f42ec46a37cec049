"""What goes on when one plan takes the place of another."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.domain import attachment, carrying
from orchard.domain.attachment import Attached
from orchard.domain.carrying import NO_CARRY, Carry
from orchard.domain.catalog import BOOLEAN, METERED, Feature, Plan, catalog
from orchard.domain.customer import CustomerPlan
from orchard.domain.entity import Entity
from orchard.domain.holding import Holding, Place, State
from orchard.domain.quantity import total
from orchard.domain.row import RolloverRule, Row, Unbilled, ordered
from orchard.errors import InvalidInputs
from tests.unit.domain.rows import DAY, START, a_row, carried, held, lifetime, metered, monthly

WORDS, OF_A, OF_B = Place("words"), Place("words", "a"), Place("words", "b")
PLAN = Plan("pro", 1, "Pro", START)
OLD, NEW = CustomerPlan("old", "free", 1, START), CustomerPlan("new", "pro", 1, START)


def _both(use: str, rest: str) -> Carry:
    return Carry(usages=True, balances=True, usage_features=(use,), balance_features=(rest,))


USE, REST = Carry(usages=True), Carry(balances=True)


def of_old(row: Row, **fields: Any) -> Row:
    return row._replace(customer_plan_id="old", plan_id="free", id=f"old_{row.id}", **fields)


def switched(state: State, *rows: Row, carry: Carry = NO_CARRY, who: tuple[str, ...] = ()) -> State:
    entities = [Entity(name, f"ent_{name}", "cus", "seats", START) for name in who]
    new = Attached(PLAN, NEW, {"words": rows})
    return attachment.held_after(state, [new], entities, [OLD], carry)


def test_use_goes_on_when_it_is_asked_for_and_else_not() -> None:
    state = {WORDS: Holding((of_old(monthly(100, balance=30)), lifetime(5)))}

    assert held(switched(state, monthly(500))[WORDS].rows) == {"monthly": 500, "lifetime": 5}
    assert held(switched(state, monthly(500), carry=USE)[WORDS].rows) == {
        "monthly": 430,
        "lifetime": 5,
    }


def test_use_beyond_the_grant_goes_on_whole() -> None:
    state = {WORDS: Holding((of_old(metered(100, balance=-50)),))}

    assert held(switched(state, monthly(500), carry=USE)[WORDS].rows) == {"monthly": 350}
    assert held(switched(state, monthly(120), carry=USE)[WORDS].rows) == {"monthly": -30}


def test_use_goes_on_over_all_rows_that_follow_and_over_no_others() -> None:
    state = {WORDS: Holding((of_old(monthly(100, balance=20)), a_row(50, id="grant")))}

    after = switched(state, monthly(60), lifetime(40, plan_id="pro"), carry=USE)

    assert held(after[WORDS].rows) == {"monthly": 0, "grant": 50, "lifetime": 20}


def test_overage_that_no_invoice_shows_yet_is_billed_with_the_new_plan() -> None:
    owed, claimed = Unbilled(START, Decimal(7)), Unbilled(START - 1, Decimal(9), "in_1")
    gone = of_old(metered(100, billed=True, balance=40), unbilled=(claimed, owed))
    state = {WORDS: Holding((gone,))}

    (heir,) = switched(state, metered(500, billed=True), carry=USE)[WORDS].rows
    (settled,) = switched(state, metered(500, billed=True))[WORDS].rows

    assert (heir.balance, heir.unbilled) == (440, (owed,))
    # Without carrying over, whoever ends the plan bills it.
    assert (settled.balance, settled.unbilled) == (500, ())


def test_only_features_that_are_named_go_on() -> None:
    state = {WORDS: Holding((of_old(monthly(100, balance=30)),))}
    others = Carry(usages=True, usage_features=("calls",))

    assert held(switched(state, monthly(500), carry=others)[WORDS].rows) == {"monthly": 500}


def test_seats_stay_in_use_whatever_is_asked_for() -> None:
    used = of_old(lifetime(5, continuous=True, balance=2))
    state = {WORDS: Holding((used,))}

    after = switched(state, lifetime(10, continuous=True))
    narrow = switched(state, lifetime(1, continuous=True))

    assert held(after[WORDS].rows) == {"lifetime": 7}
    assert held(narrow[WORDS].rows) == {"lifetime": -2}


def test_seats_in_use_are_counted_by_another_plan_if_the_new_one_has_none() -> None:
    other = a_row(4, id="add_on", continuous=True)
    state = {WORDS: Holding((of_old(lifetime(5, continuous=True, balance=2)), other))}

    after = attachment.held_after(state, [], (), [OLD])

    assert held(after[WORDS].rows) == {"add_on": 1}


def test_what_was_left_is_used_first_and_lasts_as_long_as_it_would_have() -> None:
    state = {WORDS: Holding((of_old(monthly(100, balance=30)),))}

    (row,) = switched(state, monthly(500), carry=REST)[WORDS].rows

    assert row.balance == 500
    assert [(one.balance, one.expires_at) for one in row.rollovers] == [(30, START + 30 * DAY)]


def test_what_would_never_have_ended_becomes_a_grant_of_its_own() -> None:
    state = {WORDS: Holding((of_old(lifetime(100, balance=30)),))}

    monthly_row, grant = switched(state, monthly(500), carry=REST)[WORDS].rows

    assert (monthly_row.rollovers, monthly_row.balance) == ((), 500)
    assert (grant.balance, grant.allowance, grant.plan_id, grant.expires_at) == (30, 30, None, None)
    assert grant.customer_plan_id is None


def test_what_was_left_of_a_feature_that_the_new_plan_lacks_becomes_grants_too() -> None:
    rolled = carried(7, START + 9 * DAY)
    state = {WORDS: Holding((of_old(monthly(100, balance=30, rollovers=(rolled,))),))}

    after = attachment.held_after(state, [Attached(PLAN, NEW, {})], (), [OLD], REST)

    found = {(row.balance, row.expires_at) for row in after[WORDS].rows}
    assert found == {(7, START + 9 * DAY), (30, START + 30 * DAY)}


@pytest.mark.parametrize("rule", [None, RolloverRule(None, None, 1)])
def test_what_had_been_carried_over_before_goes_on_once(rule: RolloverRule | None) -> None:
    rolled = carried(7, START + 9 * DAY)
    state = {WORDS: Holding((of_old(monthly(100, balance=0, rollovers=(rolled,))),))}

    (row,) = switched(state, monthly(500, rollover=rule), carry=REST)[WORDS].rows

    assert [one.balance for one in row.rollovers] == [7]


def test_nothing_is_left_of_what_was_overdrawn_or_without_bound() -> None:
    rows = (of_old(metered(10, balance=-3)), of_old(lifetime(0, unlimited=True, balance=-9)))

    assert held(switched({WORDS: Holding(rows)}, monthly(5), carry=REST)[WORDS].rows) == {
        "monthly": 5
    }


def test_what_entities_used_goes_on_with_each() -> None:
    mould = of_old(monthly(50, entity_feature_id="seats"))
    state = {
        WORDS: Holding((mould,)),
        OF_A: Holding((mould._replace(entity_id="a", balance=Decimal(10)),)),
        OF_B: Holding((mould._replace(entity_id="b", balance=Decimal(45)),)),
    }

    sliced = switched(state, monthly(80, entity_feature_id="seats"), carry=USE, who=("a", "b"))
    shared = switched(state, monthly(80), carry=USE, who=("a", "b"))

    assert (held(sliced[OF_A].rows), held(sliced[OF_B].rows)) == ({"monthly": 40}, {"monthly": 75})
    assert held(shared[WORDS].rows) == {"monthly": 35}


def test_what_the_customer_used_goes_on_with_entities_if_they_alone_have_rows() -> None:
    state = {WORDS: Holding((of_old(monthly(50, balance=10)),))}

    after = switched(state, monthly(80, entity_feature_id="seats"), carry=USE, who=("b", "a"))

    assert held(after[OF_A].rows) == {"monthly": 40}
    assert held(after[OF_B].rows) == {"monthly": 80}


@pytest.mark.parametrize(
    ("carry", "message"),
    [
        (Carry(usages=True, usage_features=("seats",)), "Feature seats is not used up"),
        (Carry(balances=True, balance_features=("sso",)), "Feature sso is not used up"),
        (Carry(usages=True, balances=True), "exclude each other"),
        (_both("words", "words"), "words has both"),
    ],
)
def test_what_cannot_go_on_is_refused(carry: Carry, message: str) -> None:
    with pytest.raises(InvalidInputs, match=message):
        carrying.check(carry, KNOWN)


def test_use_of_one_feature_and_the_rest_of_another_can_go_on_together() -> None:
    carrying.check(_both("words", "calls"), KNOWN)
    carrying.check(USE, KNOWN)


KNOWN = catalog(
    [
        Feature("words", "Words", METERED, consumable=True, created_at=1),
        Feature("calls", "Calls", METERED, consumable=True, created_at=1),
        Feature("seats", "Seats", METERED, consumable=False, created_at=1),
        Feature("sso", "SSO", BOOLEAN, consumable=False, created_at=1),
    ],
    [],
)


@st.composite
def some_rows(draw: st.DrawFn, name: str) -> Row:
    granted, used = draw(st.integers(0, 50)), draw(st.integers(0, 80))
    row: Row = draw(st.sampled_from([monthly, lifetime, metered]))(granted, id=name)
    roll = draw(st.none() | st.integers(1, 9))
    rollovers = () if roll is None else (carried(roll, START + DAY),)
    return row._replace(balance=row.balance - used, rollovers=rollovers)


@given(
    old=st.tuples(some_rows("r1"), some_rows("r2")),
    new=st.tuples(some_rows("n1"), some_rows("n2")),
    other=some_rows("other"),
)
def test_no_use_and_no_rest_is_lost_or_counted_twice(
    old: tuple[Row, ...], new: tuple[Row, ...], other: Row
) -> None:
    ended = tuple(of_old(row) for row in old)
    fresh = tuple(row._replace(balance=row.starting, rollovers=()) for row in new)
    state = {WORDS: Holding(ordered((*ended, other)))}

    used = switched(state, *fresh, carry=USE)[WORDS].rows
    left = switched(state, *fresh, carry=REST)[WORDS].rows

    assert other in used
    assert other in left
    spent = total(row.refundable for row in ended)
    assert total(row.usage for row in used if row.id != "other") == spent
    kept = total(row.held + row.carried for row in ended)
    gained = total(row.held + row.carried for row in left if row.id != "other")
    assert gained - total(row.starting for row in fresh) == kept
