"""POST /v1/billing.preview_update"""

from typing import Any

from orchard.contracts.billing.update import UpdateRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases.billing.updates import update


@operation(UpdateRequest)
def handler(request: UpdateRequest, session: Session) -> dict[str, Any]:
    """Show what changing or ending a plan would do and charge."""
    return update.preview(session, request)
