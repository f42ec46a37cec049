"""POST /v1/invoices.insert"""

from typing import Any

from orchard.contracts.invoices import InsertInvoicesRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import inserting


@operation(InsertInvoicesRequest)
def handler(request: InsertInvoicesRequest, session: Session) -> dict[str, Any]:
    """Store invoices that were made elsewhere."""
    return inserting.insert(session, request)
