"""`balances.delete`, `.recalculate` and `.preview_recalculate`."""

from collections.abc import Callable
from typing import Any

from orchard.contracts.audit import done
from orchard.contracts.editing import DeleteBalanceRequest, RecalculateRequest, recalculated
from orchard.domain import edits, pool, recalculation
from orchard.domain.arrangement import Household
from orchard.domain.edits import BalanceNotFound, Selection
from orchard.domain.holding import NOTHING, Place, State
from orchard.domain.row import Row, ordered
from orchard.domain.scope import CUSTOMER, Subject, rows
from orchard.domain.sources import ONE, Source, Sources
from orchard.errors import Conflict, EntityNotFound
from orchard.store import catalog, customers, ground
from orchard.store.customers import Account
from orchard.store.ground import Ground
from orchard.store.optimistic import optimistic
from orchard.store.session import Session
from orchard.usecases import arranging, editing

type Found = list[tuple[Place, Row]]
#: Refuses what somebody may not remove, by the balances with it and without.
type Rule = Callable[[State, State], None]


def _anything(_before: State, _after: State) -> None:
    return None


def delete(
    session: Session, request: DeleteBalanceRequest, rule: Rule = _anything
) -> dict[str, Any]:
    """Remove balances, with their usage or (`recalculate_balances`) taking it from those left.

    Errors: 404 for an unknown customer, entity or feature, and when nothing matches; 409 for a
    balance that has a price; those of the rule.
    """
    return optimistic(lambda: _delete(session, request, rule))


def recalculate(session: Session, request: RecalculateRequest) -> dict[str, Any]:
    """Deduct all usage of a feature anew, so that no source is overdrawn while another has some.

    Errors: 404 for an unknown customer, entity or feature, and when there is no balance.
    """

    def attempt() -> dict[str, Any]:
        held, before, after = _levelled(session, request)
        state = held.state(session.now)
        last = session.stamp("recalculate", **request.audit)
        writes = editing.saved(held, state, pool.regrouped(state, before, after), last)
        session.commit(*writes)
        return done(last["id"] if writes else None)

    return optimistic(attempt)


def preview_recalculate(session: Session, request: RecalculateRequest) -> dict[str, Any]:
    """Return what `recalculate` would make of each source; nothing is written."""
    _held, before, after = _levelled(session, request)
    return recalculated(before, after)


def _levelled(session: Session, request: RecalculateRequest) -> tuple[Ground, Sources, Sources]:
    feature = catalog.feature(session, request.feature_id)
    held = ground.load(session, request.customer_id, request.entity_id, [feature.id])
    # Only what is the customer's own, or the entity's own: the others keep what they used.
    before = tuple(
        source
        for source in pool.candidates(held.state(session.now), held.subject, {feature.id: ONE})
        if source.place.entity_id == request.entity_id
    )
    chosen = edits.selected(before, Selection(request.interval))
    return held, chosen, recalculation.levelled(chosen)


def _delete(session: Session, request: DeleteBalanceRequest, rule: Rule) -> dict[str, Any]:
    account = customers.require(session, request.customer_id)
    known = catalog.cached(session)
    if request.feature_id is not None:
        catalog.feature(session, request.feature_id)
    state = account.state(session.now)
    chosen = _chosen(account, state, request)
    if any(row.price is not None for _place, row in chosen):
        raise Conflict("A balance that has a price ends with its plan", "invalid_request")
    after = _without(state, chosen)
    if request.recalculate_balances:
        after = _charged(after, chosen, request.entity_id)
    rule(state, after)
    household = Household(account.customer, account.plans, account.entities)
    last = session.stamp("delete_balance", **request.audit)
    session.commit(
        customers.touch(session, account.customer),
        *arranging.writes(session, known, household, account.balances, after, last=last),
    )
    return done(last["id"])


def _chosen(account: Account, state: State, request: DeleteBalanceRequest) -> Found:
    entity_id = request.entity_id
    if entity_id is not None and all(one.id != entity_id for one in account.entities):
        raise EntityNotFound(entity_id)
    selection = Selection(request.interval, request.balance_id)
    features = dict.fromkeys(place.feature_id for place in state)
    found = [
        (place, row)
        for name in features
        if request.feature_id in (None, name)
        for place, row in _deletable(state, request, name)
        if edits.matches(row, selection)
    ]
    if not found:
        raise BalanceNotFound("No balance of this customer matches the request")
    return found


def _deletable(state: State, request: DeleteBalanceRequest, feature_id: str) -> Found:
    """What a request can mean: what one entity has, what one id names, or all of the customer's."""
    entity_id = request.entity_id
    if entity_id is None and request.balance_id is not None:
        named = (place for place in state if place.feature_id == feature_id)
        return [(place, row) for place in named for row in state[place].rows]
    if entity_id is None:
        shared = Place(feature_id)
        moulds = [(shared, row) for row in state.get(shared, NOTHING).rows if row.is_mould]
        return [*rows(state, CUSTOMER, feature_id), *moulds]
    own = Place(feature_id, entity_id)
    return [(own, row) for row in state.get(own, NOTHING).rows]


def _without(state: State, chosen: Found) -> State:
    gone = {(place, row.id) for place, row in chosen}
    return {
        place: held._replace(rows=tuple(row for row in held.rows if (place, row.id) not in gone))
        for place, held in state.items()
    }


def _charged(after: State, chosen: Found, entity_id: str | None) -> State:
    """Take what was used of the removed rows from those left, or keep one of them to bear it."""
    removed = tuple(Source(row, place) for place, row in chosen if not row.is_mould)
    if sum(source.row.consumed for source in removed) <= 0:
        return after
    # An entity's own rows, or all that the customer can use: what was removed comes from there.
    subject = CUSTOMER if entity_id is None else Subject(entity_id, pooled=False)
    survivors = pool.candidates(after, subject, {removed[0].place.feature_id: ONE})
    if survivors:
        return pool.regrouped(after, survivors, recalculation.charged(survivors, removed))
    (kept,) = recalculation.carrier(removed)
    held = after[kept.place]
    return {**after, kept.place: held._replace(rows=ordered((*held.rows, kept.row)))}
