"""POST /v1/rewards.redeem"""

from typing import Any

from orchard.contracts.rewards import RedeemRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import redeeming


@operation(RedeemRequest)
def handler(request: RedeemRequest, session: Session) -> dict[str, Any]:
    """Let a customer have what a code grants."""
    return redeeming.redeem(session, request)
