"""POST /v1/balances.explain"""

from typing import Any

from orchard.contracts.explaining import ExplainRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import explaining


@operation(ExplainRequest)
def handler(request: ExplainRequest, session: Session) -> dict[str, Any]:
    """Tell why a customer was blocked or charged."""
    return explaining.explain(session, request)
