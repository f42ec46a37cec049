"""What goes wrong because it was told to: calls that fail, and calls that are answered late."""

import threading
import time
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field

from local.stripe.failures import API, CARD, IDEMPOTENCY, INVALID, Refused

#: Kind and code of Stripe's error with a status, unless somebody names others.
_USUAL = {
    402: (CARD, "card_declined"),
    409: (IDEMPOTENCY, "idempotency_key_in_use"),
    429: (INVALID, "rate_limit"),
}
_SERVER_ERRORS = 500


class _Next(BaseModel):
    """What happens to the next `times` calls whose path begins with `path`."""

    model_config = ConfigDict(extra="forbid")

    times: int = Field(default=1, ge=0)
    path: str = "/v1/"


class Failure(_Next):
    """How the next calls fail.

    `done`: a call does its work first and only its answer is lost, so that the same key gets the
    real answer later. `remembered`: it fails as a call fails that had begun, so that the same key
    fails again; without it, as one that never began.
    """

    status: int = Field(ge=400, le=599)
    type: str | None = None
    code: str | None = None
    decline_code: str | None = None
    message: str = "The double was told to fail"
    done: bool = False
    remembered: bool = False

    def refusal(self) -> Refused:
        """Return the error."""
        other = API if self.status >= _SERVER_ERRORS else INVALID
        kind, code = _USUAL.get(self.status, (other, None))
        return Refused(
            self.message,
            status=self.status,
            kind=self.type or kind,
            code=self.code or code,
            more={"decline_code": self.decline_code},
        )


class Delay(_Next):
    """How many seconds after it has done its work a call is answered."""

    seconds: float = Field(gt=0, le=60)


class _Waiting(Protocol):
    times: int
    path: str


class Trouble:
    """The trouble that is to come; each is used up in the order in which it was told."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures: list[Failure] = []
        self._delays: list[Delay] = []

    def tell(self, one: Failure | Delay) -> None:
        """Let something go wrong."""
        with self._lock:
            if isinstance(one, Failure):
                self._failures.append(one)
            else:
                self._delays.append(one)

    def failure(self, path: str) -> Failure | None:
        """Return how a call to this path fails, None when it does not."""
        with self._lock:
            return _take(self._failures, path)

    def wait(self, path: str) -> None:
        """Take as long as a call to this path shall take."""
        with self._lock:
            told = _take(self._delays, path)
        if told is not None:
            time.sleep(told.seconds)


def _take[T: _Waiting](waiting: list[T], path: str) -> T | None:
    for one in waiting:
        if one.times and path.startswith(one.path):
            one.times -= 1
            return one
    return None
