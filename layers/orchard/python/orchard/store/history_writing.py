"""Adding to the past of balances: however often and in whatever order writes are told, once each.

Writes of one item are told in order, except those that were set aside or that come from where the
customer was kept before. So it is enough to look at the newest stretch, unless a write is older.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from orchard.domain import history
from orchard.domain.history import Point, Write
from orchard.store import history as stretches
from orchard.store.history import Owned, Stretch
from orchard.store.optimistic import optimistic
from orchard.store.statements import Item, Put
from orchard.store.table import Table

_DAY_MS = 86_400_000
#: Stretches among which late writes are looked for, at once.
_TOGETHER = 50
#: The clocks of two requests differ by less than this.
_SKEW_MS = 60_000


class Trace(NamedTuple):
    """A write of a balance, and what the balance showed before it, if that is known."""

    owned: Owned
    entity_id: str | None
    write: Write
    before: Write | None


class End(NamedTuple):
    """An entity was deleted."""

    tenant: str
    internal_id: str
    entity_id: str
    at: int


class _Gap(NamedTuple):
    """Between which writes something is missing: their numbers, None at either end."""

    below: int | None
    above: int | None


def items(
    table: Table, traces: Iterable[Trace], ends: Iterable[End], retention_days: int
) -> list[Item]:
    """Return the items that tell of these writes; what was told before is left out.

    One request for each balance. A write that was missing inside a stretch is added to it at once.
    """
    balances: dict[Owned, dict[int, Trace]] = defaultdict(dict)
    for trace in traces:
        balances[trace.owned][trace.write.seq] = trace
    made = [
        stretch
        for owned, told in balances.items()
        for stretch in _told(table, owned, told, retention_days)
    ]
    return [
        *(stretches.item(one, ttl(one.last.time, retention_days)) for one in made),
        *(stretches.end_item(*end, ttl(end.at, retention_days)) for end in ends),
    ]


def ttl(at: int, retention_days: int) -> int:
    """When what was written at a time (ms) is forgotten (s): never before it can't be asked for.

    A stretch is needed as long as the next one may be, which for a day leaves it the telling.
    """
    return (at + (retention_days + 2) * _DAY_MS) // 1000


def _told(table: Table, owned: Owned, told: dict[int, Trace], retention_days: int) -> list[Stretch]:
    newest = next(stretches.newest(table, owned), None)
    since = None if newest is None else newest.last
    fresh = [told[seq] for seq in sorted(told) if since is None or seq > since.seq]
    late = [trace for seq, trace in told.items() if trace not in fresh]
    if newest is not None:
        late = [trace for trace in late if trace.write.seq not in newest.writes]
    made = [_stretch(fresh, since)] if fresh else []
    return [*(_filled(table, late, retention_days) if late else ()), *made]


def _stretch(traces: Sequence[Trace], since: Point | None, until: Point | None = None) -> Stretch:
    """The points of successive writes, that are seen between two others."""
    first = traces[0]
    points = history.points(
        [trace.write for trace in traces],
        0 if since is None else since.time,
        None if until is None else until.time,
    )
    before: tuple[Point, ...] = ()
    if first.before is not None and _is_forgotten(since, points[0].time):
        before = history.points([first.before], until=points[0].time)
    return Stretch(first.owned, points, before, first.entity_id)


def _is_forgotten(since: Point | None, time: int) -> bool:
    """Whether the writes before may be forgotten while what they left is still asked for."""
    return since is None or time - since.time >= _DAY_MS


def _filled(table: Table, late: list[Trace], retention_days: int) -> list[Stretch]:
    """Add writes that are older than the newest stretch; return those between two stretches."""

    def attempt() -> list[Stretch]:
        made = []
        around = _around(table, late)
        for gap, missing in _gaps(around, late).items():
            inside = next((one for one in around if {*gap} <= one.writes.keys()), None)
            added = _stretch(missing, _point(around, gap.below), _point(around, gap.above))
            if inside is None:
                made.append(added)
            else:
                _put(table, inside, added, retention_days)
        return made

    return optimistic(attempt)


def _around(table: Table, late: list[Trace]) -> list[Stretch]:
    """The stretches among which writes belong, from the one before the first of them on."""
    lowest = min(trace.write.seq for trace in late)
    latest = max(trace.write.at for trace in late)
    found = []
    owned = late[0].owned
    for stretch in stretches.newest(table, owned, latest + _SKEW_MS, page=_TOGETHER):
        found.append(stretch)
        if stretch.points[0].seq < lowest:
            break
    return found


def _gaps(around: list[Stretch], late: list[Trace]) -> dict[_Gap, list[Trace]]:
    """The writes that are missing, by where they are."""
    known = {seq for stretch in around for seq in stretch.writes}
    gaps: dict[_Gap, list[Trace]] = defaultdict(list)
    for trace in sorted(late, key=lambda one: one.write.seq):
        seq = trace.write.seq
        if seq not in known:
            below = max((one for one in known if one < seq), default=None)
            above = min((one for one in known if one > seq), default=None)
            gaps[_Gap(below, above)].append(trace)
    return gaps


def _point(around: list[Stretch], seq: int | None) -> Point | None:
    points = (point for stretch in around for point in stretch.points)
    return min((point for point in points if point.seq == seq), default=None)


def _put(table: Table, stretch: Stretch, added: Stretch, retention_days: int) -> None:
    """Add writes to a stretch, unless somebody else does so."""
    whole = stretch._replace(points=history.merged(stretch.points, added.points))
    filled = stretches.item(whole, ttl(whole.last.time, retention_days))
    table.put(Put(filled, "writes = :writes", {":writes": len(stretch.writes)}))
