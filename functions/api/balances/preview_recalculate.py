"""POST /v1/balances.preview_recalculate"""

from typing import Any

from orchard.contracts.editing import RecalculateRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import deleting


@operation(RecalculateRequest)
def handler(request: RecalculateRequest, session: Session) -> dict[str, Any]:
    """Tell what `balances.recalculate` would change."""
    return deleting.preview_recalculate(session, request)
