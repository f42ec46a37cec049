"""POST /v1/balances.track"""

from typing import Any

from orchard.contracts.tracking import TrackRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import tracking


@operation(TrackRequest)
def handler(request: TrackRequest, session: Session) -> dict[str, Any]:
    """Record usage of a feature and take it from the customer's balance."""
    return tracking.track(session, request)
