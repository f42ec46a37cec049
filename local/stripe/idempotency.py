"""Idempotency keys: the same key again gets the first answer again, a failure too."""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from local.stripe.account import Account, Document, new_id
from local.stripe.answers import Answer, Request, json_answer
from local.stripe.failures import IDEMPOTENCY, Refused

_OK = 200
#: Refused before the work begins: not remembered.
_UNBEGUN = {400, 401, 404, 429}


def key_of(request: Request) -> str | None:
    """Return the key of a call that is done once however often it comes."""
    return request.headers.get("idempotency-key") if request.method == "POST" else None


class Keys:
    """The keys of an account, and those whose first call has not been answered yet."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._busy: set[str] = set()

    @contextmanager
    def busy(self, request: Request) -> Iterator[None]:
        """Hold a call's key until it is answered. Errors: 409 while another call holds it."""
        key = key_of(request)
        if key is None:
            yield
            return
        with self._account.lock:
            if key in self._busy:
                message = "There is currently another in-progress request using this key."
                code = "idempotency_key_in_use"
                raise Refused(message, status=409, kind=IDEMPOTENCY, code=code)
            self._busy.add(key)
        try:
            yield
        finally:
            with self._account.lock:
                self._busy.discard(key)

    def once(self, request: Request, act: Callable[[], Document]) -> Answer:
        """Do what a call asks, or give the answer that its key got before.

        Errors: 400 for a key that was used for another call.
        """
        key = key_of(request)
        if key is None:
            return _sent(_OK, act())
        kept = self._account.objects("idempotency_key").get(key)
        if kept is not None:
            if kept["digest"] != _digest(request):
                message = "Keys for idempotent requests can only be used with the same parameters "
                raise Refused(message + "they were first used with.", kind=IDEMPOTENCY)
            return _sent(kept["status"], kept["content"], idempotent_replayed="true")
        try:
            content = act()
        except Refused as refused:
            if refused.status not in _UNBEGUN:
                self.keep(request, refused.status, refused.envelope())
            raise
        # Objects go on changing; the answer does not.
        return _sent(_OK, self.keep(request, _OK, content))

    def keep(self, request: Request, status: int, content: Document) -> Document:
        """Remember an answer under the call's key, if it has one; return it as it is sent."""
        key, copied = key_of(request), json.loads(json.dumps(content))
        if key is not None:
            kept = {"digest": _digest(request), "status": status, "content": copied}
            self._account.objects("idempotency_key").setdefault(key, kept)
        return dict(copied)


def _digest(request: Request) -> str:
    return hashlib.sha256(request.path.encode() + b"\n" + request.body).hexdigest()


def _sent(status: int, content: Document, **headers: str) -> Answer:
    return json_answer(status, content, request_id=new_id("req_", 14), **headers)
