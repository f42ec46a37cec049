"""POST /v1/events.aggregate"""

from typing import Any

from orchard.contracts.aggregates import AggregateEventsRequest
from orchard.store.session import Session
from orchard.triggers import retention
from orchard.triggers.operation import operation
from orchard.usecases import aggregating


@operation(AggregateEventsRequest)
def handler(request: AggregateEventsRequest, session: Session) -> dict[str, Any]:
    """Sum usage up over time."""
    return aggregating.aggregate(session, request, retention.days())
