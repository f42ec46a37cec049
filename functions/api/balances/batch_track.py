"""POST /v1/balances.batch_track"""

from orchard.contracts.batch import BatchTrackRequest
from orchard.contracts.response import Queued
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import batching


@operation(BatchTrackRequest)
def handler(request: BatchTrackRequest, session: Session) -> Queued:
    """Queue usage of many customers, to be recorded within seconds."""
    batching.accept(session, request.items)
    return Queued({"success": True})
