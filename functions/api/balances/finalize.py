"""POST /v1/balances.finalize"""

from typing import Any

from orchard.contracts.locks import FinalizeRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import locking


@operation(FinalizeRequest)
def handler(request: FinalizeRequest, session: Session) -> dict[str, Any]:
    """Confirm a lock, for what it reserved or another amount, or release it."""
    return locking.finalize(session, request)
