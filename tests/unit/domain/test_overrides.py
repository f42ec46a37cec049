"""Edits that end by themselves: what they make of rows, what time makes of that."""

from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.domain import balance, overrides, pool, recalculation, renewal
from orchard.domain.edits import BalanceNotFound, Edit, Selection
from orchard.domain.holding import Holding, Place
from orchard.domain.overrides import Term
from orchard.domain.quantity import total
from orchard.domain.row import ALLOCATED, RolloverRule, Row, Rows, Withheld
from orchard.domain.scope import CUSTOMER, Subject
from orchard.domain.sources import Overage
from orchard.errors import Invalid
from tests.unit.domain.rows import (
    DAY,
    HERE,
    START,
    a_row,
    held,
    in_order,
    lifetime,
    monthly,
    of,
    rows_of,
    shown,
    used,
)

OCTOBER, NOVEMBER = START + 30 * DAY, START + 61 * DAY
FRIDAY = START + 3 * DAY


def lent(
    rows: Rows, until: int = FRIDAY, named: str | None = None, at: int = START, **fields: int | str
) -> Rows:
    edit: dict[str, Any] = {name: Decimal(value) for name, value in fields.items()}
    after = overrides.edited(
        {HERE: Holding(rows)},
        CUSTOMER,
        HERE.feature_id,
        Selection(balance_id=named),
        Edit(**edit),
        term=Term("chg_1", at, until),
    )
    return after[HERE].rows


def kept(row: Row) -> list[tuple[Decimal, int]]:
    return [(one.amount, one.ends_at) for one in row.withheld]


def test_what_is_added_is_a_row_that_expires() -> None:
    before = monthly(100, plan_id="pro")
    (same, row) = lent((before,), add="0.5")

    assert same is before
    assert row == Row(
        id=row.id,
        created_at=START,
        allowance=Decimal("0.5"),
        balance=Decimal("0.5"),
        expires_at=FRIDAY,
        change_id="chg_1",
        addition=True,
    )


def test_what_is_added_to_seats_is_seats() -> None:
    (row,) = (
        one for one in lent((a_row(2, continuous=True, overage=ALLOCATED),), add=3) if one.addition
    )

    assert (row.continuous, row.overage) == (True, ALLOCATED)


def test_an_entity_gets_what_is_added_where_it_had_nothing() -> None:
    after = overrides.edited(
        {HERE: Holding((monthly(100),))},
        Subject("seat_1"),
        HERE.feature_id,
        Selection(),
        Edit(add=Decimal(5)),
        term=Term("chg_1", START, FRIDAY),
    )

    (row,) = after[Place(HERE.feature_id, "seat_1")].rows
    assert (row.entity_id, row.balance) == ("seat_1", 5)
    assert after[HERE].rows == (monthly(100),)


def test_usage_that_is_lowered_for_a_while_leaves_the_grant() -> None:
    rows = lent((monthly(100, balance=30, plan_id="pro"),), usage=10)

    seen = shown(rows)
    assert (seen.granted, seen.remaining, seen.usage) == (100, 90, 10)


def test_what_is_withheld_is_taken_in_order_and_each_row_knows_its_part() -> None:
    rows = in_order(monthly(40, plan_id="pro"), lifetime(30))

    after = lent(rows, add=-50)
    deeper = lent(rows, add=-80)

    assert held(after) == {"monthly": 0, "lifetime": 20}
    assert [kept(row) for row in after] == [[(40, FRIDAY)], [(10, FRIDAY)]]
    assert held(deeper) == {"monthly": -10, "lifetime": 0}
    assert [kept(row) for row in deeper] == [[(50, FRIDAY)], [(30, FRIDAY)]]


def test_what_is_withheld_is_taken_last_from_what_ends_earlier() -> None:
    rows = lent((lifetime(100),), add=50)
    early, late = lent(rows, add=-30), lent(rows, until=FRIDAY + 1, add=-30)

    assert {row.addition: row.balance for row in early} == {True: 20, False: 100}
    assert {row.addition: row.balance for row in late} == {True: 50, False: 70}


def test_a_filter_says_what_an_edit_is_about() -> None:
    rows = in_order(monthly(40, plan_id="pro"), lifetime(30))

    assert held(lent(rows, named="lifetime", add=-5)) == {"monthly": 40, "lifetime": 25}
    (added,) = (row for row in lent(rows, named="lifetime", remaining=35) if row.addition)
    assert added.balance == 5
    with pytest.raises(BalanceNotFound):
        lent(rows, named="other", add=5)


@pytest.mark.parametrize("fields", [{"add": 1}, {"remaining": 1}, {"usage": 1}])
def test_flags_and_unlimited_rows_are_left_as_they_are(fields: dict[str, Any]) -> None:
    for row in (a_row(0, boolean=True), a_row(0, unlimited=True)):
        with pytest.raises(Invalid):
            lent((row,), **fields)


def test_nothing_is_added_that_could_not_be_used() -> None:
    owing = (lifetime(10, balance=-20),)

    with pytest.raises(Invalid, match="below zero"):
        lent(owing, remaining=-5)
    assert held(lent(owing, remaining=-30)) == {"lifetime": -30}


def test_nothing_changes_when_there_is_nothing_to_change() -> None:
    rows = (monthly(100, balance=30),)

    assert lent(rows, add=0) == lent(rows, remaining=30) == lent(rows, usage=70) == rows


def test_what_is_withheld_comes_back_at_its_own_time() -> None:
    rows = lent(lent((lifetime(100),), add=-30), until=FRIDAY + 1, add=-20)

    assert balance.resets_at(Holding(rows)) == FRIDAY
    assert held(renewal.renewed(rows, FRIDAY - 1)) == {"lifetime": 50}
    (row,) = renewal.renewed(rows, FRIDAY)
    assert (row.balance, kept(row)) == (80, [(20, FRIDAY + 1)])
    assert renewal.renewed(rows, FRIDAY + 1) == (lifetime(100),)


def test_a_reset_goes_on_withholding_until_the_end() -> None:
    rows = lent((monthly(100, balance=60),), until=OCTOBER + DAY, add=-130)

    (row,) = renewal.renewed(rows, OCTOBER)

    assert (row.balance, row.next_reset_at) == (-30, NOVEMBER)
    assert held(renewal.renewed((row,), OCTOBER + DAY)) == {"monthly": 100}


@pytest.mark.parametrize(
    ("end", "carried"), [(FRIDAY, 100), (OCTOBER, 100), (OCTOBER + 1, 70), (NOVEMBER, 70)]
)
def test_what_came_back_before_a_reset_is_carried_over_by_it(end: int, carried: int) -> None:
    rows = lent((monthly(100, rollover=RolloverRule(None, None, None)),), until=end, add=-30)

    (row,) = renewal.renewed(rows, OCTOBER + 5 * DAY)

    assert total(one.balance for one in row.rollovers) == carried
    assert row.balance == (100 if end <= OCTOBER + 5 * DAY else 70)


def test_a_refund_gives_back_what_was_used_and_not_what_is_withheld() -> None:
    rows = lent((lifetime(100, balance=90),), add=-130)

    back = used(rows, -25)

    assert (held(back.rows), back.left) == ({"lifetime": -30}, 15)
    assert held(used(rows, -25, Overage.OVERFLOW).rows) == {"lifetime": -15}


def test_what_goes_beyond_all_balance_is_not_borne_by_what_was_added() -> None:
    """It would be gone with it; sources that expire sooner pay first otherwise."""
    rows = lent((lifetime(100),), add=50)

    after = used(rows, 170, Overage.OVERFLOW).rows

    assert {row.addition: row.balance for row in after} == {True: 0, False: -20}


def test_seats_in_use_are_counted_by_another_row_once_an_addition_ends() -> None:
    seats = a_row(2, continuous=True, overage=ALLOCATED)
    rows = used(lent((seats,), add=3), 4).rows

    (row,) = renewal.renewed(rows, FRIDAY)

    assert (row.balance, row.usage) == (-2, 4)


def test_levelling_leaves_withheld_what_is_withheld() -> None:
    rows = in_order(monthly(100, balance=-20), *lent((lifetime(100),), add=-30))

    after = rows_of(recalculation.levelled(of(rows)))

    assert total(row.balance for row in after) == total(row.balance for row in rows) == 50
    assert held(renewal.renewed(after, FRIDAY)) == {"monthly": 0, "lifetime": 80}


def test_what_is_temporary_is_told_in_the_order_of_its_ends() -> None:
    rows = in_order(
        monthly(100, plan_id="pro", expires_at=FRIDAY),
        lifetime(100, balance=20, expires_at=FRIDAY + 1, change_id="chg_2", external_id="gift"),
        lifetime(50, id="lasting"),
    )
    rows = lent(rows, until=FRIDAY + 2, add=-150)
    rows = lent(rows, add=7)

    first, second, third = overrides.of(rows)

    assert (first.kind, first.amount, first.remaining, first.ends_at) == ("addition", 7, 7, FRIDAY)
    assert (second.id, second.kind, second.amount, second.remaining, second.external_id) == (
        *("lifetime", "grant", 100, 20, "gift"),
    )
    assert third == overrides.Override(
        *("chg_1", "reduction", Decimal(150), Decimal(150), START, FRIDAY + 2, "chg_1"),
    )


def test_a_balance_that_lasts_has_nothing_temporary() -> None:
    assert overrides.of((monthly(100, plan_id="pro"), lifetime(5))) == ()


class Use(NamedTuple):
    """Some hours later, so much is used, or given back."""

    hours: int
    value: int


USES = st.lists(
    st.builds(Use, hours=st.integers(0, 400), value=st.integers(-20, 60)), min_size=1, max_size=12
)
ROWS = st.sampled_from(
    [
        monthly(100),
        lifetime(100),
        lifetime(40, balance=-10),
        a_row(30, interval="day", next_reset_at=START + DAY),
    ]
)


@given(row=ROWS, less=st.integers(1, 150), hours=st.integers(1, 1500), uses=USES)
def test_a_reduction_is_exactly_its_amount_as_long_as_it_lasts_and_then_nothing(
    row: Row, less: int, hours: int, uses: list[Use]
) -> None:
    """Whatever is used and given back, and however often the row is reset meanwhile."""
    now, end = START, START + hours * DAY // 24
    plain: Rows = (row,)
    reduced = lent(plain, until=end, add=-less)
    for one in uses:
        now += one.hours * DAY // 24
        overage = Overage.OVERFLOW if one.value > 0 else Overage.CAP
        plain = used(renewal.renewed(plain, now), one.value, overage).rows
        reduced = used(renewal.renewed(reduced, now), one.value, overage).rows

        assert plain[0].balance - reduced[0].balance == (less if now < end else 0)
    assert renewal.renewed(reduced, max(now, end)) == renewal.renewed(plain, max(now, end))


@given(
    grants=st.lists(st.integers(0, 60), min_size=1, max_size=3),
    change=st.integers(-150, 150).filter(bool),
    uses=USES,
    hours=st.integers(1, 1500),
)
def test_after_its_end_a_balance_is_as_without_an_edit_but_for_what_the_edit_paid(
    grants: list[int], change: int, uses: list[Use], hours: int
) -> None:
    """Over sources that never reset, whatever was used, and what of it was refused."""
    before = in_order(*(lifetime(some, id=f"row{i}") for i, some in enumerate(grants)))
    now, end = START, START + hours * DAY // 24
    rows = lent(before, until=end, add=change)
    taken = paid = Decimal(0)
    for one in uses:
        now += one.hours * DAY // 24
        rows = renewal.renewed(rows, now)
        after = used(rows, one.value)
        moved = total(movement.value for movement in after.movements)
        taken += moved
        paid += total(one.value for one in after.movements if one.row.addition)
        rows = after.rows
    rows = renewal.renewed(rows, max(now, end))

    assert total(row.balance for row in rows) == sum(grants) - taken + paid
    assert not any(row.withheld or row.addition for row in rows)


@given(rows=st.permutations(range(4)), now=st.integers(0, 5))
def test_ends_come_in_whatever_order_they_were_set(rows: list[int], now: int) -> None:
    """Looking in between changes nothing."""
    row = lifetime(
        100,
        balance=90,
        withheld=tuple(Withheld(f"chg_{i}", Decimal(2**i), START, START + i + 1) for i in rows),
    )
    at_once = renewal.renewed((row,), START + now)
    step_by_step: Rows = (row,)
    for passed in range(now + 1):
        step_by_step = renewal.renewed(step_by_step, START + passed)

    assert at_once == step_by_step
    assert at_once[0].balance == 90 + sum(2**i for i in range(4) if i < now)


def test_the_pool_hands_out_no_more_than_is_not_withheld() -> None:
    rows = lent((lifetime(100),), add=-30)
    wanted = pool.Use(HERE.feature_id, Decimal(90), {HERE.feature_id: Decimal(1)}, Overage.CAP)

    drawn = pool.draw({HERE: Holding(rows)}, CUSTOMER, wanted)

    assert drawn.left == 20
