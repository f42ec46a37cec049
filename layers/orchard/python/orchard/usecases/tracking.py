"""Recording usage: `balances.track`, and the part of `balances.check` that uses what it checks.

The common case is one request: a counter in the balance says whether the usage fits. Only what the
counter can't decide loads the rows, decides, and saves under the version that was read.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from orchard.contracts import balance as contract
from orchard.contracts.feature import feature
from orchard.contracts.tracking import TrackRequest, track_response
from orchard.domain import balance, deduction
from orchard.domain.catalog import BOOLEAN, Feature
from orchard.domain.deduction import Movement, Overage, Rows
from orchard.errors import EntityNotFound, InsufficientBalance, Invalid, InvalidInputs, NotFound
from orchard.store import balances, catalog, customers, documents
from orchard.store.balances import Stored
from orchard.store.optimistic import optimistic, optimistic_on
from orchard.store.session import Session
from orchard.store.statements import ConditionFailed, Item, Value

_NOT_USED_UP = "A boolean feature can't be used up: check it without send_event"


class Usage(NamedTuple):
    """Usage to record: how much, what to do beyond the balance, and the event it leaves."""

    hot_id: str
    value: Decimal
    overage: Overage
    last: Item
    #: A check that uses what it checks makes no sense for a flag; a track of one is an event.
    flags: bool = True


class Tracked(NamedTuple):
    """One feature after a track: its rows and what each paid; not recorded if it was refused."""

    feature_id: str
    rows: Rows
    movements: tuple[Movement, ...] = ()
    recorded: bool = True


def track(session: Session, request: TrackRequest) -> dict[str, Any]:
    """Record usage of a feature, or of every feature that counts an event, and tell what it took.

    Errors: 404 for an unknown customer, entity, feature or event; `InsufficientBalance` when the
    usage must fit whole and does not: nothing is recorded then.
    """
    _refuse_unsupported(session, request)
    if request.idempotency_key is not None:
        session.once("body", request.idempotency_key)
    overage = Overage(request.overage_behavior)
    usage = Usage(request.customer_id, request.value, overage, _event_of(session, request))
    tracked = _track(session, usage, request)
    rows = {one.feature_id: one.rows for one in tracked}
    features = {
        feature_id: feature(catalog.feature(session, feature_id))
        for feature_id in (rows if "balance.feature" in request.expand else ())
    }
    return track_response(request, rows, deductions(tracked), features)


def take(session: Session, usage: Usage, feature_id: str) -> Tracked:
    """Record usage of one feature: by the counter if it decides, else by looking at the rows.

    Usage that must fit whole and does not is not recorded. Errors: 404 as in `track`.
    """
    counted = _count(session, usage, feature_id) if _is_countable(session, usage) else None
    if isinstance(counted, Stored):
        return _as_counted(counted, usage.value)

    def attempt(item: Item | None) -> Tracked:
        if item is not None:
            return _decided(session, balances.load(item), usage)
        stored = balances.get(session, usage.hot_id, feature_id)
        if stored is None:
            return _without_balance(session, usage, feature_id)
        return _decided(session, stored, usage)

    return optimistic_on(None if counted is None else counted.item, attempt)


def _track(session: Session, usage: Usage, request: TrackRequest) -> tuple[Tracked, ...]:
    if request.feature_id is None:
        return _track_event(session, usage, request.event_name or "")
    tracked = take(session, usage, request.feature_id)
    if not tracked.recorded:
        raise InsufficientBalance(
            f"Insufficient balance to deduct {request.value:f} from feature {request.feature_id}"
        )
    return (tracked,)


def require_entity(session: Session, customer_id: str, entity_id: str) -> None:
    """Refuse an entity that the customer does not have; customers have none so far."""
    customers.locate(session, customer_id)
    raise EntityNotFound(entity_id)


def _is_countable(session: Session, usage: Usage) -> bool:
    """A mark needs a transaction; giving back, and overdrawing the first row, needs the rows."""
    countable = usage.value >= 0 and usage.overage is not Overage.OVERFLOW
    return countable and not session.marks


def _count(session: Session, usage: Usage, feature_id: str) -> Stored | ConditionFailed:
    def attempt() -> Stored | ConditionFailed:
        try:
            return balances.count(session, usage.hot_id, feature_id, usage.value, usage.last)
        except ConditionFailed as undecided:
            return undecided

    return optimistic(attempt)


def event(session: Session, name: str, value: Decimal, properties: str, **details: Value) -> Item:
    """Return what usage leaves behind for the ledger; `name` is the feature or event tracked."""
    details = {"timestamp": session.now, **details}
    return session.stamp("track", "evt_", name=name, value=value, properties=properties, **details)


def _event_of(session: Session, request: TrackRequest) -> Item:
    return event(
        session,
        request.feature_id or request.event_name or "",
        request.value,
        documents.dump(request.properties or {}),
        timestamp=request.timestamp or session.now,
        idempotency_key=request.idempotency_key,
        silent=request.skip_event,
    )


def _refuse_unsupported(session: Session, request: TrackRequest) -> None:
    if request.timestamp is not None and not 0 < request.timestamp <= session.now:
        raise InvalidInputs("timestamp: must be a past time in milliseconds")
    if request.event_name is not None and request.overage_behavior == "reject":
        raise Invalid("overage_behavior reject needs a feature_id, not an event_name")
    if request.lock is not None:
        raise Invalid("Locks are not supported yet")
    if request.entity_id is not None:
        require_entity(session, request.customer_id, request.entity_id)


def _as_counted(counted: Stored, value: Decimal) -> Tracked:
    before = balance.settled(counted.rows, counted.pending - value)
    after, _left = deduction.take(before, value, Overage.CAP)
    return Tracked(counted.feature_id, after, deduction.movements(before, after))


def _decided(session: Session, stored: Stored, usage: Usage) -> Tracked:
    if not usage.flags and any(row.boolean for row in stored.rows):
        raise Invalid(_NOT_USED_UP)
    tracked = _decide(stored, usage, session.now)
    if not tracked.recorded:
        return tracked
    if tracked.movements or stored.due_at <= session.now:
        session.commit(balances.settled(stored, tracked.rows, usage.last))
    else:
        # Nothing moves, as when a customer at its limit goes on: only the event is written, and
        # no version that others would lose a race against.
        session.commit(balances.noted(stored, usage.last))
    return tracked


def _decide(stored: Stored, usage: Usage, now: int) -> Tracked:
    before = stored.current(now)
    rows, left = balance.track(before, usage.value, usage.overage)
    if left > 0 and usage.value > 0 and usage.overage is Overage.REJECT:
        return Tracked(stored.feature_id, before, recorded=False)
    return Tracked(stored.feature_id, rows, deduction.movements(before, rows))


def _without_balance(session: Session, usage: Usage, feature_id: str) -> Tracked:
    """Record usage of a feature that the customer does not have: an event and nothing else."""
    customer = customers.locate(session, usage.hot_id)
    feature = catalog.feature(session, feature_id)
    if not usage.flags and feature.type == BOOLEAN:
        raise Invalid(_NOT_USED_UP)
    if customer.hot_id != usage.hot_id:
        return take(session, usage._replace(hot_id=customer.hot_id), feature_id)
    if usage.overage is Overage.REJECT and usage.value > 0:
        return Tracked(feature.id, (), recorded=False)
    owner = (customer.hot_id, customer.internal_id)
    session.commit(
        customers.touch(session, customer),
        balances.created(session, owner, feature.id, (), usage.last),
    )
    return Tracked(feature.id, ())


def _track_event(session: Session, usage: Usage, event_name: str) -> tuple[Tracked, ...]:
    features = _listening(session, event_name)
    if len(features) == 1:
        return (take(session, usage, features[0].id),)
    customer = customers.locate(session, usage.hot_id)
    return optimistic(lambda: _track_all(session, usage._replace(hot_id=customer.hot_id), features))


def _listening(session: Session, event_name: str) -> tuple[Feature, ...]:
    features = catalog.cached(session).listening(event_name) or catalog.read(session).listening(
        event_name
    )
    if not features:
        raise NotFound(f"No features found for event name: {event_name}", "invalid_request")
    return features


def _track_all(
    session: Session, usage: Usage, features: tuple[Feature, ...]
) -> tuple[Tracked, ...]:
    """Track every feature in one transaction; the first balance carries the event."""
    held = [balances.get(session, usage.hot_id, feature.id) for feature in features]
    found = [stored for stored in held if stored is not None]
    if not found:
        return (_without_balance(session, usage, features[0].id),)
    decided = [(stored, _decide(stored, usage, session.now)) for stored in found]
    paid = [
        contract.paid(movement, tracked.feature_id)
        for _stored, tracked in decided
        for movement in tracked.movements
    ]
    lead = {**usage.last, "deductions": paid}
    rest = {**usage.last, "silent": True}
    session.commit(
        *(
            balances.settled(stored, tracked.rows, rest if position else lead, exact=True)
            for position, (stored, tracked) in enumerate(decided)
        )
    )
    return tuple(tracked for _stored, tracked in decided)


def deductions(tracked: Sequence[Tracked]) -> list[dict[str, Any]]:
    """Return what each source paid, as callers see it."""
    return [
        contract.deduction(movement, one.feature_id)
        for one in tracked
        for movement in one.movements
    ]
