"""POST /v1/customers.get_or_create"""

from typing import Any

from orchard.contracts.customers import GetOrCreateCustomerRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import creating


@operation(GetOrCreateCustomerRequest)
def handler(request: GetOrCreateCustomerRequest, session: Session) -> dict[str, Any]:
    """Return a customer, created with its default plans if it is new."""
    return creating.get_or_create(session, request)
