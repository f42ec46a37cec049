"""POST /v1/billing.sync"""

from typing import Any

from orchard.contracts.billing.verify import SyncRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases.billing.reconciling import syncing


@operation(SyncRequest)
def handler(request: SyncRequest, session: Session) -> dict[str, Any]:
    """Bring billing into line with Stripe."""
    return syncing.sync(session, request)
