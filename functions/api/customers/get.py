"""POST /v1/customers.get"""

from typing import Any

from orchard.contracts.customers import GetCustomerRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import customers


@operation(GetCustomerRequest)
def handler(request: GetCustomerRequest, session: Session) -> dict[str, Any]:
    """Return a customer."""
    return customers.get(session, request)
