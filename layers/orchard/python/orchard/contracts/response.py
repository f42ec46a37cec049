"""Answers that are not simply done."""

from typing import Any, NamedTuple


class Accepted(NamedTuple):
    """What was asked for is accepted and will be done later: status 202 with this body."""

    body: dict[str, Any]


class Queued(NamedTuple):
    """What was asked for is in the queue: status 200, or 202 for clients since version 2.4.

    The JavaScript client takes anything but 202 for an error; version 2.3 answers 200.
    """

    body: dict[str, Any]
