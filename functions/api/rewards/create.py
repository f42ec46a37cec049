"""POST /v1/rewards.create"""

from typing import Any

from orchard.contracts.rewards import CreateRewardRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import rewards


@operation(CreateRewardRequest)
def handler(request: CreateRewardRequest, session: Session) -> dict[str, Any]:
    """Define a coupon or a grant of features."""
    return rewards.create(session, request)
