"""Which part of the double answers: the API, the pages, or the control calls."""

import traceback

import stripe

from local.stripe import forms, views
from local.stripe.account import Account, new_id
from local.stripe.answers import Answer, Request, json_answer
from local.stripe.control import PREFIX, Control
from local.stripe.expansion import expand
from local.stripe.failures import API, Refused
from local.stripe.idempotency import Keys, key_of
from local.stripe.parameters import checked
from local.stripe.reports import Outbox
from local.stripe.resources import ROUTES
from local.stripe.routes import Call, matching
from local.stripe.shop import Shop
from local.stripe.sites import site_of
from local.stripe.trouble import Trouble


class Api:
    """All that the double answers."""

    def __init__(self, account: Account, outbox: Outbox, base: str, secret_key: str | None) -> None:
        self._account = account
        self._outbox = outbox
        self._base = base
        self._key = secret_key
        self._keys = Keys(account)
        self._trouble = Trouble()
        self._control = Control(account, outbox, base, self._trouble)

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
        failure = self._trouble.failure(request.path)
        if failure is not None and not failure.done:
            if failure.remembered:
                with self._account.change():
                    self._keys.keep(request, failure.status, failure.refusal().envelope())
            raise failure.refusal()
        self._admit(request)
        with self._keys.busy(request):
            try:
                answer = self._acted(request)
            finally:
                self._trouble.wait(request.path)
        if failure is not None:
            raise failure.refusal()
        return answer

    def _acted(self, request: Request) -> Answer:
        found = matching(ROUTES, request.method, request.path)
        if found is None:
            message = f"Unrecognized request URL ({request.method}: {request.path})."
            raise Refused(message, status=404)
        route, ids = found
        text = request.body.decode() if request.method == "POST" else request.query
        params = checked(route.params, forms.decode(text))
        look = views.look(self._account, self._base)
        call = Call(self._account, self._outbox, self._base, ids, params)
        with self._account.change(), self._outbox.caused_by(key_of(request)):
            return self._keys.once(
                request,
                lambda: expand(route.answer(call), params.get("expand", []), look),
            )

    def _admit(self, request: Request) -> None:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key:
            raise Refused("You did not provide an API key.", status=401)
        if not key.startswith("sk_") or self._key not in (None, key):
            raise Refused(f"Invalid API Key provided: {key[:8]}****", status=401)
        version = request.headers.get("stripe-version", stripe.api_version)
        if version != stripe.api_version:
            raise Refused(f"The double speaks version {stripe.api_version}, not {version}")
