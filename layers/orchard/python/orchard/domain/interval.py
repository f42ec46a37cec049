"""Reset intervals: fixed spans and calendar months, stepped in UTC milliseconds."""

from calendar import monthrange
from datetime import UTC, datetime, timedelta

MINUTE_MS = 60_000
DAY_MS = 86_400_000

SPANS_MS = {"minute": MINUTE_MS, "hour": 60 * MINUTE_MS, "day": DAY_MS, "week": 7 * DAY_MS}
MONTHS = {"month": 1, "quarter": 3, "semi_annual": 6, "year": 12}
#: The interval of a lifetime grant: it never resets.
ONE_OFF = "one_off"

#: How long an interval counts when rows are ordered: minutes, a month as 30 days.
LENGTH_MINUTES = {
    "minute": 1,
    "hour": 60,
    "day": 1_440,
    "week": 10_080,
    "month": 43_200,
    "quarter": 129_600,
    "semi_annual": 259_200,
    "year": 525_600,
    ONE_OFF: 1_000_000_000,
}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def after(start_ms: int, interval: str, count: int, times: int = 1) -> int:
    """Return the instant `times` intervals after `start_ms`.

    Months are counted from `start_ms` itself and a day that a month lacks becomes its last day:
    one month after 31 January is 28 or 29 February, two months after it is 31 March.
    """
    span = SPANS_MS.get(interval)
    if span is not None:
        return start_ms + span * count * times
    return _plus_months(start_ms, MONTHS[interval] * count * times)


def first_boundary(anchor_ms: int, interval: str, count: int, now_ms: int) -> int:
    """Return the first boundary later than `now_ms`, walking from the anchor."""
    times = max(1, _elapsed(anchor_ms, interval, count, now_ms))
    while (boundary := after(anchor_ms, interval, count, times)) <= now_ms:
        times += 1
    return boundary


def next_boundary(boundary_ms: int, interval: str, count: int, now_ms: int) -> int:
    """Return the boundary that replaces an elapsed one: interval upon interval until after now.

    Each step starts at the last boundary, so a month's end drifts: 31 January, 28 February,
    28 March. Fixed spans jump over missed cycles at once.
    """
    span = SPANS_MS.get(interval)
    if span is not None:
        step = span * count
        return boundary_ms + step * ((now_ms - boundary_ms) // step + 1)
    while boundary_ms <= now_ms:
        boundary_ms = _plus_months(boundary_ms, MONTHS[interval] * count)
    return boundary_ms


def plus_months(start_ms: int, months: int) -> int:
    """Return the instant `months` calendar months later, its day clamped to the month's end."""
    return _plus_months(start_ms, months)


def _elapsed(anchor_ms: int, interval: str, count: int, now_ms: int) -> int:
    """Whole intervals that have certainly passed since the anchor."""
    longest_ms = SPANS_MS.get(interval) or MONTHS[interval] * 31 * DAY_MS
    return (now_ms - anchor_ms) // (longest_ms * count)


def _plus_months(start_ms: int, months: int) -> int:
    start = _EPOCH + timedelta(milliseconds=start_ms)
    year, month0 = divmod(start.year * 12 + start.month - 1 + months, 12)
    day = min(start.day, monthrange(year, month0 + 1)[1])
    moved = start.replace(year=year, month=month0 + 1, day=day)
    return (moved - _EPOCH) // timedelta(milliseconds=1)


def boundary_after(anchor_ms: int, interval: str, now_ms: int) -> int:
    """Return the first boundary later than `now_ms` of the cycle that the anchor lies on.

    The anchor may be later than that itself: the cycle extends to both sides of it.
    """
    span = SPANS_MS.get(interval)
    if span is not None:
        return anchor_ms + span * ((now_ms - anchor_ms) // span + 1)
    step = MONTHS[interval]
    times = (now_ms - anchor_ms) // (28 * DAY_MS * step) + 1
    while _plus_months(anchor_ms, step * (times - 1)) > now_ms:
        times -= 1
    while _plus_months(anchor_ms, step * times) <= now_ms:
        times += 1
    return _plus_months(anchor_ms, step * times)


def around(anchor_ms: int, interval: str, count: int, now_ms: int) -> tuple[int, int]:
    """Return the boundaries before and after an instant; the cycle extends to both sides.

    One that is a boundary itself is the first of them.
    """
    longest_ms = SPANS_MS.get(interval) or MONTHS[interval] * 31 * DAY_MS
    times = (now_ms - anchor_ms) // (longest_ms * count)
    while after(anchor_ms, interval, count, times) > now_ms:
        times -= 1
    while (end := after(anchor_ms, interval, count, times + 1)) <= now_ms:
        times += 1
    return after(anchor_ms, interval, count, times), end
