"""POST /v1/balances.history"""

from typing import Any

from orchard.contracts.history import HistoryRequest
from orchard.store.session import Session
from orchard.triggers import retention
from orchard.triggers.operation import operation
from orchard.usecases import history


@operation(HistoryRequest)
def handler(request: HistoryRequest, session: Session) -> dict[str, Any]:
    """Show what a balance was over time, or at one instant."""
    return history.show(session, request, retention.days())
