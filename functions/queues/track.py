"""The queue of usage: tracks that were accepted and wait to be recorded"""

from orchard.contracts.batch import QueuedTracks
from orchard.store.session import Session
from orchard.triggers.queue import queue
from orchard.usecases import batching
from orchard.usecases.batching import Outcome


@queue(QueuedTracks)
def handler(message: QueuedTracks, session: Session) -> Outcome:
    """Record the usage in a message."""
    return batching.work(session, message)
