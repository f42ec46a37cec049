"""POST /v1/billing.open_customer_portal"""

from typing import Any

from orchard.contracts.billing.hosted import OpenCustomerPortalRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases.billing import portal


@operation(OpenCustomerPortalRequest)
def handler(request: OpenCustomerPortalRequest, session: Session) -> dict[str, Any]:
    """Open Stripe's portal for a customer."""
    return portal.open_customer_portal(session, request)
