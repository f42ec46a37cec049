"""POST /v1/balances.list"""

from typing import Any

from orchard.contracts.granting import ListBalancesRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import listing


@operation(ListBalancesRequest)
def handler(request: ListBalancesRequest, session: Session) -> dict[str, Any]:
    """Return the sources of balances."""
    return listing.list_balances(session, request)
