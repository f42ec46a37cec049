"""Usage limits over time: how much of a window is left, and when it starts anew."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from orchard.domain import interval
from orchard.domain.holding import UsageLimit
from orchard.domain.quantity import UNBOUNDED
from orchard.domain.row import Rows

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
    """Return the limits on the cycle of these rows: a window whose end moves starts anew."""
    return tuple(_aligned(limit, _end(limit, rows, now)) for limit in limits)


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


def anchor_of(rows: Rows) -> int | None:
    """The time that windows of these rows follow: a plan's reset, else a grant's, else none."""
    resetting = [row for row in rows if row.next_reset_at is not None]
    first = min(resetting, key=lambda row: (row.plan_id is None, row.next_reset_at), default=None)
    return None if first is None else first.next_reset_at


def _aligned(limit: UsageLimit, end: int) -> UsageLimit:
    if limit.resets_at == end:
        return limit
    return limit._replace(used=Decimal(0), resets_at=end)


def _end(limit: UsageLimit, rows: Rows, now: int) -> int:
    anchor = None if limit.anchor == "utc" else anchor_of(rows) or limit.anchor_at
    return interval.boundary_after(_CALENDAR if anchor is None else anchor, limit.interval, now)
