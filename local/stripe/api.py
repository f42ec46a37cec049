"""Which part of the double answers: the API, the pages, or the control calls."""

import hashlib
import json
import traceback
from typing import Any

import stripe

from local.stripe import forms, views
from local.stripe.account import Account, new_id
from local.stripe.answers import Answer, Request, json_answer
from local.stripe.control import PREFIX, Control, Failure
from local.stripe.expansion import expand
from local.stripe.failures import API, IDEMPOTENCY, Refused
from local.stripe.parameters import checked
from local.stripe.reports import Outbox
from local.stripe.resources import ROUTES
from local.stripe.routes import Call, matching
from local.stripe.shop import Shop
from local.stripe.sites import site_of


class Api:
    """All that the double answers."""

    def __init__(self, account: Account, outbox: Outbox, base: str, secret_key: str | None) -> None:
        self._account = account
        self._outbox = outbox
        self._base = base
        self._key = secret_key
        self._failures: list[Failure] = []
        self._control = Control(account, outbox, base, self._failures)

    def answer(self, request: Request) -> Answer:
        """Answer a request."""
        try:
            if request.path.startswith(PREFIX):
                asked = self._control.answer(request.method, request.path, request.body)
                return json_answer(200, asked)
            found = site_of(request.path)
            if found is not None:
                site, rest = found
                return site(Shop(self._account, self._outbox, self._base), request, rest)
            return self._api(request)
        except Refused as refused:
            return json_answer(refused.status, refused.envelope(), request_id=new_id("req_", 14))
        except Exception:  # noqa: BLE001 - its own bug: shown to who runs it, a 500 to the caller
            traceback.print_exc()
            broken = Refused("The double failed; see its output", status=500, kind=API)
            return json_answer(broken.status, broken.envelope())

    def _api(self, request: Request) -> Answer:
        self._fail_if_told(request)
        self._admit(request)
        found = matching(ROUTES, request.method, request.path)
        if found is None:
            message = f"Unrecognized request URL ({request.method}: {request.path})."
            raise Refused(message, status=404)
        route, ids = found
        text = request.body.decode() if request.method == "POST" else request.query
        params = checked(route.params, forms.decode(text))
        look = views.look(self._account, self._base)
        call = Call(self._account, self._outbox, self._base, ids, params)
        with self._account.change(), self._outbox.caused_by(_key(request)):
            return self._once(
                request,
                lambda: expand(route.answer(call), params.get("expand", []), look),
            )

    def _once(self, request: Request, act: Any) -> Answer:
        """Do what a request asks; the same key again gets the first answer again."""
        key = _key(request)
        if key is None:
            return _sent(act())
        digest = hashlib.sha256(request.path.encode() + b"\n" + request.body).hexdigest()
        kept = self._account.objects("idempotency_key").get(key)
        if kept is None:
            # Objects go on changing; the answer does not.
            kept = {"digest": digest, "content": json.loads(json.dumps(act()))}
            self._account.objects("idempotency_key")[key] = kept
            return _sent(kept["content"])
        if kept["digest"] != digest:
            message = "Keys for idempotent requests can only be used with the same parameters "
            raise Refused(message + "they were first used with.", kind=IDEMPOTENCY)
        return _sent(kept["content"], idempotent_replayed="true")

    def _admit(self, request: Request) -> None:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key:
            raise Refused("You did not provide an API key.", status=401)
        if not key.startswith("sk_") or self._key not in (None, key):
            raise Refused(f"Invalid API Key provided: {key[:8]}****", status=401)
        version = request.headers.get("stripe-version", stripe.api_version)
        if version != stripe.api_version:
            raise Refused(f"The double speaks version {stripe.api_version}, not {version}")

    def _fail_if_told(self, request: Request) -> None:
        with self._account.lock:
            waiting = (one for one in self._failures if one.times)
            told = next((one for one in waiting if request.path.startswith(one.path)), None)
            if told is None:
                return
            told.times -= 1
        raise Refused("The double was told to fail", status=told.status, kind=API)


def _key(request: Request) -> str | None:
    """Return the key of a call that is done once however often it comes."""
    return request.headers.get("idempotency-key") if request.method == "POST" else None


def _sent(content: Any, **headers: str) -> Answer:
    return json_answer(200, content, request_id=new_id("req_", 14), **headers)
