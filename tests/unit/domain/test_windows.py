"""The windows of usage limits: when they end, when they start anew, what they count."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from orchard.domain import balance, windows
from orchard.domain.balance import NEVER
from orchard.domain.holding import Controls, Holding, UsageLimit
from orchard.domain.quantity import UNBOUNDED
from orchard.domain.row import Row
from tests.unit.domain.rows import DAY, START, a_row, lifetime, monthly

HOUR = DAY // 24
#: 1 September 2026 is a Tuesday; half past ten.
NOW = START + 10 * HOUR + HOUR // 2


def at(month: int, day: int, hour: int = 0, year: int = 2026) -> int:
    return int(datetime(year, month, day, hour, tzinfo=UTC).timestamp()) * 1000


def a_limit(interval: str = "month", **fields: Any) -> UsageLimit:
    given = {name: Decimal(value) for name, value in fields.items() if name in ("limit", "used")}
    return UsageLimit(**{"limit": Decimal(10), "interval": interval, **fields, **given})


def end(limit: UsageLimit, *rows: Row, now: int = NOW) -> int:
    (aligned,) = windows.aligned((limit,), rows, now)
    return aligned.resets_at


#: A plan that resets on the 15th at 6 o'clock.
MID_MONTH = monthly(plan_id="pro", next_reset_at=at(9, 15, 6))


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        ("day", at(9, 2)),
        ("week", at(9, 7)),
        ("month", at(10, 1)),
        ("year", at(1, 1, year=2027)),
    ],
)
def test_without_a_cycle_windows_follow_the_calendar(interval: str, expected: int) -> None:
    assert end(a_limit(interval)) == expected
    assert end(a_limit(interval), lifetime()) == expected
    assert end(a_limit(interval, anchor="utc"), MID_MONTH) == expected


@pytest.mark.parametrize(
    ("interval", "expected"),
    [("day", at(9, 2, 6)), ("week", at(9, 8, 6)), ("month", at(9, 15, 6))],
)
def test_windows_nest_in_the_cycle_of_the_plan(interval: str, expected: int) -> None:
    """At its time of day; weeks are counted back from its end."""
    assert end(a_limit(interval), MID_MONTH) == expected
    assert end(a_limit(interval, anchor="billing_cycle"), MID_MONTH) == expected


def test_a_plan_sets_the_cycle_before_a_grant() -> None:
    grant = monthly(id="grant", next_reset_at=at(9, 3), created_at=START - 1)
    add_on = monthly(id="more", plan_id="more", add_on=True, next_reset_at=at(9, 4))

    assert end(a_limit(), grant, add_on, MID_MONTH) == at(9, 15, 6)
    assert end(a_limit(), grant, add_on) == at(9, 4)
    assert end(a_limit(), grant) == at(9, 3)


def test_a_row_that_expires_but_never_resets_sets_no_cycle() -> None:
    assert end(a_limit(), lifetime(expires_at=at(9, 3), plan_id="pro")) == at(10, 1)


#: Resets at the end of every hour.
HOURLY = a_row(5, id="hourly", plan_id="free", interval="hour", next_reset_at=START + 11 * HOUR)


@pytest.mark.parametrize(
    ("row", "interval", "expected"),
    [
        (HOURLY, "day", at(9, 2, 10)),
        (HOURLY, "week", at(9, 8, 10)),
        (a_row(5, plan_id="pro", interval="day", next_reset_at=at(9, 2, 6)), "month", at(10, 1, 6)),
        (MID_MONTH, "year", at(8, 15, 6, 2027)),
    ],
)
def test_a_window_longer_than_the_cycle_begins_with_it(
    row: Row, interval: str, expected: int
) -> None:
    assert end(a_limit(interval), row) == expected


def test_a_window_longer_than_the_cycle_outlasts_its_resets() -> None:
    (limit,) = windows.aligned((a_limit("day", used=0),), (HOURLY,), NOW)
    counting = limit._replace(used=Decimal(7))
    later = HOURLY._replace(next_reset_at=START + 20 * HOUR)

    assert windows.rolled((counting,), (later,), START + 19 * HOUR) == (counting,)
    (same,) = windows.aligned((counting,), (later,), START + 19 * HOUR)
    assert (same.used, same.resets_at) == (7, at(9, 2, 10))
    (closed,) = windows.rolled((counting,), (later,), at(9, 2, 10))
    assert (closed.used, closed.resets_at) == (0, at(9, 3, 10))


def test_a_plan_with_the_length_of_the_window_sets_it_before_shorter_ones() -> None:
    assert end(a_limit("month"), HOURLY._replace(created_at=START - 1), MID_MONTH) == at(9, 15, 6)


def test_a_window_stays_on_the_cycle_of_a_row_that_is_gone() -> None:
    aligned = windows.aligned((a_limit("month"), a_limit("week")), (MID_MONTH,), NOW)

    month, week = windows.rolled(aligned, (), at(9, 16))

    assert (month.resets_at, week.resets_at) == (at(10, 15, 6), at(9, 22, 6))


def test_a_new_limit_has_counted_nothing() -> None:
    (limit,) = windows.aligned((a_limit(),), (MID_MONTH,), NOW)

    assert (limit.used, limit.left) == (0, 10)


def test_a_window_keeps_its_count_as_long_as_its_end_stays() -> None:
    counting = a_limit(used=7, resets_at=at(9, 15, 6))
    lowered = counting._replace(limit=Decimal(3))

    (same,) = windows.aligned((lowered,), (MID_MONTH,), NOW)
    (moved,) = windows.aligned((counting,), (MID_MONTH._replace(next_reset_at=at(9, 20)),), NOW)

    assert (same.used, same.left) == (7, 0)
    assert (moved.used, moved.resets_at) == (0, at(9, 20))


def test_a_window_is_open_until_the_very_moment_it_ends() -> None:
    limits = (a_limit(used=7, resets_at=at(9, 2)),)

    assert windows.rolled(limits, (), at(9, 2) - 1) is limits
    (rolled,) = windows.rolled(limits, (), at(9, 2))
    assert (rolled.used, rolled.resets_at) == (0, at(10, 1))


def test_closed_windows_leave_others_alone() -> None:
    open_ = a_limit("month", used=5, resets_at=at(10, 1), anchor="utc")
    closed = a_limit("day", used=4, resets_at=at(9, 2), anchor="utc")

    found = windows.rolled((open_, closed), (), at(9, 2, 1))

    assert found == (open_, closed._replace(used=Decimal(0), resets_at=at(9, 3)))


def test_any_number_of_missed_windows_is_one() -> None:
    (limit,) = windows.rolled(
        (a_limit("day", used=4, resets_at=at(9, 2), anchor="utc"),), (), at(9, 9, 5)
    )

    assert (limit.used, limit.resets_at) == (0, at(9, 10))


def test_a_balance_rolls_its_windows_along_with_its_rows() -> None:
    """Usage that is pending when the window closes belongs to the one that closed."""
    controls = Controls(usage_limits=(a_limit(used=2, resets_at=at(9, 15, 6)),))
    held = Holding((MID_MONTH,), controls)

    before = balance.current(held, Decimal(3), at(9, 15, 5))
    after = balance.current(held, Decimal(3), at(9, 15, 6))

    assert [limit.used for limit in before.controls.usage_limits] == [5]
    (limit,) = after.controls.usage_limits
    assert (limit.used, limit.resets_at) == (0, at(10, 15, 6))
    assert after.rows[0].balance == 100


def test_a_limit_bounds_what_the_counter_of_a_balance_takes() -> None:
    controls = Controls(usage_limits=(a_limit(used=4, resets_at=at(9, 2)),))
    held = Holding((lifetime(100),), controls)

    counter = balance.counter(held)

    assert (counter.headroom, counter.due_at, counter.plain) == (6, at(9, 2), True)
    assert balance.room(Holding((lifetime(5),), controls)) == 5


def test_a_disabled_limit_bounds_nothing() -> None:
    controls = Controls(usage_limits=(a_limit(enabled=False, resets_at=at(9, 2)),))

    assert balance.room(Holding((lifetime(100),), controls)) == 100


def test_a_counter_does_not_look_at_properties() -> None:
    controls = Controls(usage_limits=(a_limit(filter=(("region", "eu"),), resets_at=NEVER),))
    held = Holding((lifetime(100),), controls)

    assert not balance.is_plain(held)
    assert balance.room(held) == 100


def test_an_unlimited_row_is_not_bound_and_not_counted() -> None:
    controls = Controls(usage_limits=(a_limit(used=4, resets_at=at(9, 2)),))
    held = Holding((a_row(0, unlimited=True),), controls)

    assert balance.room(held) == UNBOUNDED
    assert balance.settled(held, Decimal(50)).controls == controls
