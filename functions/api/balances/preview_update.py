"""POST /v1/balances.preview_update"""

from typing import Any

from orchard.contracts.granting import UpdateBalanceRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import edit_previews


@operation(UpdateBalanceRequest)
def handler(request: UpdateBalanceRequest, session: Session) -> dict[str, Any]:
    """Tell what `balances.update` would do."""
    return edit_previews.preview_update(session, request)
