"""POST /v1/customers.list"""

from typing import Any

from orchard.contracts.customer_reads import ListCustomersRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import listing


@operation(ListCustomersRequest)
def handler(request: ListCustomersRequest, session: Session) -> dict[str, Any]:
    """Return a page of customers."""
    return listing.list_customers(session, request)
