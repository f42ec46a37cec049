"""A customer's plan changed in place: what stays, moves, goes and comes."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.domain import amendment, attachment
from orchard.domain.amendment import Change
from orchard.domain.attachment import Terms
from orchard.domain.carrying import NO_CARRY, Carry
from orchard.domain.catalog import BOOLEAN, METERED, Feature, Plan, catalog
from orchard.domain.customer import SCHEDULED, CustomerPlan
from orchard.domain.entity import Entity
from orchard.domain.holding import Holding, Place, State
from orchard.domain.quantity import total
from orchard.domain.row import PRICED, Row
from orchard.errors import Invalid, InvalidInputs
from tests.unit.domain.rows import DAY, START, carried, lifetime

type Item = Mapping[str, Any]

KNOWN = catalog(
    [
        Feature("words", "Words", METERED, consumable=True, created_at=1),
        Feature("calls", "Calls", METERED, consumable=True, created_at=1),
        Feature("seats", "Seats", METERED, consumable=False, created_at=1),
        Feature("sso", "SSO", BOOLEAN, consumable=False, created_at=1),
    ],
    [],
)
WORDS, CALLS, SEATS, SSO = Place("words"), Place("calls"), Place("seats"), Place("sso")
LATER = START + 10 * DAY


def item(feature_id: str, included: int = 0, every: str | None = "month", **fields: Any) -> Item:
    reset = None if every is None else {"interval": every}
    return {"feature_id": feature_id, "included": included, "reset": reset, **fields}


def metered(feature_id: str, included: int = 0, **fields: Any) -> Item:
    price = {"amount": 1, "interval": "month", "billing_method": "usage_based", **fields}
    return item(feature_id, included, price=price)


def prepaid(feature_id: str, included: int = 0, **fields: Any) -> Item:
    price = {"amount": 1, "interval": "month", "billing_method": "prepaid", **fields}
    return item(feature_id, included, price=price)


def a_plan(*items: Item) -> Plan:
    return Plan("pro", 1, "Pro", START, items=items)


class Customer:
    """One with a plan, that uses something and whose plan then changes."""

    def __init__(self, *items: Item, who: tuple[str, ...] = (), **terms: Any) -> None:
        self.plan = a_plan(*items)
        self.who = [Entity(name, f"ent_{name}", "cus", "seats", START) for name in who]
        new = attachment.attach(KNOWN, self.plan, START, Terms(**terms))
        self.held: CustomerPlan = new.customer_plan
        self.state: State = attachment.held_after({}, [new], self.who)

    def use(self, amount: float, place: Place = WORDS) -> None:
        holding = self.state[place]
        first, *others = holding.rows
        spent = first._replace(balance=first.balance - Decimal(amount))
        self.state = {**self.state, place: holding._replace(rows=(spent, *others))}

    def amended(self, *items: Item, carry: Carry = NO_CARRY, **terms: Any) -> State:
        change = Change(self.held, self.plan, a_plan(*items))
        return amendment.amended(
            self.state, change, KNOWN, LATER, Terms(**terms), entities=self.who, carry=carry
        )


def rows(state: State, place: Place = WORDS) -> tuple[Row, ...]:
    return state[place].rows


def test_items_that_stay_the_same_keep_their_rows_whatever_was_done_to_them() -> None:
    one = Customer(item("words", 100), item("calls", 5))
    row = rows(one.state)[0]._replace(
        adjustment=Decimal(7), next_reset_at=START + 3 * DAY, rollovers=(carried(4, None),)
    )
    one.state = {**one.state, WORDS: Holding((row, lifetime(3)))}

    after = one.amended(item("words", 100), item("calls", 50))

    assert rows(after) == (row, lifetime(3))


@pytest.mark.parametrize(("included", "left"), [(300, 260), (50, 10), (20, -20)])
def test_an_allowance_that_changes_keeps_what_was_used_and_when_it_resets(
    included: int, left: int
) -> None:
    one = Customer(item("words", 100))
    one.use(40)

    (row,) = rows(one.amended(item("words", included)))

    assert (row.allowance, row.balance, row.usage) == (included, left, 40)
    assert (row.id, row.next_reset_at) == (
        rows(one.state)[0].id,
        rows(one.state)[0].next_reset_at,
    )


def test_what_was_edited_stays_edited() -> None:
    one = Customer(item("words", 100))
    edited = rows(one.state)[0]._replace(adjustment=Decimal(20), balance=Decimal(90))
    one.state = {WORDS: Holding((edited,))}

    (row,) = rows(one.amended(item("words", 150)))

    assert (row.adjustment, row.balance, row.usage) == (20, 140, edited.usage)


def test_an_item_that_goes_takes_its_rows_along_and_no_others() -> None:
    one = Customer(item("words", 100), item("calls", 5), item("sso", every=None))
    one.state = {**one.state, WORDS: Holding((*rows(one.state), lifetime(3)))}

    after = one.amended(item("calls", 5))

    assert rows(after) == (lifetime(3),)
    assert rows(after, SSO) == ()
    assert rows(after, CALLS) == rows(one.state, CALLS)


def test_an_item_that_comes_resets_together_with_those_that_are_there() -> None:
    one = Customer(item("words", 100))
    kept = item("words", 100)

    after = one.amended(kept, item("calls", 7), item("seats", 2, None), item("sso", every=None))

    (row,) = rows(after, CALLS)
    assert (row.balance, row.next_reset_at) == (7, rows(one.state)[0].next_reset_at)
    assert (row.customer_plan_id, row.plan_id, row.created_at) == (one.held.id, "pro", LATER)
    assert [one.boolean for one in rows(after, SSO)] == [True]
    assert [one.next_reset_at for one in rows(after, SEATS)] == [None]


def test_where_nothing_else_resets_so_often_the_cycle_began_with_the_plan() -> None:
    one = Customer(item("words", 100))

    after = one.amended(item("words", 100), item("calls", 7, "week"))
    told = one.amended(
        item("words", 100), item("calls", 7, "week"), period_ends={("week", 1): LATER + 1}
    )

    assert rows(after, CALLS)[0].next_reset_at == START + 14 * DAY
    assert rows(told, CALLS)[0].next_reset_at == LATER + 1


def test_a_price_for_more_leaves_what_was_used_as_it_is() -> None:
    one = Customer(item("words", 100))
    one.use(40)

    (row,) = rows(one.amended(metered("words", 100, max_purchase=30), billed=True))

    assert (row.balance, row.overage, row.overage_limit, row.billed) == (60, PRICED, 30, True)
    assert row.next_reset_at == rows(one.state)[0].next_reset_at


def test_units_bought_ahead_move_the_balance_by_their_difference() -> None:
    one = Customer(prepaid("words", 100, billing_units=10), quantities={"words": Decimal(145)})
    one.use(130)

    more = one.amended(prepaid("words", 100, billing_units=10), quantities={"words": Decimal(200)})
    less = one.amended(prepaid("words", 100, billing_units=10), quantities={"words": Decimal(0)})
    same = one.amended(prepaid("words", 100, billing_units=10))

    # In whole packs: 145 are 150.
    assert [(row.prepaid, row.balance) for row in rows(one.state)] == [(50, 20)]
    assert [(row.prepaid, row.balance) for row in rows(more)] == [(100, 70)]
    assert [(row.prepaid, row.balance) for row in rows(less)] == [(0, -30)]
    assert same == one.state


def test_units_that_a_plan_does_not_sell_are_refused() -> None:
    one = Customer(item("words", 100))

    with pytest.raises(InvalidInputs, match="no prepaid item of feature words"):
        one.amended(item("words", 100), quantities={"words": Decimal(1)})
    with pytest.raises(Invalid, match="at most 20 of feature words"):
        one.amended(
            prepaid("words", 5, max_purchase=Decimal(20)), quantities={"words": Decimal(26)}
        )


def test_units_bought_ahead_of_an_item_that_goes_are_held_no_more() -> None:
    one = Customer(prepaid("words"), quantities={"words": Decimal(5)})
    change = Change(one.held, one.plan, a_plan(item("words", 9)))

    assert one.held.quantities == {"words": 5}
    assert amendment.wanted_quantities(one.held, change.after, {}) == {}
    assert [(row.prepaid, row.balance) for row in rows(one.amended(item("words", 9)))] == [(0, 9)]


def test_another_interval_begins_anew_unless_use_is_carried_over() -> None:
    one = Customer(item("words", 100))
    one.use(40)

    (fresh,) = rows(one.amended(item("words", 1000, "year")))
    (heir,) = rows(one.amended(item("words", 1000, "year"), carry=Carry(usages=True)))

    assert (fresh.interval, fresh.balance) == ("year", 1000)
    assert heir.balance == 960


def test_seats_stay_in_use_whatever_they_cost_now() -> None:
    one = Customer(item("seats", 5, None), who=("a", "b"))
    price = {"amount": 9, "interval": "year", "billing_method": "usage_based"}

    (row,) = rows(one.amended(item("seats", 1, None, price=price)), SEATS)

    assert (row.usage, row.balance, row.overage) == (2, -1, PRICED)


def test_seats_that_come_count_the_entities_that_are_there() -> None:
    one = Customer(item("words", 5), who=("a", "b"))

    (row,) = rows(one.amended(item("words", 5), item("seats", 5, None)), SEATS)

    assert row.usage == 2


def test_each_entity_keeps_what_it_used_when_what_each_gets_changes() -> None:
    sliced = item("words", 50, entity_feature_id="seats")
    one = Customer(sliced, who=("a", "b"))
    one.use(20, Place("words", "a"))

    after = one.amended({**sliced, "included": 80})

    assert [rows(after, Place("words", name))[0].balance for name in "ab"] == [60, 80]
    assert [rows(after, Place("words", name))[0].starting for name in "ab"] == [80, 80]
    assert rows(after)[0].is_mould


def test_what_comes_for_each_entity_is_given_to_those_that_are_there() -> None:
    one = Customer(item("calls", 1), who=("a", "b"))

    after = one.amended(item("calls", 1), item("words", 50, entity_feature_id="seats"))

    assert [rows(after, Place("words", name))[0].balance for name in "ab"] == [50, 50]


def test_without_bound_and_back_keeps_what_was_used() -> None:
    one = Customer(item("words", 100))
    one.use(40)
    endless = item("words", unlimited=True)

    one.state, one.plan = one.amended(endless), a_plan(endless)
    (row,) = rows(one.state)
    assert (row.unlimited, row.next_reset_at, row.usage) == (True, None, 40)

    (back,) = rows(one.amended(item("words", 100)))
    assert (back.unlimited, back.balance) == (False, 60)
    assert back.next_reset_at is not None


def test_a_plan_that_is_yet_to_begin_gives_nothing_when_it_changes() -> None:
    one = Customer(item("words", 100), status=SCHEDULED)

    assert one.state == {}
    assert one.amended(item("words", 300)) == {}


def test_the_end_of_a_trial_moves_with_all_rows() -> None:
    one = Customer(item("words", 100), trial_ends_at=START + 14 * DAY)

    longer = one.amended(item("words", 100), item("calls", 1), trial_ends_at=START + 20 * DAY)
    over = one.amended(item("words", 100), item("calls", 1), trial_ends_at=None)

    assert {one.ends_at for place in (WORDS, CALLS) for one in rows(longer, place)} == {
        START + 20 * DAY
    }
    assert {one.ends_at for place in (WORDS, CALLS) for one in rows(over, place)} == {None}


def test_what_was_used_in_a_trial_that_ends_now_is_not_billed() -> None:
    one = Customer(metered("words", 10), trial_ends_at=START + 14 * DAY, billed=True)
    one.use(25)
    end = LATER + 30 * DAY

    (row,) = rows(
        one.amended(
            metered("words", 10), billed=True, trial_ends_at=None, period_ends={("month", 1): end}
        )
    )

    assert (row.overdrawn, row.unbilled, row.trial_ends_at, row.next_reset_at) == (0, (), None, end)


ALLOWANCES = st.integers(0, 40)
WAYS = st.sampled_from([item, metered])


@st.composite
def items(draw: st.DrawFn) -> tuple[Item, ...]:
    found = []
    if draw(st.booleans()):
        found.append(draw(WAYS)("words", draw(ALLOWANCES)))
    if draw(st.booleans()):
        found.append(item("words", draw(ALLOWANCES), "day"))
    if draw(st.booleans()):
        found.append(item("words", draw(ALLOWANCES), None))
    if draw(st.booleans()):
        found.append(item("seats", draw(ALLOWANCES), None))
    return tuple(found)


@given(before=items(), after=items(), used=st.integers(0, 60), seats=st.integers(0, 60))
def test_whatever_changes_what_stays_keeps_its_use_and_the_plan_gives_what_it_says(
    before: tuple[Item, ...], after: tuple[Item, ...], used: int, seats: int
) -> None:
    one = Customer(*before)
    for place, amount in ((WORDS, used), (SEATS, seats)):
        if place in one.state:
            one.use(amount, place)

    changed = one.amended(*after)
    found = {place: rows(changed, place) for place in changed}
    all_rows = [row for some in found.values() for row in some]

    assert total(row.starting for row in all_rows) == sum(one["included"] for one in after)
    assert len(all_rows) == len(after)
    old = {row.id: row for place in one.state for row in rows(one.state, place)}
    for row in all_rows:
        if row.id in old:
            assert (row.usage, row.next_reset_at) == (old[row.id].usage, old[row.id].next_reset_at)
        elif not row.continuous:
            assert row.usage == 0
    intervals = {row.interval for row in found.get(WORDS, ())}
    stayed = {row.interval for row in old.values() if not row.continuous} & intervals
    assert {row.interval for row in found.get(WORDS, ()) if row.id in old} == stayed
    if SEATS in one.state and found.get(SEATS):
        assert total(row.usage for row in found[SEATS]) == seats


@given(before=items(), after=items(), used=st.integers(0, 60))
def test_changing_a_plan_and_changing_it_back_gives_what_was_there(
    before: tuple[Item, ...], after: tuple[Item, ...], used: int
) -> None:
    one = Customer(*before)
    if WORDS in one.state:
        one.use(used)
    there = one.amended(*after)
    back = Customer(*after)
    back.held, back.state = one.held, there

    again = back.amended(*before)

    kept = {row.id for place in there for row in rows(there, place)}
    for place in one.state:
        for row in rows(one.state, place):
            if row.id in kept:
                assert row in rows(again, place)
