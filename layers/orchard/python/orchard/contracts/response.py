"""Answers that are not simply done."""

from typing import Any, NamedTuple


class Accepted(NamedTuple):
    """What was asked for is accepted and will be done later: status 202 with this body."""

    body: dict[str, Any]
