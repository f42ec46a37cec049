"""POST /v1/rewards.update"""

from typing import Any

from orchard.contracts.rewards import UpdateRewardRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import rewards


@operation(UpdateRewardRequest)
def handler(request: UpdateRewardRequest, session: Session) -> dict[str, Any]:
    """Change a reward."""
    return rewards.update(session, request)
