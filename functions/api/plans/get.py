"""POST /v1/plans.get"""

from typing import Any

from orchard.contracts.plans import GetPlanRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import plans


@operation(GetPlanRequest)
def handler(request: GetPlanRequest, session: Session) -> dict[str, Any]:
    """Return a plan."""
    return plans.get(session, request)
