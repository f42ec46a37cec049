"""POST /v1/rewards.list"""

from typing import Any

from orchard.contracts.rewards import ListRewardsRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import rewards


@operation(ListRewardsRequest)
def handler(_request: ListRewardsRequest, session: Session) -> dict[str, Any]:
    """Return all rewards."""
    return rewards.every(session)
