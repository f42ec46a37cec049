"""POST /v1/billing.preview_attach"""

from typing import Any

from orchard.contracts.billing.attach import AttachRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases.billing.purchases import attach


@operation(AttachRequest)
def handler(request: AttachRequest, session: Session) -> dict[str, Any]:
    """Show what giving a customer a plan would do and charge."""
    return attach.preview(session, request)
