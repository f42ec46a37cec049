"""What time alone does: expiry, resets, and what they carry over."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.domain import balance, renewal
from orchard.domain.holding import Holding
from orchard.domain.quantity import total
from orchard.domain.row import RolloverRule
from tests.unit.domain.rows import (
    DAY,
    START,
    carried,
    held,
    in_order,
    lifetime,
    monthly,
    shown,
    used,
)

#: 1 October, 1 November and 1 December 2026: the boundaries of a monthly row.
OCTOBER, NOVEMBER, DECEMBER = START + 30 * DAY, START + 61 * DAY, START + 91 * DAY


def rule(most: int | str | None = None, share: int | None = None, months: int | None = 1) -> Any:
    return RolloverRule(
        None if most is None else Decimal(most), None if share is None else Decimal(share), months
    )


def test_nothing_changes_before_its_time() -> None:
    rows = in_order(monthly(balance=3), lifetime(expires_at=OCTOBER))

    assert renewal.renewed(rows, OCTOBER - 1) is rows


def test_a_reset_starts_the_period_anew_and_ends_edits() -> None:
    (row,) = renewal.renewed((monthly(100, balance=-7, adjustment=30),), OCTOBER)

    assert (row.balance, row.adjustment, row.usage) == (Decimal(100), Decimal(0), Decimal(0))
    assert row.next_reset_at == NOVEMBER


def test_prepaid_units_are_there_again_after_a_reset() -> None:
    (row,) = renewal.renewed((monthly(100, prepaid=200, balance=1),), OCTOBER)

    assert row.balance == Decimal(300)


@pytest.mark.parametrize(
    ("late_days", "following"), [(0, NOVEMBER), (30, NOVEMBER), (31, DECEMBER), (60, DECEMBER)]
)
def test_missed_periods_are_one_reset(late_days: int, following: int) -> None:
    (row,) = renewal.renewed((monthly(balance=40, rollover=rule()),), OCTOBER + late_days * DAY)

    assert row.next_reset_at == following


@pytest.mark.parametrize(
    ("granted", "left", "allowed", "kept", "remaining"),
    [
        (400, 150, rule(500), 150, 550),
        (300, 250, rule(100), 100, 400),
        (400, 200, rule(500), 200, 600),
        (500, 500, rule(300), 300, 800),
        (100, 30, rule(None), 30, 130),
        (100, 80, rule(None, 50), 50, 150),
        (99, 80, rule(None, 50), 49, 148),
        (100, 80, rule(30, 50), 30, 130),
        (100, 80, rule(0), 0, 100),
        (100, 0, rule(500), 0, 100),
        (100, -20, rule(500), 0, 100),
        (100, 80, None, 0, 100),
    ],
)
def test_what_is_left_is_carried_over(
    granted: int, left: int, allowed: Any, kept: int, remaining: int
) -> None:
    (row,) = renewal.renewed((monthly(granted, balance=left, rollover=allowed),), OCTOBER)

    assert total(one.balance for one in row.rollovers) == Decimal(kept)
    assert shown((row,)).remaining == Decimal(remaining)
    assert shown((row,)).usage == Decimal(0)


def test_an_edited_balance_is_carried_over_as_it_stands() -> None:
    (row,) = renewal.renewed((monthly(100, balance=180, rollover=rule()),), OCTOBER)

    assert [one.balance for one in row.rollovers] == [Decimal(180)]


def test_what_was_carried_over_expires_months_after_the_boundary_it_crossed() -> None:
    late = OCTOBER + 3 * DAY

    (two,) = renewal.renewed((monthly(rollover=rule(months=2)),), late)
    (always,) = renewal.renewed((monthly(rollover=rule(months=None)),), late)

    assert [one.expires_at for one in two.rollovers] == [DECEMBER]
    assert [one.expires_at for one in always.rollovers] == [None]
    assert two.rollovers[0].id == f"roll_monthly_{OCTOBER}"


def test_what_would_have_expired_meanwhile_is_not_carried_over() -> None:
    (row,) = renewal.renewed((monthly(rollover=rule(months=1)),), NOVEMBER)

    assert row.rollovers == ()


def test_the_soonest_to_expire_is_cut_first_when_too_much_is_carried_over() -> None:
    before = monthly(
        400,
        balance=300,
        rollover=rule(500, months=None),
        rollovers=(carried(200, None), carried(150, OCTOBER + 9 * DAY)),
    )

    (row,) = renewal.renewed((before,), OCTOBER)

    # 150 + 200 + 300 is 150 too much: the dated one goes.
    assert [one.balance for one in row.rollovers] == [Decimal(200), Decimal(300)]


def test_a_part_of_what_was_carried_over_may_be_cut() -> None:
    before = monthly(
        400, balance=400, rollover=rule(500), rollovers=(carried(200, OCTOBER + 9 * DAY),)
    )

    (row,) = renewal.renewed((before,), OCTOBER)

    assert [one.balance for one in row.rollovers] == [Decimal(100), Decimal(400)]


def test_what_was_carried_over_and_used_up_goes_at_the_next_reset() -> None:
    spent = carried(0, OCTOBER + 9 * DAY, usage=Decimal(30))

    (row,) = renewal.renewed((monthly(balance=0, rollover=rule(), rollovers=(spent,)),), OCTOBER)

    assert row.rollovers == ()


def test_only_the_balance_is_carried_over_and_never_twice() -> None:
    before = monthly(100, rollover=rule(None, months=3), rollovers=(carried(30, DECEMBER),))

    (row,) = renewal.renewed((before,), OCTOBER)

    assert [one.balance for one in row.rollovers] == [Decimal(30), Decimal(100)]


def test_an_expired_rollover_goes_without_a_reset() -> None:
    before = monthly(
        rollover=rule(), rollovers=(carried(30, START + DAY), carried(20, START + 2 * DAY))
    )

    (row,) = renewal.renewed((before,), START + DAY)

    assert [one.balance for one in row.rollovers] == [Decimal(20)]
    assert row.next_reset_at == OCTOBER


@pytest.mark.parametrize("field", ["expires_at", "ends_at"])
def test_a_row_is_gone_from_the_very_moment_it_ends(field: str) -> None:
    rows = in_order(monthly(7), lifetime(50, **{field: START + DAY}))

    assert held(renewal.renewed(rows, START + DAY - 1)) == {"monthly": 7, "lifetime": 50}
    assert held(renewal.renewed(rows, START + DAY)) == {"monthly": 7}


def test_a_row_that_ends_when_it_would_reset_carries_nothing_over() -> None:
    rows = in_order(monthly(rollover=rule(), expires_at=OCTOBER))

    assert renewal.renewed(rows, OCTOBER) == ()


def test_a_row_without_a_reset_date_is_left_alone() -> None:
    row = lifetime(100, balance=20)

    assert renewal.reset(row, OCTOBER) is row


def test_usage_pending_at_the_reset_belongs_to_the_period_before() -> None:
    rows = (monthly(100, rollover=rule()),)

    (row,) = balance.current(Holding(rows), Decimal(30), OCTOBER).rows

    assert row.balance == Decimal(100)
    assert [one.balance for one in row.rollovers] == [Decimal(70)]


def test_the_boundary_steps_from_the_old_one_whenever_the_reset_happens() -> None:
    """A custom first boundary in ten days, found five days late."""
    row = monthly(50, balance=40, next_reset_at=START + 10 * DAY)

    (after,) = renewal.renewed((row,), START + 15 * DAY)

    assert after.balance == Decimal(50)
    assert after.next_reset_at == START + 40 * DAY


def test_what_a_reset_carried_over_is_used_first_and_counts_as_granted() -> None:
    rows = renewal.renewed((monthly(100, balance=30, rollover=rule()),), OCTOBER)

    seen = shown(used(rows, 10).rows)

    assert (seen.granted, seen.remaining, seen.usage) == tuple(map(Decimal, (130, 120, 10)))
    assert seen.rollovers is not None
    assert [(one.balance, one.usage) for one in seen.rollovers] == [(Decimal(20), Decimal(10))]


@given(
    left=st.integers(-50, 150),
    days=st.integers(0, 200),
    further=st.integers(0, 200),
    most=st.none() | st.integers(0, 300),
    months=st.none() | st.integers(1, 3),
)
def test_renewing_twice_is_renewing_once_when_no_boundary_lies_between(
    left: int, days: int, further: int, most: int | None, months: int | None
) -> None:
    row = monthly(100, balance=left, rollover=rule(most, months=months))
    now = START + days * DAY

    once = renewal.renewed((row,), now)

    assert renewal.renewed(once, now) == once
    due = balance.due_at(Holding(once))
    assert due > now
    later = min(due - 1, now + further * DAY)
    assert renewal.renewed(once, later) == once


def test_balance_carried_over_twice_from_one_date_is_told_apart() -> None:
    """A reset date can be set to the same past instant again; nothing is doubled by that."""
    (once,) = renewal.renewed((monthly(100, rollover=rule()),), OCTOBER)
    (twice,) = renewal.renewed((once._replace(next_reset_at=OCTOBER),), OCTOBER + 1)
    assert len({rollover.id for rollover in twice.rollovers}) == 2

    (left,), missing, _movements = used((twice,), 150)
    assert missing == 0
    assert total(rollover.balance for rollover in left.rollovers) + left.balance == 150
