"""Periods of billing: from an anchor on, one interval after another."""

import calendar
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

_DAYS = {"day": 1, "week": 7}
_MONTHS = {"month": 1, "year": 12}


class Period(NamedTuple):
    """From `start` until before `end`, in seconds."""

    start: int
    end: int


def later(at: int, unit: str, count: int) -> int:
    """Return the time so many days, weeks, months or years after another (or before).

    A day that a month does not have is that month's last.
    """
    moment = datetime.fromtimestamp(at, UTC)
    if unit in _DAYS:
        return int((moment + timedelta(days=_DAYS[unit] * count)).timestamp())
    months = moment.year * 12 + moment.month - 1 + _MONTHS[unit] * count
    year, month = divmod(months, 12)
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    return int(moment.replace(year=year, month=month + 1, day=day).timestamp())


def around(anchor: int, interval: tuple[str, int], at: int) -> Period:
    """Return the period that contains a time; periods count from the anchor, both ways."""
    unit, count = interval
    turn = 0
    while later(anchor, unit, turn * count) > at:
        turn -= 1
    while later(anchor, unit, (turn + 1) * count) <= at:
        turn += 1
    return Period(later(anchor, unit, turn * count), later(anchor, unit, (turn + 1) * count))
