"""Looking through recorded usage: `events.list`."""

from collections.abc import Iterator
from typing import Any

from orchard.contracts.cursor import Cursor, page
from orchard.contracts.events import ListEventsRequest, list_events_response
from orchard.domain.ledger import UsageEvent
from orchard.store import customers, ledger
from orchard.store.ledger import Selection
from orchard.store.session import Session

#: Cursors of events count microseconds.
_MICROSECONDS = 1000


def list_events(session: Session, request: ListEventsRequest) -> dict[str, Any]:
    """Return a page of events, newest first. Errors: `CustomerNotFound`."""
    after = request.after
    selection = Selection(
        names=request.feature_id,
        entity_id=request.entity_id,
        start=request.custom_range.start or 0,
        after=None if after is None else (after.time // _MICROSECONDS, after.id),
        page=request.limit + 1,
    )
    if request.custom_range.end is not None:
        selection = selection._replace(end=request.custom_range.end)
    found = _found(session, request.customer_id, selection)
    return list_events_response(page(found, request.limit, _place))


def _found(session: Session, customer_id: str | None, selection: Selection) -> Iterator[UsageEvent]:
    if customer_id is None:
        return ledger.tenant_events(session, selection)
    customer = customers.locate(session, customer_id)
    # A customer that was renamed is shown under its present id throughout.
    found = ledger.events(session, customer.internal_id, selection)
    return (event._replace(customer_id=customer.hot_id) for event in found)


def _place(event: UsageEvent) -> Cursor:
    return Cursor(event.timestamp * _MICROSECONDS, event.id)
