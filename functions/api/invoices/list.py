"""POST /v1/invoices.list"""

from typing import Any

from orchard.contracts.invoices import ListInvoicesRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import invoices


@operation(ListInvoicesRequest)
def handler(request: ListInvoicesRequest, session: Session) -> dict[str, Any]:
    """List invoices, newest first."""
    return invoices.list_(session, request)
