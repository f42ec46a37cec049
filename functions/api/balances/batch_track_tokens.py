"""POST /v1/balances.batch_track_tokens"""

from orchard.contracts.response import Queued
from orchard.contracts.tokens import BatchTrackTokensRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import token_tracking


@operation(BatchTrackTokensRequest)
def handler(request: BatchTrackTokensRequest, session: Session) -> Queued:
    """Price the tokens of many customers and queue what they cost, to be recorded in seconds."""
    token_tracking.batch(session, request.items)
    return Queued({"success": True})
