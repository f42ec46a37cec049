"""POST /v1/balances.track"""

from typing import Any

from orchard.contracts.response import Accepted
from orchard.contracts.tracking import TrackRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import batching


@operation(TrackRequest)
def handler(request: TrackRequest, session: Session) -> dict[str, Any] | Accepted:
    """Record usage of a feature and take it from the customer's balance."""
    return batching.track(session, request)
