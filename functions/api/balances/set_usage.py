"""POST /v1/balances.set_usage"""

from typing import Any

from orchard.contracts.editing import SetUsageRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import editing


@operation(SetUsageRequest)
def handler(request: SetUsageRequest, session: Session) -> dict[str, Any]:
    """Set what was used of a feature."""
    return editing.set_usage(session, request)
