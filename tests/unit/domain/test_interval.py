"""Reset intervals: fixed spans, calendar months, and the ends of months."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.domain import interval

DAY = 86_400_000


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def day(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).date().isoformat()


@pytest.mark.parametrize(
    ("name", "count", "expected"),
    [
        ("minute", 1, "2026-01-31T10:01"),
        ("minute", 90, "2026-01-31T11:30"),
        ("hour", 1, "2026-01-31T11:00"),
        ("day", 1, "2026-02-01T10:00"),
        ("week", 2, "2026-02-14T10:00"),
        ("month", 1, "2026-02-28T10:00"),
        ("month", 13, "2027-02-28T10:00"),
        ("quarter", 1, "2026-04-30T10:00"),
        ("semi_annual", 1, "2026-07-31T10:00"),
        ("year", 1, "2027-01-31T10:00"),
    ],
)
def test_one_interval_after_the_end_of_january(name: str, count: int, expected: str) -> None:
    assert interval.after(ms("2026-01-31T10:00"), name, count) == ms(expected)


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (1, "2026-02-28"),
        (2, "2026-03-31"),
        (3, "2026-04-30"),
        (12, "2027-01-31"),
        (25, "2028-02-29"),
    ],
)
def test_months_are_counted_from_the_anchor_itself(times: int, expected: str) -> None:
    assert day(interval.after(ms("2026-01-31"), "month", 1, times)) == expected


@pytest.mark.parametrize(
    ("anchor", "name", "now", "expected"),
    [
        ("2026-01-31", "month", "2026-01-31", "2026-02-28"),
        ("2026-01-31", "month", "2026-02-27", "2026-02-28"),
        ("2026-01-31", "month", "2026-02-28", "2026-03-31"),
        ("2026-01-31", "month", "2026-07-15", "2026-07-31"),
        ("2024-02-29", "year", "2024-02-29", "2025-02-28"),
        ("2024-02-29", "year", "2027-06-01", "2028-02-29"),
        ("2026-08-31", "quarter", "2026-10-01", "2026-11-30"),
        ("2026-08-31", "semi_annual", "2026-10-01", "2027-02-28"),
        ("2026-01-01", "week", "2026-01-20", "2026-01-22"),
        ("2026-01-01", "day", "2026-03-01", "2026-03-02"),
        ("2020-01-01", "minute", "2026-01-01", "2026-01-01"),
    ],
)
def test_the_first_boundary_is_the_first_after_now(
    anchor: str, name: str, now: str, expected: str
) -> None:
    boundary = interval.first_boundary(ms(anchor), name, 1, ms(now))

    assert day(boundary) == expected
    assert boundary > ms(now)


@pytest.mark.parametrize(
    ("anchor", "name", "count", "now", "expected"),
    [
        ("2026-01-31", "month", 1, "2026-02-28", ("2026-02-28", "2026-03-31")),
        ("2026-01-31", "month", 1, "2026-03-30", ("2026-02-28", "2026-03-31")),
        ("2026-01-15", "month", 3, "2026-09-01", ("2026-07-15", "2026-10-15")),
        ("2026-01-15", "year", 1, "2025-12-01", ("2025-01-15", "2026-01-15")),
        ("2026-01-15", "year", 1, "2026-01-15", ("2026-01-15", "2027-01-15")),
        ("2026-01-01", "week", 2, "2025-12-31", ("2025-12-18", "2026-01-01")),
    ],
)
def test_a_cycle_extends_to_both_sides_of_its_anchor(
    anchor: str, name: str, count: int, now: str, expected: tuple[str, str]
) -> None:
    start, end = interval.around(ms(anchor), name, count, ms(now))

    assert (day(start), day(end)) == expected


def test_the_first_boundary_of_an_anchor_to_come_is_one_interval_after_it() -> None:
    boundary = interval.first_boundary(ms("2026-05-01"), "month", 1, ms("2026-01-01"))

    assert day(boundary) == "2026-06-01"


@pytest.mark.parametrize(
    ("boundary", "name", "count", "now", "expected"),
    [
        ("2026-01-31", "month", 1, "2026-01-31", "2026-02-28"),
        ("2026-02-28", "month", 1, "2026-02-28", "2026-03-28"),
        ("2026-01-31", "month", 1, "2026-03-05", "2026-03-28"),
        ("2026-05-31", "month", 1, "2026-06-30", "2026-07-30"),
        ("2028-01-30", "month", 1, "2028-02-01", "2028-02-29"),
        ("2024-02-29", "year", 1, "2026-01-01", "2026-02-28"),
        ("2024-02-29", "year", 1, "2028-02-28", "2029-02-28"),
        ("2026-01-31", "quarter", 2, "2026-02-01", "2026-07-31"),
        ("2026-01-01", "day", 3, "2026-01-01", "2026-01-04"),
        ("2026-01-01", "day", 3, "2026-01-09", "2026-01-10"),
        ("2026-01-01", "day", 3, "2026-01-10", "2026-01-13"),
        ("2026-01-01", "week", 1, "2026-12-31", "2027-01-07"),
    ],
)
def test_the_next_boundary_steps_from_the_last_one(
    boundary: str, name: str, count: int, now: str, expected: str
) -> None:
    """So the 31st becomes the 28th in February and stays the 28th."""
    assert day(interval.next_boundary(ms(boundary), name, count, ms(now))) == expected


@given(
    boundary=st.integers(ms("2020-01-01"), ms("2030-01-01")),
    name=st.sampled_from(sorted({*interval.SPANS_MS, *interval.MONTHS} - {"minute"})),
    count=st.integers(1, 5),
    late=st.integers(0, 3 * 365 * DAY),
)
def test_a_boundary_is_later_than_now_and_not_a_whole_interval_later(
    boundary: int, name: str, count: int, late: int
) -> None:
    now = boundary + late

    following = interval.next_boundary(boundary, name, count, now)

    longest = interval.SPANS_MS.get(name) or interval.MONTHS[name] * 31 * DAY
    assert now < following <= now + longest * count


@given(
    anchor=st.integers(ms("2020-01-01"), ms("2030-01-01")),
    name=st.sampled_from(sorted({*interval.SPANS_MS, *interval.MONTHS} - {"minute"})),
    count=st.integers(1, 5),
    elapsed=st.integers(0, 3 * 365 * DAY),
)
def test_the_first_boundary_misses_none(anchor: int, name: str, count: int, elapsed: int) -> None:
    now = anchor + elapsed

    boundary = interval.first_boundary(anchor, name, count, now)

    times = next(n for n in range(1, 99_999) if interval.after(anchor, name, count, n) > now)
    assert boundary == interval.after(anchor, name, count, times)


def test_times_of_day_and_milliseconds_are_kept() -> None:
    start = ms("2026-01-31T23:59:59.987")

    assert interval.plus_months(start, 1) == ms("2026-02-28T23:59:59.987")
    assert interval.plus_months(start, 25) == ms("2028-02-29T23:59:59.987")
    assert interval.plus_months(start, 11) == ms("2026-12-31T23:59:59.987")
    assert interval.plus_months(start, 12) == ms("2027-01-31T23:59:59.987")
