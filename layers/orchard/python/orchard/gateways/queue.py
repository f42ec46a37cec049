"""Queues of work for later: of usage (TRACK_QUEUE_URL) and of top-ups (TOP_UP_QUEUE_URL)."""

import os
from collections.abc import Iterator, Sequence

from orchard.errors import Unavailable
from orchard.gateways import aws

#: Bytes of one message, and of all that are sent together; SQS allows a few more.
LARGEST_BYTES = 250_000
_TOGETHER = 10
TRACKS = "TRACK_QUEUE_URL"


def send(bodies: Sequence[str], variable: str = TRACKS) -> int:
    """Put messages of ASCII text into the queue that an environment variable has the address of.

    Returns how many it certainly took.

    What it refuses is sent again. When that doesn't help the rest isn't tried: a queue that is
    down should get no more than a part. No errors: fewer than all of them is the failure.
    """
    taken = 0
    for some in _chunks(bodies):
        accepted = _accepted(some, os.environ[variable])
        taken += accepted
        if accepted < len(some):
            break
    return taken


def _accepted(bodies: Sequence[str], url: str) -> int:
    left = {str(number): body for number, body in enumerate(bodies)}
    for seconds in aws.pauses():
        entries = [{"Id": name, "MessageBody": body} for name, body in left.items()]
        try:
            answer = aws.call(
                "sqs",
                "send_message_batch",
                QueueUrl=url,
                Entries=entries,
            )
        except Unavailable:
            break
        for taken in answer.get("Successful", ()):
            del left[taken["Id"]]
        if not left:
            break
        aws.pause(seconds)
    return len(bodies) - len(left)


def _chunks(bodies: Sequence[str]) -> Iterator[Sequence[str]]:
    """As many as fit into one request each time."""
    chunk: list[str] = []
    size = 0
    for body in bodies:
        if chunk and (len(chunk) == _TOGETHER or size + len(body) > LARGEST_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(body)
        size += len(body)
    if chunk:
        yield chunk
