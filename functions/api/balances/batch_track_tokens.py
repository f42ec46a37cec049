"""POST /v1/balances.batch_track_tokens"""

from typing import Any

from orchard.contracts.tokens import BatchTrackTokensRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import token_tracking


@operation(BatchTrackTokensRequest)
def handler(request: BatchTrackTokensRequest, session: Session) -> dict[str, Any]:
    """Price the tokens of many customers and queue what they cost, to be recorded in seconds."""
    token_tracking.batch(session, request.items)
    return {"success": True}
