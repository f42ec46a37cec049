"""POST /v1/customers.delete"""

from typing import Any

from orchard.contracts.deletion import DeleteCustomerRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import deletion


@operation(DeleteCustomerRequest)
def handler(request: DeleteCustomerRequest, session: Session) -> dict[str, Any]:
    """Remove a customer and everything under it."""
    return deletion.delete(session, request)
