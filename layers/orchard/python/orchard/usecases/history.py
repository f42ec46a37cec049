"""What a balance showed at any time in the past: `balances.history`."""

from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from orchard.contracts import history as contract
from orchard.contracts.history import HistoryRequest, Span
from orchard.domain import history
from orchard.domain.history import HIDDEN, SLICED, Bin, Figures
from orchard.domain.interval import DAY_MS
from orchard.errors import EntityNotFound, Invalid, InvalidInputs
from orchard.store import catalog, customers
from orchard.store import history as past
from orchard.store.customers import Account
from orchard.store.history import Owned, Wanted
from orchard.store.session import Session
from orchard.store.stored import Stored
from orchard.usecases.budget import at_most

#: One answer has so many bins and marks at most, made from so many balances and figures of these.
_MOST_BINS, _MOST_MARKS, _MOST_BALANCES, _MOST_FIGURES = 400, 500, 200, 4000
#: So many changes, of other features too, are looked through for marks.
_MOST_READ = 10_000
_TOO_MANY = f"More than {_MOST_READ} changes would have to be looked through: choose a shorter time"


class Source(NamedTuple):
    """A balance that adds to a view, between two times: as it is, if it still is."""

    owned: Owned
    live: Stored | None = None
    #: Until an entity was deleted.
    end: int | None = None


class View(NamedTuple):
    """What a customer or an entity sees of a feature, and since when there is a view at all."""

    whole: Owned
    sources: tuple[Source, ...]
    entity_id: str | None = None
    start: int = 0


def show(session: Session, request: HistoryRequest, retention_days: int) -> dict[str, Any]:
    """Return a balance at one instant, or bin by bin with marks for what changed it.

    The past is known for `retention_days`. Errors: 404 for an unknown customer, entity or feature;
    400 for a time that is not past or not known any more, and for more than one answer can hold.
    """
    earliest = session.now - retention_days * DAY_MS
    span = request.span(session.now, earliest)
    require_kept(session, request, span, earliest)
    bins = [] if request.at is not None else spanned(span)
    feature = catalog.feature(session, request.feature_id)
    account = customers.require(session, request.customer_id, request.entity_id)
    whole = Owned(session.tenant, account.customer.internal_id, feature.id)
    view = _view(session, account, whole, request.entity_id)
    if request.at is not None:
        (found,) = _figures(session, view, [request.at])
        return contract.instant_response(request, request.at, found)
    found_in = zip(bins, _figures(session, view, [one.instant for one in bins]), strict=True)
    budget = at_most(_MOST_READ, _TOO_MANY)
    wanted = Wanted(span.start, span.end, request.entity_id, budget)
    newest = list(islice(past.marks(session, whole, wanted), _MOST_MARKS))
    shown = ((one.period, found) for one, found in found_in)
    return contract.history_response(request, span, shown, reversed(newest))


def require_kept(session: Session, request: HistoryRequest, span: Span, earliest: int) -> None:
    """Errors: `InvalidInputs` for times that are not past, not known any more, or turned around."""
    start, end = (span.start, span.end) if request.at is None else (request.at, request.at)
    name = "end" if request.at is None else "at"
    if end > session.now:
        raise InvalidInputs(f"{name}: must not be in the future")
    if start > end:
        raise InvalidInputs("start must not be later than end")
    if start < earliest:
        days = (session.now - earliest) // DAY_MS
        name = "start" if request.at is None else "at"
        raise InvalidInputs(f"{name}: history is kept for {days} days")


def spanned(span: Span) -> list[Bin]:
    """Return the bins of a span. Errors: `Invalid` for too many."""
    found = list(islice(history.bins(*span), _MOST_BINS + 1))
    if len(found) > _MOST_BINS:
        raise Invalid(f"More than {_MOST_BINS} bins: choose a larger bin_size or a shorter time")
    return found


def _view(session: Session, account: Account, whole: Owned, entity_id: str | None) -> View:
    held = {
        one.owner.entity_internal_id or one.place.entity_id or "": one
        for one in account.balances
        if one.feature_id == whole.feature_id
    }
    shared = Source(whole, held.get(""))
    if entity_id is None:
        alive = (Source(whole._replace(entity=who), one) for who, one in held.items() if who)
        return View(whole, (shared, *alive, *_gone(session, whole, held.keys())))
    entity = next((one for one in account.entities if one.id == entity_id), None)
    if entity is None:
        raise EntityNotFound(entity_id)
    own = Source(whole._replace(entity=entity.internal_id), held.get(entity.internal_id))
    pooled = not account.customer.config.get("disable_pooled_balance", False)
    return View(whole, (own, shared) if pooled else (own,), entity_id, entity.created_at)


def _gone(session: Session, whole: Owned, alive: Collection[str]) -> Iterator[Source]:
    """The balances of entities that were deleted."""
    every = islice(past.owners(session.table, whole), _MOST_BALANCES)
    for one in every:
        if one.owned.entity not in alive:
            begun = one.points[0].time
            end = past.end(session, whole.internal_id, one.entity_id or "", begun)
            yield Source(one.owned, end=session.now if end is None else end)


def _figures(session: Session, view: View, instants: Sequence[int]) -> Iterator[Figures | None]:
    """Yield what the view showed at each of the instants, which ascend."""
    balances = len(view.sources)
    if balances >= _MOST_BALANCES or balances * len(instants) > _MOST_FIGURES:
        raise Invalid(
            f"{view.whole.feature_id} has had too many balances of entities for one answer: "
            "name an entity_id, or choose a larger bin_size or a shorter time"
        )
    found = [list(_of_source(session, source, instants)) for source in view.sources]
    for position, instant in enumerate(instants):
        parts = [one[position] for one in found]
        if view.entity_id is not None:
            parts = [part for part in parts if part.kind != SLICED]
        yield history.combined(parts) if instant >= view.start else None


def _of_source(session: Session, source: Source, instants: Sequence[int]) -> Iterator[Figures]:
    """Yield what a balance added: told by its past, and since its last write by what it holds."""
    live = source.live
    since = int(live.last["at"]) if live is not None else (source.end or 0)
    earlier = [instant for instant in instants if instant < since]
    for found in past.figures(session.table, source.owned, earlier):
        yield found or Figures(HIDDEN)
    for instant in instants[len(earlier) :]:
        yield Figures(HIDDEN) if live is None else history.figures(live.current(instant))
