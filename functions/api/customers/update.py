"""POST /v1/customers.update"""

from typing import Any

from orchard.contracts.customers import UpdateCustomerRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import customers


@operation(UpdateCustomerRequest)
def handler(request: UpdateCustomerRequest, session: Session) -> dict[str, Any]:
    """Change a customer."""
    return customers.update(session, request)
