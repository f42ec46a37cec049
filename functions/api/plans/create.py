"""POST /v1/plans.create"""

from typing import Any

from orchard.contracts.plans import CreatePlanRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import plans


@operation(CreatePlanRequest)
def handler(request: CreatePlanRequest, session: Session) -> dict[str, Any]:
    """Define a plan."""
    return plans.create(session, request)
