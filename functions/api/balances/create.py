"""POST /v1/balances.create"""

from typing import Any

from orchard.contracts.granting import CreateBalanceRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import granting


@operation(CreateBalanceRequest)
def handler(request: CreateBalanceRequest, session: Session) -> dict[str, Any]:
    """Grant a balance apart from any plan."""
    return granting.create(session, request)
