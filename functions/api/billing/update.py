"""POST /v1/billing.update"""

from typing import Any

from orchard.contracts.billing.update import UpdateRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases.billing.updates import update


@operation(UpdateRequest)
def handler(request: UpdateRequest, session: Session) -> dict[str, Any]:
    """Change a plan that a customer holds, or end it."""
    return update.update(session, request)
