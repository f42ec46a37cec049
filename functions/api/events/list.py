"""POST /v1/events.list"""

from typing import Any

from orchard.contracts.events import ListEventsRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import events


@operation(ListEventsRequest)
def handler(request: ListEventsRequest, session: Session) -> dict[str, Any]:
    """List usage events, newest first."""
    return events.list_events(session, request)
