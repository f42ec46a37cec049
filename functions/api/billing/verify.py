"""POST /v1/billing.verify"""

from typing import Any

from orchard.contracts.billing.verify import VerifyRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases.billing.reconciling import verifying


@operation(VerifyRequest)
def handler(request: VerifyRequest, session: Session) -> dict[str, Any]:
    """Compare billing here and at Stripe."""
    return verifying.verify(session, request)
