"""POST /v1/plans.delete"""

from typing import Any

from orchard.contracts.plans import DeletePlanRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import plans


@operation(DeletePlanRequest)
def handler(request: DeletePlanRequest, session: Session) -> dict[str, Any]:
    """Remove a plan that no customer ever had."""
    return plans.delete(session, request)
