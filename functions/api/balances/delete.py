"""POST /v1/balances.delete"""

from typing import Any

from orchard.contracts.editing import DeleteBalanceRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import deleting


@operation(DeleteBalanceRequest)
def handler(request: DeleteBalanceRequest, session: Session) -> dict[str, Any]:
    """Remove balances of a customer."""
    return deleting.delete(session, request)
