"""What a balance showed over time: after each write, and as time alone went on changing it.

A write is seen from its time on: the latest time that it or any write before it was decided at, as
the clocks of concurrent requests may disagree. Until the next one is seen, a reader finds what the
write left with resets and expiries applied, so the figures change at known instants and only then.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

from orchard.domain import balance, interval, summary
from orchard.domain.holding import Holding
from orchard.domain.quantity import ZERO, total
from orchard.domain.summary import Seen

#: What of a place is shown: nothing, only that entities have slices, amounts, or no bound at all.
HIDDEN, SLICED, LIMITED, UNLIMITED = "-", "s", "l", "u"
#: What time did, the first as the kind of a change too.
RESET, EXPIRY, EDIT_END = "reset", "expiry", "edit_end"
#: So many instants of one write are foreseen; the job that writes resets down is far faster.
_FORESEEN = 100
#: A Monday, 00:00 UTC, on the first of January of a year: where bins of every size begin.
_CALENDAR = 1_514_764_800_000


class Figures(NamedTuple):
    """What one place adds to the totals of a view."""

    kind: str = HIDDEN
    granted: Decimal = ZERO
    remaining: Decimal = ZERO
    usage: Decimal = ZERO


class Write(NamedTuple):
    """What a write left: usage settled, nothing applied that time does. `at` is its own time."""

    seq: int
    at: int
    holding: Holding


class Point(NamedTuple):
    """What is shown from `time` on (UTC ms), by the write with this number."""

    time: int
    seq: int
    figures: Figures


class Bin(NamedTuple):
    """A span of the calendar (UTC): where it begins, and the instant whose figures stand for it."""

    period: int
    instant: int


class Mark(NamedTuple):
    """A change of a balance that is not usage; the totals are those that it changed."""

    time: int
    kind: str
    change_id: str
    entity_id: str | None
    by: str
    reason: str | None
    reference: str | None
    before: Mapping[str, Any]
    after: Mapping[str, Any]

    @property
    def by_time(self) -> str | None:
        """What time did: a reset, the end of an edit, or an expiry; None if it was not time."""
        if self.kind != RESET:
            return None
        was, now = (side.get("sources", {}) for side in (self.before, self.after))
        if any("next_reset_at" in fields for fields in now.values()):
            return RESET
        gone = [fields for name, fields in was.items() if name not in now]
        ended = all(fields.get("addition") for fields in gone)
        returned = any("withheld" in fields for fields in now.values())
        return EDIT_END if ended and (gone or returned) else EXPIRY


def figures(holding: Holding) -> Figures:
    """Return what a place that stands like this adds to the totals of a view."""
    own = summary.summary(Seen(holding.own))
    if own is not None:
        kind = UNLIMITED if own.unlimited else LIMITED
        return Figures(kind, own.granted, own.remaining, own.usage)
    return Figures(HIDDEN if summary.summary(Seen(holding.rows)) is None else SLICED)


def combined(parts: Iterable[Figures]) -> Figures | None:
    """Return the totals of a view, given what its places add; None when there is nothing to show.

    As in the view itself, what is unlimited leaves nothing else to count.
    """
    shown = [part for part in parts if part.kind != HIDDEN]
    unlimited = [part for part in shown if part.kind == UNLIMITED]
    counted = unlimited or shown
    if not counted:
        return None
    return Figures(
        UNLIMITED if unlimited else LIMITED,
        total(part.granted for part in counted),
        total(part.remaining for part in counted),
        total(part.usage for part in counted),
    )


def points(writes: Sequence[Write], since: int = 0, until: int | None = None) -> tuple[Point, ...]:
    """Return what successive writes of one balance showed, each until the next one was seen.

    `since` is the time from which the write before them is seen, `until` that of the one after.
    """
    times = list(accumulate((write.at for write in writes), max, initial=since))[1:]
    if until is not None:
        times = [min(time, until) for time in times]
    ends = [*times[1:], until]
    seen = zip(writes, times, ends, strict=True)
    return tuple(point for write, time, end in seen for point in _of_write(write, time, end))


def merged(stretch: Iterable[Point], more: Iterable[Point]) -> tuple[Point, ...]:
    """Return the points of two runs of writes in one; each write shows until the next is seen."""
    ordered = sorted((*stretch, *more), key=lambda point: (point.seq, point.time))
    starts = {point.seq: point.time for point in reversed(ordered)}
    following = dict(pairwise(sorted(starts)))

    def is_seen(point: Point) -> bool:
        after = starts.get(following.get(point.seq, -1))
        return after is None or point.time < after or point.time == starts[point.seq]

    return tuple(point for point in ordered if is_seen(point))


def at(known: Iterable[Point], instant: int) -> Figures | None:
    """Return what was shown at an instant; None before the first point."""
    shown = None
    for point in known:
        if point.time <= instant:
            shown = point.figures
    return shown


def bins(start: int, end: int, size: str) -> Iterator[Bin]:
    """Yield the hours, days, weeks or months from `start` to `end`, each with its last instant."""
    period = interval.after(interval.boundary_after(_CALENDAR, size, start), size, 1, -1)
    while period <= end:
        following = interval.after(period, size, 1)
        yield Bin(period, min(following - 1, end))
        period = following


def _of_write(write: Write, time: int, end: int | None) -> Iterator[Point]:
    shown = None
    for instant in (time, *_instants(write.holding, time, end)):
        found = figures(balance.renewed(write.holding, instant))
        if found != shown:
            yield Point(instant, write.seq, found)
            shown = found


def _instants(holding: Holding, time: int, end: int | None) -> list[int]:
    """When the figures may change by themselves, between two times.

    Each row has a first reset, later ones find it as that left it; what resets carry over expires.
    """

    def between(instants: Iterable[int]) -> set[int]:
        return {at for at in instants if at > time and (end is None or at < end)}

    found = between(at for row in holding.rows for at in row.instants())
    if any(row.rollover for row in holding.rows):
        renewed = [balance.renewed(holding, at) for at in (time, *found)]
        carried = (one for held in renewed for row in held.rows for one in row.rollovers)
        found |= between(one.expires_at or 0 for one in carried)
    return sorted(found)[:_FORESEEN]
