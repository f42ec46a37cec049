"""Plans whose payment is overdue: nothing they grant is given anew until it is paid."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.domain import balance, effects, overdue, renewal
from orchard.domain.billing import restocking
from orchard.domain.billing.restocking import Cycle
from orchard.domain.catalog import Catalog, Plan, catalog
from orchard.domain.customer import CustomerPlan
from orchard.domain.holding import Holding, Place, State
from orchard.domain.row import RolloverRule, Row, Withheld, cast, ordered
from tests.unit.domain.rows import DAY, START, lifetime, monthly, shown

#: 1 October, 1 November and 1 December 2026: the boundaries of a monthly row.
OCTOBER, NOVEMBER, DECEMBER = START + 30 * DAY, START + 61 * DAY, START + 91 * DAY
HERE = Place("words")
UNPAID = CustomerPlan("held", "pro", 1, START, past_due=True)
PAID = UNPAID._replace(past_due=False)
SOLD = catalog((), [Plan("pro", 1, "Pro", START)])


def of_plan(*rows: Row, **fields: Any) -> State:
    mine = (row._replace(plan_id="pro", customer_plan_id="held", **fields) for row in rows)
    return {HERE: Holding(tuple(mine))}


def marked(
    state: State, held: CustomerPlan = UNPAID, now: int = START, known: Catalog = SOLD
) -> State:
    return overdue.marked(state, [held], known, now)


def only(state: State) -> Row:
    (row,) = state[HERE].rows
    return row


def test_the_mark_is_on_what_an_unpaid_plan_resets_and_on_nothing_else() -> None:
    mine, forever, other = monthly(), lifetime(), monthly(id="other", customer_plan_id="addon")
    mould = monthly(id="each", entity_feature_id="seats")
    state = of_plan(mine, forever, mould)
    rows = (*state[HERE].rows, other, monthly(id="grant"))
    slices = (cast(next(row for row in rows if row.is_mould), "a"),)
    state = {HERE: Holding(ordered(rows)), Place("words", "a"): Holding(slices)}

    after = marked(state)

    found = {row.id: row.overdue for held in after.values() for row in held.rows}
    assert {name for name, is_marked in found.items() if is_marked} == {"monthly", "each"}
    assert marked(after) == after
    assert marked(after, PAID) == state
    tolerant = Plan("pro", 1, "Pro", START, config={"ignore_past_due": True})
    assert marked(after, known=catalog((), [tolerant])) == state


def test_a_date_that_passes_unpaid_does_nothing_and_no_job_is_to_look() -> None:
    state = marked(of_plan(monthly(balance=3), lifetime(expires_at=NOVEMBER)))
    (held,) = state.values()

    assert balance.resets_at(held) == NOVEMBER
    later = balance.renewed(held, DECEMBER)
    assert later.rows == held.rows[:1]
    assert balance.resets_at(later) == balance.NEVER
    assert effects.next_reset({HERE: later}, "words") is None
    assert shown(later.rows).next_reset_at == OCTOBER
    fresh = monthly(id="grant", next_reset_at=DECEMBER)
    assert shown((*later.rows, fresh)).next_reset_at == DECEMBER


@pytest.mark.parametrize(
    ("paid_at", "left", "following"),
    [(OCTOBER - 1, 40, OCTOBER), (OCTOBER, 100, NOVEMBER), (NOVEMBER + DAY, 100, DECEMBER)],
)
def test_a_payment_brings_the_reset_that_was_due_and_only_one(
    paid_at: int, left: int, following: int
) -> None:
    rule = RolloverRule(None, None, None)
    state = marked(of_plan(monthly(balance=40, adjustment=5, rollover=rule)))

    row = only(marked(state, PAID, paid_at))

    assert (row.balance, row.next_reset_at, row.overdue) == (left, following, False)
    assert [one.balance for one in row.rollovers] == ([40] if left == 100 else [])
    assert row.resets == len(row.rollovers)


def test_an_edit_with_an_end_of_its_own_ends_then_and_others_wait_for_the_reset() -> None:
    taken = Withheld("chg", Decimal(30), START, OCTOBER + DAY)
    state = marked(of_plan(monthly(balance=20, adjustment=10, withheld=(taken,))))

    (held,) = state.values()
    (row,) = balance.renewed(held, NOVEMBER).rows

    assert (row.balance, row.adjustment, row.withheld) == (50, 10, ())
    assert only(marked(state, PAID, NOVEMBER)).balance == 100


def test_units_of_a_cycle_that_is_not_paid_are_there_after_the_reset() -> None:
    price = {"interval": "month", "billing_method": "prepaid", "billing_units": Decimal(1)}
    state = marked(of_plan(monthly(0, prepaid=100, balance=20, billed=True, price=price)))
    held = UNPAID._replace(quantities={"words": Decimal(150)})
    cycle = Cycle(OCTOBER, {("month", 1): NOVEMBER}, START)

    unpaid = restocking.restocked(state, held, cycle)
    assert (only(unpaid).balance, only(unpaid).next_reset_at) == (20, OCTOBER)
    paid = only(marked(unpaid, PAID, OCTOBER + DAY))
    assert (paid.balance, paid.adjustment, paid.next_reset_at) == (150, 0, NOVEMBER)
    anew = restocking.redated(unpaid, held, {("month", 1): DECEMBER}, OCTOBER + DAY)
    assert (only(anew).balance, only(anew).next_reset_at) == (150, DECEMBER)


@given(
    st.lists(
        st.tuples(st.sampled_from(["use", "look", "fail", "pay"]), st.integers(0, 40)), max_size=12
    )
)
def test_no_order_of_payments_gives_more_than_one_reset_for_each_time_it_was_due(
    steps: list[tuple[str, int]],
) -> None:
    now, state, unpaid = START, of_plan(monthly()), False
    plain = only(state)
    for what, amount in steps:
        now += amount * DAY
        state = {HERE: balance.renewed(state[HERE], now)}
        (expected,) = renewal.renewed((plain,), now) if not unpaid else (plain,)
        plain = expected
        if what == "use":
            row = only(state)
            state = {HERE: Holding((row._replace(balance=row.balance - amount),))}
            plain = plain._replace(balance=plain.balance - amount)
        if what in ("fail", "pay"):
            unpaid = what == "fail"
            state = marked(state, UNPAID if unpaid else PAID, now)
            plain = plain if unpaid else renewal.renewed((plain,), now)[0]
        assert only(state) == plain._replace(overdue=unpaid)
