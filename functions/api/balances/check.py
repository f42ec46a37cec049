"""POST /v1/balances.check"""

from typing import Any

from orchard.contracts.checking import CheckRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import checking


@operation(CheckRequest)
def handler(request: CheckRequest, session: Session) -> dict[str, Any]:
    """Tell whether a customer may use a feature, and use it if asked to."""
    return checking.check(session, request)
