"""POST /v1/billing.setup_payment"""

from typing import Any

from orchard.contracts.billing.hosted import SetupPaymentRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases.billing.purchases import setup_payment


@operation(SetupPaymentRequest)
def handler(request: SetupPaymentRequest, session: Session) -> dict[str, Any]:
    """Have a customer save a card, and attach a plan after that."""
    return setup_payment.setup_payment(session, request)
