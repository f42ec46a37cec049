"""POST /v1/balances.set"""

from typing import Any

from orchard.contracts.editing import SetBalancesRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import editing


@operation(SetBalancesRequest)
def handler(request: SetBalancesRequest, session: Session) -> dict[str, Any]:
    """Set what remains of features, and grant as much more or less."""
    return editing.set_balances(session, request)
