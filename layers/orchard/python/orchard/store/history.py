"""What balances showed over time, in the table: stretches of points, by balance and time.

The stream's consumer adds a stretch for each balance that a batch is about. A stretch also holds
what was shown before it if no other one tells that, or only one that is forgotten earlier.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from orchard.domain import history
from orchard.domain.history import Figures, Mark, Point
from orchard.store import keys
from orchard.store.keys import Key
from orchard.store.session import Session
from orchard.store.statements import Item, Query, Value
from orchard.store.table import Table

#: Sorts after everything that a key goes on with.
_LAST = "\uffff"
_AT, _GONE = "AT", "GONE"
#: So many stretches are read in a row before each further instant is looked up by itself.
_IN_A_ROW = 500


class Owned(NamedTuple):
    """A balance that has a past. `entity` is the internal id of the entity whose it is, or ""."""

    tenant: str
    internal_id: str
    feature_id: str
    entity: str = ""


class Stretch(NamedTuple):
    """Successive writes of one balance, as points; `before` is what was shown until then."""

    owned: Owned
    points: tuple[Point, ...]
    before: tuple[Point, ...] = ()
    #: The caller's id of the entity.
    entity_id: str | None = None

    @property
    def key(self) -> Key:
        """Where it is kept."""
        first = self.points[0]
        return _key(self.owned, keys.instant(first.time), f"{first.seq:012}")

    @property
    def writes(self) -> dict[int, int]:
        """The number of each write, with the time from which it is seen."""
        return {point.seq: point.time for point in reversed(self.points)}

    @property
    def last(self) -> Point:
        """The last write."""
        seq = self.points[-1].seq
        return next(point for point in self.points if point.seq == seq)


class Wanted(NamedTuple):
    """Which marks: between two times, both included; with an entity, of what it or nobody has.

    `looked_at` is told how many lines were read to find them.
    """

    start: int
    end: int
    entity_id: str | None
    looked_at: Callable[[int], None]


def figures(table: Table, owned: Owned, instants: Sequence[int]) -> Iterator[Figures | None]:
    """Yield what a balance showed at some instants, which ascend; None before it existed.

    Two requests, if there are not too many stretches; then one more for each further instant.
    """
    if not instants:
        return
    known = next(newest(table, owned, instants[0]), None)
    is_all = known is not None and len(instants) == 1
    left = iter(()) if is_all else islice(_oldest(table, owned, instants[0]), _IN_A_ROW)
    following = next(left, None)
    read = 0
    for instant in instants:
        while following is not None and following.points[0].time <= instant:
            known, following, read = following, next(left, None), read + 1
        if read >= _IN_A_ROW:
            known = next(newest(table, owned, instant), known)
        yield _shown(known, following, instant)


def newest(
    table: Table, owned: Owned, instant: int | None = None, *, page: int = 1
) -> Iterator[Stretch]:
    """Yield the stretches that began by an instant, the newest first, strongly consistent.

    A request brings `page` of them.
    """
    high = _LAST if instant is None else keys.instant(instant)
    bounds = {":low": _key(owned, "").sk, ":high": _key(owned, high).sk + _LAST}
    return _query(table, owned, bounds, page, forward=False)


def owners(table: Table, whole: Owned) -> Iterator[Stretch]:
    """Yield a stretch of each entity that had a balance of a feature, one request for each."""
    entity = ""
    while True:
        low = _key(whole._replace(entity=entity), _LAST).sk
        bounds = {":low": low, ":high": keys.past(*whole[:2], _AT, whole.feature_id, _LAST).sk}
        found = next(_query(table, whole, bounds, 1), None)
        if found is None:
            return
        yield found
        entity = found.owned.entity


def end(session: Session, internal_id: str, entity_id: str, since: int) -> int | None:
    """Return when the entity that had this id at a time was deleted, if that was told."""

    def bound(at: str) -> str:
        return keys.past(session.tenant, internal_id, _GONE, entity_id, at).sk

    values = {
        ":pk": keys.history(session.tenant, internal_id),
        ":low": bound(keys.instant(since)),
        ":high": bound(_LAST),
    }
    query = Query("pk = :pk AND sk BETWEEN :low AND :high", values, page=1)
    found = next(session.table.query(query), None)
    return None if found is None else int(found["at"])


def end_item(tenant: str, internal_id: str, entity_id: str, at: int, ttl: int) -> Item:
    """Return the item that tells when an entity was deleted, forgotten at `ttl` (seconds)."""
    key = keys.past(tenant, internal_id, _GONE, entity_id, keys.instant(at))
    return {"pk": key.pk, "sk": key.sk, "entity_id": entity_id, "at": at, "ttl": ttl}


def marks(session: Session, owned: Owned, wanted: Wanted) -> Iterator[Mark]:
    """Yield changes of a feature, the newest first."""
    values: dict[str, Value] = {
        ":pk": keys.ledger(owned.tenant, owned.internal_id),
        ":low": keys.change(owned.tenant, owned.internal_id, wanted.start, "").sk,
        ":high": keys.change(owned.tenant, owned.internal_id, wanted.end + 1, "").sk,
        ":feature": owned.feature_id,
    }
    condition = "feature_id = :feature"
    if wanted.entity_id is not None:
        values |= {":entity": wanted.entity_id, ":none": None}
        condition += " AND entity_id IN (:entity, :none)"
    query = Query("pk = :pk AND sk BETWEEN :low AND :high", values, filter=condition, forward=False)
    return (mark(found) for found in session.table.query(query, wanted.looked_at))


def item(stretch: Stretch, ttl: int) -> Item:
    """Return the item of a stretch, which is forgotten at `ttl` (seconds)."""
    key = stretch.key
    return {
        "pk": key.pk,
        "sk": key.sk,
        "feature_id": stretch.owned.feature_id,
        "entity": stretch.owned.entity,
        "entity_id": stretch.entity_id,
        "writes": len(stretch.writes),
        "points": _dump(stretch.points),
        "before": _dump(stretch.before),
        "ttl": ttl,
    }


def _shown(known: Stretch | None, following: Stretch | None, instant: int) -> Figures | None:
    if known is not None:
        return history.at((*known.before, *known.points), instant)
    return None if following is None else history.at(following.before, instant)


def _oldest(table: Table, owned: Owned, instant: int) -> Iterator[Stretch]:
    """Yield the stretches that began after an instant."""
    low = _key(owned, keys.instant(instant)).sk + _LAST
    return _query(table, owned, {":low": low, ":high": _key(owned, _LAST).sk}, _IN_A_ROW)


def _query(
    table: Table, owned: Owned, bounds: dict[str, str], page: int, *, forward: bool = True
) -> Iterator[Stretch]:
    query = Query(
        "pk = :pk AND sk BETWEEN :low AND :high",
        {":pk": keys.history(owned.tenant, owned.internal_id), **bounds},
        forward=forward,
        page=page,
    )
    return (load(owned, found) for found in table.query(query))


def _key(owned: Owned, *parts: str) -> Key:
    return keys.past(owned.tenant, owned.internal_id, _AT, owned.feature_id, owned.entity, *parts)


def mark(item: Item) -> Mark:
    """Return a change from its line."""
    return Mark(
        time=int(item["at"]),
        kind=item["kind"],
        change_id=item["id"],
        entity_id=item["entity_id"],
        by=item["by"],
        reason=item["reason"],
        reference=item.get("reference"),
        before=item["before"],
        after=item["after"],
    )


def load(owned: Owned, item: Item) -> Stretch:
    """Return a stretch from its item."""
    return Stretch(
        owned._replace(entity=item["entity"]),
        _points(item["points"]),
        _points(item["before"]),
        item["entity_id"],
    )


def _dump(points: Sequence[Point]) -> list[list[Value]]:
    return [[point.time, point.seq, *point.figures] for point in points]


def _points(stored: list[Any]) -> tuple[Point, ...]:
    return tuple(Point(int(time), int(seq), Figures(*shown)) for time, seq, *shown in stored)
