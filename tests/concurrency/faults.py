"""Processes that die and networks that lose things, between any two calls of the table."""

from enum import Enum
from functools import partial
from typing import Any

from botocore.exceptions import ReadTimeoutError

_LOST = ReadTimeoutError(endpoint_url="http://table")


class Fault(Enum):
    """What happens to a call, and whether the process that made it lives on."""

    KILLED_BEFORE = "killed before"
    KILLED_AFTER = "killed after"
    REQUEST_LOST = "request lost"
    ANSWER_LOST = "answer lost"

    @property
    def kills(self) -> bool:
        return self in (Fault.KILLED_BEFORE, Fault.KILLED_AFTER)

    @property
    def is_done(self) -> bool:
        """Whether the table got the call."""
        return self in (Fault.KILLED_AFTER, Fault.ANSWER_LOST)


class Killed(BaseException):
    """The process is gone: nothing of ours catches this."""


class Faulty:
    """A client of the table in which the call at one position, counted from 0, goes wrong."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._fault: Fault | None = None
        self._left = -1

    def arrange(self, fault: Fault, position: int) -> None:
        """Let the call at a position go wrong."""
        self._fault, self._left = fault, position

    def clear(self) -> bool:
        """Arrange nothing any more; return whether the call that was to go wrong was made."""
        was_made, self._left = self._left < 0, -1
        return was_made

    def __getattr__(self, verb: str) -> Any:
        real = getattr(self._client, verb)
        return partial(self._call, real) if callable(real) else real

    def _call(self, real: Any, *arguments: Any, **named: Any) -> Any:
        self._left -= 1
        if self._left != -1 or self._fault is None:
            return real(*arguments, **named)
        fault, self._fault = self._fault, None
        if fault.is_done:
            real(*arguments, **named)
        raise Killed if fault.kills else _LOST
