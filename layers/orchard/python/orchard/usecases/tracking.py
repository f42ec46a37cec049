"""Recording usage: `balances.track`."""

from collections.abc import Mapping
from typing import Any

from orchard.contracts import balance as contract
from orchard.contracts.feature import feature
from orchard.contracts.tracking import TrackRequest, track_response
from orchard.domain.catalog import AI_CREDIT_SYSTEM, CREDIT_SYSTEM, Catalog, Feature
from orchard.domain.sources import Overage
from orchard.errors import InsufficientBalance, Invalid, InvalidInputs, NotFound
from orchard.store import catalog, documents
from orchard.store.session import Session
from orchard.store.statements import Item, Value
from orchard.usecases import using
from orchard.usecases.using import Usage, Used

type Views = dict[str, dict[str, Any] | None]


def track(session: Session, request: TrackRequest) -> dict[str, Any]:
    """Record usage of a feature, or of every feature that counts an event, and tell what it took.

    Errors: 404 for an unknown customer, entity, feature or event; `InsufficientBalance` when the
    usage must fit whole and does not: nothing is recorded then.
    """
    _refuse_senseless(session, request)
    if request.idempotency_key is not None:
        session.once("body", request.idempotency_key)
    usage = Usage(
        customer_id=request.customer_id,
        entity_id=request.entity_id,
        features=tracked(session, request),
        value=request.value,
        overage=Overage(request.overage_behavior),
        last=_event_of(session, request),
        properties=request.properties or {},
    )
    used = using.use(session, usage)
    if not used.recorded:
        raise InsufficientBalance(
            f"Insufficient balance to deduct {request.value:f} from feature {request.feature_id}"
        )
    shown = views(session, used, usage.features, expand="balance.feature" in request.expand)
    paid = [contract.deduction(movement) for movement in used.movements]
    return track_response(request, shown, _chosen(session, request, used, shown), paid)


def event(
    session: Session,
    name: str,
    value: Value,
    properties: Mapping[str, Any] | None,
    **details: Value,
) -> Item:
    """Return what usage leaves behind for the ledger; `name` is the feature or event tracked."""
    details = {"timestamp": session.now, **details}
    text = documents.dump(properties or {})
    return session.stamp("track", "evt_", name=name, value=value, properties=text, **details)


def views(
    session: Session, used: Used, features: tuple[str, ...], *, expand: bool = False
) -> Views:
    """Return the balances of all features that could have paid, null for what isn't there."""
    known = catalog.cached(session)
    names = dict.fromkeys(name for one in features for name in catalog.costs(session, one))
    return {
        name: contract.shown(
            used.state,
            used.subject,
            name,
            feature(known.features[name]) if expand else None,
        )
        for name in names
    }


def chosen(known: Catalog, used: Used, shown: Views) -> str | None:
    """Name the balance that a use rests on.

    That is an unlimited one, else what paid, features before credits; if nothing moved, the
    credits that the customer has, else the feature itself.
    """
    unlimited = (name for name, view in shown.items() if view and view["unlimited"])
    positive = {one.place.feature_id for one in used.movements if one.value > 0}
    paid = sorted(
        (name for name in shown if name in positive), key=lambda name: _is_credit(known, name)
    )
    owned = (name for name, view in shown.items() if view and _is_credit(known, name))
    return next((name for some in (unlimited, paid, owned, shown) for name in some), None)


def _chosen(session: Session, request: TrackRequest, used: Used, shown: Views) -> str | None:
    held = [name for name, view in shown.items() if view is not None]
    if request.event_name is not None and len(held) > 1:
        return None
    return chosen(catalog.cached(session), used, shown)


def _is_credit(known: Catalog, feature_id: str) -> bool:
    return known.features[feature_id].type in (CREDIT_SYSTEM, AI_CREDIT_SYSTEM)


def _event_of(session: Session, request: TrackRequest) -> Item:
    details: dict[str, Value] = {
        "timestamp": request.timestamp or session.now,
        "idempotency_key": request.idempotency_key,
        "silent": request.skip_event,
    }
    if request.entity_id is not None:
        details["entity_id"] = request.entity_id
    name = request.feature_id or request.event_name or ""
    return event(session, name, request.value, request.properties, **details)


def _refuse_senseless(session: Session, request: TrackRequest) -> None:
    if request.timestamp is not None and not 0 < request.timestamp <= session.now:
        raise InvalidInputs("timestamp: must be a past time in milliseconds")
    if request.event_name is not None and request.overage_behavior == "reject":
        raise Invalid("overage_behavior reject needs a feature_id, not an event_name")
    if request.lock is not None:
        raise Invalid("A lock is taken with balances.check")


def tracked(session: Session, request: TrackRequest) -> tuple[str, ...]:
    """Return the features that a request counts for. Errors: `NotFound` for an unknown event."""
    if request.feature_id is not None:
        return (request.feature_id,)
    return tuple(one.id for one in _listening(session, request.event_name or ""))


def _listening(session: Session, event_name: str) -> tuple[Feature, ...]:
    features = catalog.cached(session).listening(event_name) or catalog.read(session).listening(
        event_name
    )
    if not features:
        raise NotFound(f"No features found for event name: {event_name}", "invalid_request")
    return features
