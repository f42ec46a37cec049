"""POST /v1/plans.list"""

from typing import Any

from orchard.contracts.plans import ListPlansRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import plans


@operation(ListPlansRequest)
def handler(request: ListPlansRequest, session: Session) -> dict[str, Any]:
    """Return all plans, and how each suits a customer."""
    return plans.every(session, request)
