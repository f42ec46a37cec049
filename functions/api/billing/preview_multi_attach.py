"""POST /v1/billing.preview_multi_attach"""

from typing import Any

from orchard.contracts.billing.multi_attach import MultiAttachRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases.billing.purchases import multi_attach


@operation(MultiAttachRequest)
def handler(request: MultiAttachRequest, session: Session) -> dict[str, Any]:
    """Show what giving a customer several plans would do and charge."""
    return multi_attach.preview(session, request)
