"""POST /v1/balances.update"""

from typing import Any

from orchard.contracts.granting import UpdateBalanceRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import editing


@operation(UpdateBalanceRequest)
def handler(request: UpdateBalanceRequest, session: Session) -> dict[str, Any]:
    """Edit a balance until its next reset."""
    return editing.update(session, request)
