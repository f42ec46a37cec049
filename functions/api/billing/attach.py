"""POST /v1/billing.attach"""

from typing import Any

from orchard.contracts.billing.attach import AttachRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases.billing.purchases import attach


@operation(AttachRequest)
def handler(request: AttachRequest, session: Session) -> dict[str, Any]:
    """Give a customer a plan."""
    return attach.attach(session, request)
