"""Processes that die and networks that lose things, between any two calls of the table."""

from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from functools import partial
from itertools import repeat
from random import Random
from typing import Any

from botocore.exceptions import ReadTimeoutError

_END = object()


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


type Trouble = Callable[[Callable[[], Any]], Any]


def trouble(fault: Fault) -> Trouble:
    """What makes a call go wrong."""

    def happen(call: Callable[[], Any]) -> Any:
        if fault.is_done:
            call()
        raise Killed if fault.kills else ReadTimeoutError(endpoint_url="http://table")

    return happen


def rival(act: Callable[[], object]) -> Trouble:
    """What lets somebody else act right before a call."""

    def happen(call: Callable[[], Any]) -> Any:
        act()
        return call()

    return happen


class Faulty:
    """A client of the table with trouble arranged for some of the calls to come."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._next: Iterator[Trouble | None] = iter(())

    def arrange(self, position: int, trouble: Trouble) -> None:
        """Let there be trouble with the call at a position, counted from 0."""
        self._next = iter([*[None] * position, trouble])

    def arrange_all(self, trouble: Trouble) -> None:
        """Let there be trouble with each of the calls to come."""
        self._next = repeat(trouble)

    def arrange_often(self, random: Random, faults: Sequence[Fault]) -> None:
        """Let every third call go wrong, until a hundred calls were made."""
        wrong = (random.random() < 1 / 3 for _ in range(100))
        self._next = (trouble(random.choice(faults)) if one else None for one in wrong)

    def clear(self) -> bool:
        """Arrange nothing any more; return whether all the trouble happened."""
        happens, self._next = self._next, iter(())
        return next(happens, _END) is _END

    def __getattr__(self, verb: str) -> Any:
        real = getattr(self._client, verb)
        return partial(self._call, real) if callable(real) else real

    def _call(self, real: Any, *arguments: Any, **named: Any) -> Any:
        happen = next(self._next, None)
        call = partial(real, *arguments, **named)
        return call() if happen is None else happen(call)
