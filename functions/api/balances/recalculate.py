"""POST /v1/balances.recalculate"""

from typing import Any

from orchard.contracts.editing import RecalculateRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import deleting


@operation(RecalculateRequest)
def handler(request: RecalculateRequest, session: Session) -> dict[str, Any]:
    """Deduct usage anew, so that no source is overdrawn while another has some left."""
    return deleting.recalculate(session, request)
