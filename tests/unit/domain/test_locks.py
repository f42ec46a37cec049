"""What a lock took, and giving it back."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.domain import locks, pool, renewal
from orchard.domain.holding import Controls, Holding, Place, State, UsageLimit
from orchard.domain.locks import Receipt
from orchard.domain.pool import Use
from orchard.domain.row import RolloverRule, Row, cast
from orchard.domain.scope import CUSTOMER, Subject
from orchard.domain.sources import Overage
from tests.unit.domain.rows import (
    DAY,
    START,
    Amount,
    a_row,
    carried,
    in_order,
    lifetime,
    metered,
    monthly,
)

WORDS, CREDITS = Place("words"), Place("credits")
COSTS = {"words": Decimal(1), "credits": Decimal("0.2")}


def locked(
    state: State, amount: Amount, subject: Subject = CUSTOMER, **properties: str
) -> tuple[State, Receipt]:
    use = Use("words", Decimal(amount), COSTS, Overage.REJECT, properties)
    drawn = pool.draw(state, subject, use)
    assert amount == 0 or drawn.movements
    parts = locks.taken(drawn.movements, COSTS)
    value = locks.reserved(use.amount, parts)
    return drawn.state, Receipt("words", subject, properties, parts, value)


def given_back(state: State, receipt: Receipt, units: Amount) -> State:
    return locks.unwound(state, receipt, Decimal(units)).state


def held(state: State, place: Place = WORDS) -> dict[str, Decimal]:
    return {row.id: row.balance for row in state[place].rows}


def of_words(*rows: Row) -> dict[Place, Holding]:
    return {WORDS: Holding(in_order(*rows))}


def hourly(granted: int) -> Row:
    return a_row(granted, id="hourly", interval="hour", next_reset_at=START + DAY // 24)


@pytest.mark.parametrize(
    ("units", "after"),
    [
        (3, {"hourly": 0, "lifetime": 20}),
        (8, {"hourly": 5, "lifetime": 20}),
        (2, {"hourly": 0, "lifetime": 19}),
        (5, {"hourly": 2, "lifetime": 20}),
    ],
)
def test_what_was_taken_last_is_given_back_first(units: int, after: dict[str, int]) -> None:
    state, receipt = locked(of_words(hourly(5), lifetime(20)), 8)

    assert held(given_back(state, receipt, units)) == after


def test_rollovers_get_back_what_they_paid() -> None:
    """250 of two rollovers and the balance; 80 of them are needed in the end."""
    soon, late = START + 9 * DAY, START + 20 * DAY
    row = monthly(100, rollovers=(carried(100, soon), carried(100, late)))

    state, receipt = locked(of_words(row), 250)
    confirmed = given_back(state, receipt, 170)

    assert [part.rollover_id for part in receipt.taken] == [f"roll_{soon}", f"roll_{late}", None]
    (after,) = confirmed[WORDS].rows
    assert [(one.balance, one.usage) for one in after.rollovers] == [(20, 80), (100, 0)]
    assert after.balance == 100


def test_what_was_carried_over_stands_before_all_balances() -> None:
    """It was taken first from every row, so it is given back last."""
    state, receipt = locked(
        of_words(
            monthly(10, rollovers=(carried(5, START + 9 * DAY),)),
            lifetime(10, rollovers=(carried(5, START + 8 * DAY),)),
        ),
        25,
    )

    assert [(part.row_id, part.rollover_id is None) for part in receipt.taken] == [
        ("lifetime", False),
        ("monthly", False),
        ("monthly", True),
        ("lifetime", True),
    ]
    after = given_back(state, receipt, 15)
    assert held(after) == {"monthly": 10, "lifetime": 10}
    assert [one.balance for row in after[WORDS].rows for one in row.rollovers] == [0, 0]


def test_overage_is_given_back_before_what_was_there() -> None:
    """A used-up monthly row stands first in the queue, but its overage was taken last."""
    state, receipt = locked(of_words(metered(5, balance=0), lifetime(20)), 25)

    assert held(state) == {"metered": -5, "lifetime": 0}
    assert held(given_back(state, receipt, 5)) == {"metered": 0, "lifetime": 0}
    assert held(given_back(state, receipt, 8)) == {"metered": 0, "lifetime": 3}


def test_each_row_gets_back_what_it_paid_however_often_it_paid() -> None:
    state, receipt = locked(of_words(metered(5), lifetime(20)), 30)

    assert [(part.row_id, part.value) for part in receipt.taken] == [
        ("metered", 10),
        ("lifetime", 20),
    ]
    assert held(given_back(state, receipt, 30)) == {"metered": 5, "lifetime": 20}


@pytest.mark.parametrize(
    ("units", "words", "credit_left"),
    [
        (5, 2, 200),
        (3, 0, 200),
        ("2.5", 0, "199.9"),
        (8, 5, 200),
    ],
)
def test_credits_get_back_what_units_cost_there(
    units: Amount, words: int, credit_left: Amount
) -> None:
    """Five words are left, so three of eight are paid in credits."""
    begin = {
        WORDS: Holding((monthly(100, balance=5),)),
        CREDITS: Holding((monthly(200, id="credits"),)),
    }

    state, receipt = locked(begin, 8)
    after = given_back(state, receipt, units)

    assert held(after) == {"monthly": words}
    assert held(after, CREDITS) == {"credits": Decimal(credit_left)}


def test_a_lock_gives_back_whatever_else_happened_to_the_row() -> None:
    _state, receipt = locked(of_words(lifetime(20)), 8)
    edited = of_words(lifetime(20, balance=50))

    assert held(given_back(edited, receipt, 8)) == {"lifetime": 58}


def test_a_row_that_was_reset_has_forgotten_the_lock() -> None:
    state, receipt = locked(of_words(monthly(100)), 30)
    reset = {WORDS: Holding(renewal.renewed(state[WORDS].rows, START + 30 * DAY))}

    unwound = locks.unwound(reset, receipt, Decimal(30))

    assert held(unwound.state) == {"monthly": 100}
    assert (unwound.movements, unwound.missing) == ((), 0)


def test_an_edit_of_the_reset_date_is_no_reset() -> None:
    state, receipt = locked(of_words(monthly(100)), 30)
    (row,) = state[WORDS].rows
    moved = {WORDS: Holding((row._replace(next_reset_at=START + 3 * DAY),))}
    reset = {WORDS: Holding(renewal.renewed(moved[WORDS].rows, START + 3 * DAY))}

    assert held(given_back(moved, receipt, 30)) == {"monthly": 100}
    assert held(given_back(reset, receipt, 30)) == {"monthly": 100}
    used = {WORDS: Holding((reset[WORDS].rows[0]._replace(balance=Decimal(60)),))}
    assert held(given_back(used, receipt, 30)) == {"monthly": 60}


def test_with_an_entity_goes_what_was_its_own() -> None:
    own = lifetime(5, entity_id="a", id="own")
    of_a = Place("words", "a")
    begin = {WORDS: Holding((lifetime(20),)), of_a: Holding((own,))}

    state, receipt = locked(begin, 8, Subject("a"))
    left = {WORDS: state[WORDS]}
    unwound = locks.unwound(left, receipt, Decimal(8), gone="a")

    assert (held(unwound.state), unwound.missing) == ({"lifetime": 20}, 0)


def test_what_is_still_carried_over_after_a_reset_gets_back_what_it_paid() -> None:
    """A reset starts the row anew, but what it carried over goes on."""
    rule = RolloverRule(None, None, 3)
    row = monthly(100, rollover=rule, rollovers=(carried(50, START + 60 * DAY),))

    state, receipt = locked(of_words(row), 30)
    reset = {WORDS: Holding(renewal.renewed(state[WORDS].rows, START + 30 * DAY))}
    unwound = locks.unwound(reset, receipt, Decimal(30))

    (after,) = unwound.state[WORDS].rows
    assert [one.balance for one in after.rollovers] == [50, 100]
    assert (after.balance, unwound.missing) == (100, 0)


def test_what_has_nowhere_to_go_back_to_is_told() -> None:
    """Twelve of eighteen came from a row that is gone; the rest goes back where it came from."""
    state, receipt = locked(of_words(hourly(6), lifetime(20)), 18)
    without = {WORDS: Holding((state[WORDS].rows[0],))}

    all_of_it = locks.unwound(without, receipt, Decimal(18))
    a_part = locks.unwound(without, receipt, Decimal(7))

    assert (held(all_of_it.state), all_of_it.missing) == ({"hourly": 6}, 12)
    assert (held(a_part.state), a_part.missing) == ({"hourly": 0}, 7)
    assert locks.unwound({}, receipt, Decimal(18)).missing == 18


def test_a_rollover_that_expired_meanwhile_is_missed() -> None:
    state, receipt = locked(of_words(monthly(10, rollovers=(carried(5, START + DAY),))), 7)
    later = {WORDS: Holding(renewal.renewed(state[WORDS].rows, START + DAY))}

    unwound = locks.unwound(later, receipt, Decimal(7))

    assert (held(unwound.state), unwound.missing) == ({"monthly": 10}, 5)


def test_what_a_lock_gave_ahead_is_taken_back_where_it_went() -> None:
    """Overdrawn rows were lifted first, so what went elsewhere is taken back first."""
    begin = of_words(monthly(20, balance=10), metered(5, balance=-3))

    state, receipt = locked(begin, -8)

    assert held(state) == {"monthly": 15, "metered": 0}
    assert [(part.row_id, part.value) for part in receipt.taken] == [
        ("metered", -3),
        ("monthly", -5),
    ]
    assert held(given_back(state, receipt, -6)) == {"monthly": 10, "metered": -1}
    assert given_back(state, receipt, -8) == begin


def test_a_lock_gives_ahead_no_more_than_was_granted() -> None:
    state, receipt = locked(of_words(lifetime(20, balance=15)), -8)

    assert (receipt.value, held(state)) == (-5, {"lifetime": 20})
    gone = locks.unwound({}, receipt, Decimal(-5))
    assert gone.missing == -5


def test_a_lock_of_nothing_gives_nothing_back() -> None:
    state, receipt = locked(of_words(lifetime(20)), 0)

    assert (receipt.taken, receipt.value) == ((), 0)
    assert given_back(state, receipt, 0) == of_words(lifetime(20))


def limited(rows: tuple[Row, ...], **fields: Any) -> Holding:
    limit = UsageLimit(Decimal(9), "month", resets_at=START + 30 * DAY, **fields)
    return Holding(rows, Controls(usage_limits=(limit,)))


def used(state: State, place: Place = WORDS) -> Decimal:
    return state[place].controls.usage_limits[0].used


def test_windows_count_down_what_is_given_back() -> None:
    begin = {
        WORDS: limited((lifetime(2),)),
        CREDITS: limited((monthly(200, id="credits"),)),
    }

    state, receipt = locked(begin, 7)

    assert (used(state), used(state, CREDITS)) == (7, 1)
    part = given_back(state, receipt, 6)
    assert (used(part), used(part, CREDITS)) == (1, 0)
    assert given_back(state, receipt, 7) == begin


def test_only_windows_of_such_events_count_down() -> None:
    begin = {WORDS: limited((lifetime(20),), filter=(("region", "eu"),), used=Decimal(4))}

    eu, of_eu = locked(begin, 3, region="eu")
    us, of_us = locked(begin, 3, region="us")

    assert (used(eu), used(given_back(eu, of_eu, 3))) == (7, 4)
    assert (used(us), used(given_back(us, of_us, 3))) == (4, 4)


def test_an_unlimited_row_is_not_counted_in_either_direction() -> None:
    begin = {WORDS: limited((a_row(0, id="free", unlimited=True),), used=Decimal(4))}

    state, receipt = locked(begin, 3)

    assert (held(state), used(state)) == ({"free": -3}, 4)
    assert given_back(state, receipt, 3) == begin


def test_a_lock_of_an_entity_gives_back_to_each_place() -> None:
    mould = lifetime(5, id="each", entity_feature_id="seats")
    of_a, of_b = Place("words", "a"), Place("words", "b")
    begin = {
        WORDS: Holding(in_order(mould, lifetime(20, id="all", created_at=START + 1))),
        of_a: Holding((cast(mould, "a"),)),
        of_b: Holding((cast(mould, "b"),)),
    }

    state, receipt = locked(begin, 8, Subject("a"))

    assert [(part.place, part.value) for part in receipt.taken] == [(of_a, 5), (WORDS, 3)]
    assert given_back(state, receipt, 8) == begin
    by_customer, other = locked(begin, 28)
    assert held(by_customer, of_a) == {"each": 0}
    assert given_back(by_customer, other, 28) == begin


@given(
    balances=st.lists(st.integers(-20, 30), min_size=1, max_size=4),
    amount=st.integers(-40, 40).filter(bool),
    parts=st.lists(st.integers(1, 40), max_size=3),
)
def test_a_release_undoes_a_lock_exactly(
    balances: list[int], amount: int, parts: list[int]
) -> None:
    """In one go; and giving a part back returns that part and nothing else."""
    rows = (metered(10, id=f"r{n}", balance=left) for n, left in enumerate(balances))
    begin = of_words(*rows)
    drawn = pool.draw(begin, CUSTOMER, Use("words", Decimal(amount), COSTS, Overage.REJECT))
    taken = locks.taken(drawn.movements, COSTS)
    receipt = Receipt("words", CUSTOMER, {}, taken, locks.reserved(Decimal(amount), taken))

    assert given_back(drawn.state, receipt, receipt.value) == begin
    for part in parts:
        units = min(abs(receipt.value), Decimal(part)) * (1 if amount > 0 else -1)
        after = given_back(drawn.state, receipt, units)
        assert sum(held(after).values()) - sum(held(drawn.state).values()) == units
