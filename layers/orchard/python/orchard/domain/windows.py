"""Usage limits over time: how much of a window is left, and when it starts anew."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from orchard.domain import interval
from orchard.domain.holding import UsageLimit
from orchard.domain.quantity import UNBOUNDED
from orchard.domain.row import Row, Rows

type Limits = tuple[UsageLimit, ...]
#: A Monday, 00:00 UTC, on the first of January of a year: where calendar windows begin.
_CALENDAR = 1_514_764_800_000


def rolled(limits: Limits, rows: Rows, now: int) -> Limits:
    """Return the limits as they stand at `now`: closed windows start anew, with nothing used."""
    if all(limit.resets_at > now for limit in limits):
        return limits
    return tuple(
        limit
        if limit.resets_at > now
        else limit._replace(used=Decimal(0), resets_at=_end(limit, rows, now))
        for limit in limits
    )


def aligned(limits: Limits, rows: Rows, now: int) -> Limits:
    """Return the limits on the cycle of these rows: a window whose end moves starts anew.

    A window longer than the cycle begins with one and then goes on, whatever the cycle does.
    """
    return tuple(_aligned(limit, rows, now) for limit in limits)


def counted(limits: Limits, amount: Decimal, properties: Mapping[str, Any]) -> Limits:
    """Return the limits after a use: those that the event matches count it, enabled or not."""
    if not amount:
        return limits
    return tuple(
        limit._replace(used=max(Decimal(0), limit.used + amount))
        if limit.matches(properties)
        else limit
        for limit in limits
    )


def left(limits: Limits, properties: Mapping[str, Any]) -> Decimal:
    """How much the enabled limits that such an event counts for still allow."""
    return min(
        (limit.left for limit in limits if limit.enabled and limit.matches(properties)),
        default=UNBOUNDED,
    )


def anchor_of(rows: Rows, every: str) -> Row | None:
    """The row whose resets the windows of a limit follow, which starts anew at this interval.

    A plan's rather than a grant's, a main plan's rather than an add-on's, one that does not reset
    within a window, the oldest: others that come and go leave the window alone.
    """
    resetting = (row for row in rows if row.next_reset_at is not None)
    return min(
        resetting,
        key=lambda row: (
            row.plan_id is None,
            row.add_on,
            _is_shorter(row, every),
            row.created_at,
            row.id,
        ),
        default=None,
    )


def _aligned(limit: UsageLimit, rows: Rows, now: int) -> UsageLimit:
    row, fresh = anchor_of(rows, limit.interval), limit._replace(anchor_at=None)
    end = _end(fresh, rows, now)
    anchor_at = None
    if row is not None:
        anchor_at = end if _is_shorter(row, limit.interval) else row.next_reset_at
    used = limit.used if limit.resets_at == end else Decimal(0)
    return limit._replace(used=used, resets_at=end, anchor_at=anchor_at)


def _end(limit: UsageLimit, rows: Rows, now: int) -> int:
    """When the window ends that is open at `now`."""
    if limit.anchor == "utc":
        return interval.boundary_after(_CALENDAR, limit.interval, now)
    row = anchor_of(rows, limit.interval)
    if row is None or row.next_reset_at is None:
        anchor = _CALENDAR if limit.anchor_at is None else limit.anchor_at
    elif not _is_shorter(row, limit.interval):
        anchor = row.next_reset_at
    elif limit.resets_at > now:
        return limit.resets_at
    else:
        anchor = limit.resets_at or interval.after(
            row.next_reset_at, row.interval, row.interval_count, -1
        )
    return interval.boundary_after(anchor, limit.interval, now)


def _is_shorter(row: Row, every: str) -> bool:
    """Whether the row resets within a window of this interval."""
    lengths = interval.LENGTH_MINUTES
    return lengths[row.interval] * row.interval_count < lengths[every]
