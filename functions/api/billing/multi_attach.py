"""POST /v1/billing.multi_attach"""

from typing import Any

from orchard.contracts.billing.multi_attach import MultiAttachRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases.billing.purchases import multi_attach


@operation(MultiAttachRequest)
def handler(request: MultiAttachRequest, session: Session) -> dict[str, Any]:
    """Give a customer several plans in one purchase."""
    return multi_attach.multi_attach(session, request)
