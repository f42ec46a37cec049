"""POST /v1/plans.update"""

from typing import Any

from orchard.contracts.plans import UpdatePlanRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import plan_updates


@operation(UpdatePlanRequest)
def handler(request: UpdatePlanRequest, session: Session) -> dict[str, Any]:
    """Change a plan, or make a new version of it."""
    return plan_updates.update(session, request)
