"""Whether a customer may use a feature: `balances.check`."""

from typing import Any

from orchard.contracts.checking import EXPANDABLE, CheckRequest, check_response
from orchard.contracts.feature import feature
from orchard.domain import summary
from orchard.domain.deduction import Overage, Rows
from orchard.errors import Invalid
from orchard.store import balances, catalog, customers, documents
from orchard.store.session import Session
from orchard.usecases import tracking
from orchard.usecases.tracking import Usage


def check(session: Session, request: CheckRequest) -> dict[str, Any]:
    """Tell whether the customer may use the feature; with `send_event`, use it in the same step.

    A check alone is one read. Errors: 404 for an unknown customer, entity or feature.
    """
    if request.lock is not None:
        raise Invalid("Locks are not supported yet")
    if request.entity_id is not None:
        tracking.require_entity(session, request.customer_id, request.entity_id)
    allowed, rows = (_use if request.send_event else _look)(session, request)
    expanded = EXPANDABLE & set(request.expand)
    shown = feature(catalog.feature(session, request.feature_id)) if expanded else None
    return check_response(request, allowed=allowed, rows=rows, feature=shown)


def _look(session: Session, request: CheckRequest) -> tuple[bool, Rows]:
    stored = balances.get(session, request.customer_id, request.feature_id)
    if stored is None:
        stored = _elsewhere(session, request)
    rows = () if stored is None else stored.current(session.now)
    return summary.allows(rows, request.required), rows


def _elsewhere(session: Session, request: CheckRequest) -> balances.Stored | None:
    """The balance of a customer named by its internal id; None when it lacks the feature."""
    customer = customers.locate(session, request.customer_id)
    catalog.feature(session, request.feature_id)
    if customer.hot_id == request.customer_id:
        return None
    return balances.get(session, customer.hot_id, request.feature_id)


def _use(session: Session, request: CheckRequest) -> tuple[bool, Rows]:
    customer_id, feature_id = request.customer_id, request.feature_id
    last = tracking.event(
        session,
        feature_id,
        value=request.required,
        properties=documents.dump(request.properties or {}),
    )
    usage = Usage(customer_id, request.required, Overage.REJECT, last, flags=False)
    tracked = tracking.take(session, usage, feature_id)
    return tracked.recorded, tracked.rows
