"""Why a customer was blocked or charged: `balances.explain`."""

from itertools import islice
from typing import Any

from orchard.contracts import explaining as contract
from orchard.contracts.check_ids import read_check_id
from orchard.contracts.checking import CheckRequest
from orchard.contracts.explaining import ExplainRequest, KeyUse
from orchard.domain import ids
from orchard.domain.basis import MOST_SHOWN
from orchard.domain.customer import Customer
from orchard.domain.ledger import UsageEvent
from orchard.errors import Invalid, NotFound
from orchard.store import catalog, customers, ground, ledger
from orchard.store.ledger import Selection
from orchard.store.session import Session
from orchard.usecases import checking
from orchard.usecases.checking import Asked

_SECOND, _DAY = 1000, 86_400_000
#: So many events are looked through for one, a page of them at a time.
_MOST_EVENTS, _PAGE = 5_000, 500
#: Where idempotency keys are kept apart, by how they are sent.
_SPACES = ("header", "body")


def explain(session: Session, request: ExplainRequest) -> dict[str, Any]:
    """Tell why: of a feature now, of an event, of a denied check, or of an idempotency key.

    Errors: 404 for an unknown customer, entity, feature, event or key; `Invalid` with the code
    `invalid_check_id`.
    """
    if request.feature_id is not None:
        return _now(session, request, request.feature_id)
    customer = customers.locate(session, request.customer_id)
    if request.event_id is not None:
        event = _event(session, customer, request.event_id, request.timestamp)
        return contract.event_response(request.customer_id, event)
    if request.check_id is not None:
        return _check(request, customer, request.check_id)
    return _key(session, request, customer, request.idempotency_key or "")


def _now(session: Session, request: ExplainRequest, feature_id: str) -> dict[str, Any]:
    costs = catalog.costs(session, feature_id)
    held = ground.load(session, request.customer_id, request.entity_id, costs)
    check = CheckRequest(
        customer_id=request.customer_id,
        feature_id=feature_id,
        entity_id=request.entity_id,
        required_balance=request.required_balance,
        properties=request.properties,
    )
    asked = Asked(check, costs, held.state(session.now), held.subject)
    name = checking.answering(asked)
    allowed = checking.decided(asked, name).allowed
    explained = checking.explained(session.now, asked, name, allowed=allowed)
    shown = explained._replace(basis=explained.basis.shortened(MOST_SHOWN))
    return contract.response("now", request.customer_id, shown)


def _check(request: ExplainRequest, customer: Customer, text: str) -> dict[str, Any]:
    found = read_check_id(text)
    if found.internal_id != customer.internal_id:
        raise Invalid("check_id is that of a check of another customer", "invalid_check_id")
    return contract.response("check", request.customer_id, found.explained)


def _event(
    session: Session, customer: Customer, event_id: str, timestamp: int | None
) -> UsageEvent:
    """Find an event by its id, which tells when it was recorded, not what time it was given."""
    made_at = ids.created_second(event_id)
    if made_at is None:
        raise _unknown(event_id, timestamp)
    midnight = made_at - made_at % _DAY
    spans = [(made_at, made_at + _SECOND - 1), (midnight, midnight + _DAY - 1)]
    if timestamp is not None:
        spans = [(timestamp, timestamp)]
    for start, end in spans:
        wanted = Selection(start=start, end=end, page=_PAGE)
        events = islice(ledger.events(session, customer.internal_id, wanted), _MOST_EVENTS)
        for event in events:
            if event.id == event_id:
                return event
    raise _unknown(event_id, timestamp)


def _unknown(event_id: str, timestamp: int | None) -> NotFound:
    if timestamp is not None:
        return NotFound(f"No event {event_id} of this customer at this time", "event_not_found")
    sentence = f"No event {event_id} of this customer was found around the time it was recorded"
    hint = "one that was given an earlier time is found with its timestamp"
    return NotFound(f"{sentence}; {hint}", "event_not_found")


def _key(
    session: Session, request: ExplainRequest, customer: Customer, text: str
) -> dict[str, Any]:
    marks = ((space, session.claimed(space, text)) for space in _SPACES)
    uses = [
        KeyUse(
            space,
            int(mark.get("at", mark["expires_at"] - _DAY)),
            int(mark["expires_at"]),
            mark.get("request_id"),
            mark.get("made"),
        )
        for space, mark in marks
        if mark is not None and mark.get("internal_id") in (None, customer.internal_id)
    ]
    if not uses:
        raise NotFound(
            f"No request about this customer used the idempotency key {text} in the last 24 hours",
            "idempotency_key_not_found",
        )
    return contract.key_response(request.customer_id, text, uses)
