"""POST /v1/balances.track_tokens"""

from typing import Any

from orchard.contracts.response import Accepted
from orchard.contracts.tokens import TrackTokensRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import token_tracking


@operation(TrackTokensRequest)
def handler(request: TrackTokensRequest, session: Session) -> dict[str, Any] | Accepted:
    """Price the tokens of an AI model and take the cost from the customer's credits."""
    return token_tracking.track(session, request)
