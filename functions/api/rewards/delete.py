"""POST /v1/rewards.delete"""

from typing import Any

from orchard.contracts.rewards import RewardRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import rewards


@operation(RewardRequest)
def handler(request: RewardRequest, session: Session) -> dict[str, Any]:
    """Remove a reward."""
    return rewards.delete(session, request)
