"""POST /v1/customers.get"""

from typing import Any

from orchard.contracts.customer_reads import GetCustomerRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import viewing


@operation(GetCustomerRequest)
def handler(request: GetCustomerRequest, session: Session) -> dict[str, Any]:
    """Return a customer."""
    return viewing.get(session, request)
