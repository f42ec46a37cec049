"""The pretended Stripe account: its objects, what it reported, and the file it is kept in."""

import copy
import json
import secrets
import string
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local.stripe.failures import Refused, missing

type Document = dict[str, Any]

_LETTERS = string.ascii_letters + string.digits
#: Seconds between two writes of the file while things change.
_SAVE_EVERY = 0.5
#: Kinds that only grow; reports may be on their way while something is taken back.
_ADDED = ("report", "idempotency_key")


def seconds() -> int:
    """Return the time as Stripe counts it."""
    return int(time.time())


class Account:
    """Objects by kind and id, in the order of their creation; hold `lock` to touch them."""

    def __init__(self, clock: Callable[[], int] = seconds, file: Path | None = None) -> None:
        #: The time outside, which advancing the clock does not move; deliveries are signed by it.
        self.outside = clock
        self._moment: int | None = None
        self.lock = threading.RLock()
        #: Held by the one call that lets time pass.
        self.advancing = threading.Lock()
        self._file = file
        self._kinds: dict[str, dict[str, Document]] = {}
        self._changed = threading.Event()
        self._closed = threading.Event()
        if file is not None:
            self._load(file)
            self._saver = threading.Thread(target=self._save_on, name="stripe-state", daemon=True)
            self._saver.start()

    def clock(self) -> int:
        """Return the account's time in seconds.

        It goes on from where it was set, as the time outside does; where that catches up, as the
        clock of a test may, both are one again.
        """
        if self._moment is not None:
            return self._moment
        now, kept = self.outside(), self.objects("clock").get("set")
        if kept is None or kept["outside"] < kept["at"] <= now:
            return now
        return int(kept["at"]) + now - int(kept["outside"])

    def set_clock(self, at: int) -> None:
        """Make it this time."""
        self.objects("clock")["set"] = {"outside": self.outside(), "at": at}

    @contextmanager
    def at(self, moment: int) -> Iterator[None]:
        """Let the clock stand at a time, for all who look at it."""
        self._moment = moment
        try:
            yield
        finally:
            self._moment = None

    def objects(self, kind: str) -> dict[str, Document]:
        """Return all objects of a kind (`customer`, `invoice`, ...) by id."""
        return self._kinds.setdefault(kind, {})

    def get(self, kind: str, object_id: str, param: str = "id") -> Document:
        """Return an object. Errors: `Refused` as Stripe refuses an unknown id."""
        if object_id not in self.objects(kind):
            raise missing(kind, object_id, param)
        return self.objects(kind)[object_id]

    @contextmanager
    def change(self) -> Iterator[None]:
        """Hold the account while something changes, and have it saved afterwards."""
        with self.lock:
            yield
            self._changed.set()

    @contextmanager
    def undoing(self) -> Iterator[None]:
        """Take everything back that was done inside when the call is refused after all."""
        added = {kind: set(self.objects(kind)) for kind in _ADDED}
        kinds = self._kinds.items()
        before = {kind: copy.deepcopy(kept) for kind, kept in kinds if kind not in _ADDED}
        try:
            yield
        except Refused:
            for kind, names in added.items():
                kept = self.objects(kind).items()
                before[kind] = {name: one for name, one in kept if name in names}
            self._kinds = before
            raise

    def text(self) -> str:
        """Return all that the account holds, for `become`."""
        with self.lock:
            return json.dumps(self._kinds)

    def become(self, text: str) -> None:
        """Hold what an account held, and nothing else."""
        with self.change():
            self._kinds = json.loads(text)

    def close(self) -> None:
        """Write what is not written yet."""
        self._closed.set()
        self._changed.set()
        if self._file is not None:
            self._saver.join()

    def _load(self, file: Path) -> None:
        if file.exists():
            self.become(file.read_text())

    def _save_on(self) -> None:
        while not self._closed.is_set():
            self._changed.wait()
            self._changed.clear()
            self._save()
            self._closed.wait(_SAVE_EVERY)
        self._save()

    def _save(self) -> None:
        if self._file is None:
            return
        text = self.text()
        fresh = self._file.with_suffix(".new")
        fresh.parent.mkdir(parents=True, exist_ok=True)
        fresh.touch(mode=0o600)
        fresh.write_text(text)
        fresh.replace(self._file)


def new_id(prefix: str, length: int = 24) -> str:
    """Return an id such as Stripe makes."""
    return prefix + "".join(secrets.choice(_LETTERS) for _ in range(length))
