"""A balance over time as it is drawn: `balances.history` with what was used in each bin.

However often the balance was written, it costs two requests beside those that find its customer.
Where these don't bring all, the oldest is left out; `balances.history` then still tells it.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from orchard.contracts import history as contract
from orchard.contracts.customer_reads import GetCustomerRequest
from orchard.contracts.history import HistoryRequest
from orchard.contracts.numbers import number
from orchard.domain import charting, history
from orchard.domain.charting import Track
from orchard.domain.history import SLICED, Bin, Figures
from orchard.domain.interval import DAY_MS
from orchard.domain.quantity import total
from orchard.errors import EntityNotFound, Invalid
from orchard.store import catalog, charted, customers
from orchard.store.charted import Past, Told
from orchard.store.customers import Account
from orchard.store.history import Owned, Stretch
from orchard.store.session import Session
from orchard.usecases import entity_reads, points, viewing
from orchard.usecases.history import require_kept, spanned

_TOO_MANY = (
    "The balances of entities have changed too often to be drawn in one: choose an entity, or ask "
    "balances.history"
)


class Holder(NamedTuple):
    """Whose balance it is: the customer as `customers.get` returns it, and what is held.

    `shown` is the same as `customer`, or the entity as `entities.get` returns it.
    """

    account: Account
    customer: dict[str, Any]
    shown: dict[str, Any]


class _Seen(NamedTuple):
    """What a customer or an entity sees, and from when on that is known."""

    tracks: list[Track]
    start: int
    since: int


def holder(session: Session, request: GetCustomerRequest, entity_id: str | None) -> Holder:
    """Return a customer or one of its entities in one read. Errors: 404 for either."""
    account = customers.require(session, request.customer_id)
    customer = viewing.view(session, account, request.expand)
    customer |= {"autumn_id": account.customer.internal_id}
    if entity_id is None:
        return Holder(account, customer, customer)
    entity = next((one for one in account.entities if one.id == entity_id), None)
    if entity is None:
        raise EntityNotFound(entity_id)
    names = set(request.expand) - {"entities"}
    return Holder(account, customer, entity_reads.view(session, account, entity, names))


def show(
    session: Session, account: Account, request: HistoryRequest, retention_days: int
) -> dict[str, Any]:
    """Return what `balances.history` does for a span of time, with `used` in each of the bins.

    `since` is when what is known begins, if that is after the start: bins that ended before then
    have no figures, and no `used` if they began before then.
    Errors: as there, and `Invalid` for balances of too many entities.
    """
    earliest = session.now - retention_days * DAY_MS
    span = request.span(session.now, earliest)
    require_kept(session, request, span, earliest)
    bins = spanned(span)
    feature = catalog.feature(session, request.feature_id)
    whole = Owned(session.tenant, account.customer.internal_id, feature.id)
    past = charted.past(session.table, whole)
    told = charted.told(session, whole, span.start, span.end, request.entity_id)
    seen = _seen(account, whole, request.entity_id, past, told)
    since = max(seen.since, told.since)
    shown = zip((one.period for one in bins), _figures(seen, bins, since), strict=True)
    answer = contract.history_response(request, span, shown, reversed(told.marks))
    used = _used(seen, told, bins, span.start)
    for row, one, value in zip(answer["list"], bins, used, strict=True):
        is_whole = max(one.period, span.start) >= since
        row |= {"until": one.instant, "used": number(value) if is_whole else None}
    return {**answer, "since": since if since > span.start else None}


def _seen(account: Account, whole: Owned, entity_id: str | None, past: Past, told: Told) -> _Seen:
    tracks = list(_tracks(account, whole, past, told))
    since = 0
    if not past.is_all:
        oldest = past.stretches[-1]
        if oldest.owned.entity:
            raise Invalid(_TOO_MANY)
        since = oldest.points[0].time
    if entity_id is None:
        return _Seen(tracks, 0, since)
    entity = next(one for one in account.entities if one.id == entity_id)
    pooled = not account.customer.config.get("disable_pooled_balance", False)
    wanted = {entity_id, None} if pooled else {entity_id}
    own = [one for one in tracks if one.entity_id in wanted and one.end is None]
    return _Seen(own, entity.created_at, since)


def _tracks(account: Account, whole: Owned, past: Past, told: Told) -> Iterator[Track]:
    """Yield what each balance of the feature showed, of which some may be gone."""
    live = {
        one.owner.entity_internal_id or one.place.entity_id or "": one
        for one in account.balances
        if one.feature_id == whole.feature_id
    }
    for entity, found in groupby(past.stretches, lambda one: one.owned.entity):
        stretches = list(found)[::-1]
        entity_id, now = stretches[-1].entity_id, live.pop(entity, None)
        written = () if now is None else (points.write_of(now),)
        known = _points(stretches)
        fresh = [write for write in written if write.seq > known[-1].seq]
        runs = (known, history.points(fresh, since=known[-1].time)) if fresh else (known,)
        end = None
        if entity and now is None:
            ends = (at for at in told.ends.get(entity_id or "", ()) if at >= known[0].time)
            # Deleted before the time that is asked for, if not in it.
            end = min(ends, default=0)
        yield Track(charting.joined(runs), entity_id, end)
    for one in live.values():
        yield Track(history.points([points.write_of(one)]), one.place.entity_id)


def _points(stretches: Sequence[Stretch]) -> tuple[history.Point, ...]:
    first = stretches[0]
    return charting.joined([(*first.before, *first.points), *(one.points for one in stretches[1:])])


def _figures(seen: _Seen, bins: Sequence[Bin], since: int) -> Iterator[Figures | None]:
    """Yield what was shown at the end of each bin; None where that is not known, or was nothing."""
    instants = [one.instant for one in bins]
    found = [track.at(instants) for track in seen.tracks]
    for position, instant in enumerate(instants):
        parts = [one[position] for one in found]
        if seen.start:
            parts = [part for part in parts if part.kind != SLICED]
        is_known = instant >= max(seen.start, since)
        yield history.combined(parts) if is_known else None


def _used(seen: _Seen, told: Told, bins: Sequence[Bin], start: int) -> list[Any]:
    sums = [
        charting.used(one, filter(one.is_about, told.marks), bins, start) for one in seen.tracks
    ]
    return [total(one[position] for one in sums) for position in range(len(bins))]
