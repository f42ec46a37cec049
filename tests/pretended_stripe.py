"""Stripe in tests: the real gateway talks HTTP to the double; reports reach the real handler.

The double sends nothing by itself: a test decides which report arrives when, and how often.
"""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
import requests
from requests.structures import CaseInsensitiveDict
from stripe import RequestsClient

from local.stripe.answers import Request
from local.stripe.server import Double
from orchard.gateways import stripe as stripe_gateway
from orchard.gateways import stripe_client
from orchard.store import customers, invoices
from orchard.store.session import Session
from orchard.store.table import Table
from tests import harness
from tests.conftest import Call, Clock

PATH = "/orchard/stripe"
SECRETS = {
    "sandbox/secret_key": "sk_test_pretended",
    "sandbox/webhook_secret": "whsec_sandbox",
    "live/secret_key": "sk_live_pretended",
    "live/webhook_secret": "whsec_live",
}


class Stripe:
    """The pretended account with what a test does to it."""

    def __init__(self, double: Double) -> None:
        self.double = double

    def control(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Make a control call of the double."""
        sent = json.dumps(body or {}).encode()
        answered = self.double.answer(Request("POST", f"/_control/{path}", "", {}, sent))
        assert answered.status == 200, answered.body
        return json.loads(answered.body)

    def stay_in_process(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let the gateway's calls reach the double past HTTP, which other tests go through."""

        def request(
            _client: Any, method: str, url: str, headers: dict[str, str], data: str | None = None
        ) -> tuple[bytes, int, Any]:
            assert url.startswith(self.double.url), url
            target = urlsplit(url)
            named = {name.lower(): value for name, value in headers.items()}
            body = (data or "").encode()
            asked = Request(method.upper(), target.path, target.query, named, body)
            made = self.double.answer(asked)
            return made.body, made.status, CaseInsensitiveDict(made.headers)

        monkeypatch.setattr(RequestsClient, "request", request)

    def customer(self, **fields: str) -> str:
        """Create a customer; return its id."""
        answered = requests.post(
            f"{self.double.url}/v1/customers",
            data=fields,
            headers={"authorization": "Bearer sk_test_pretended"},
            timeout=10,
        )
        assert answered.status_code == 200, answered.text
        return str(answered.json()["id"])

    def invoice(self, customer: str, amount: int = 2000, **fields: Any) -> str:
        """Draft an invoice of one line; return its id."""
        lines = [{"description": "Pro", "amount": amount}]
        return str(self.control("invoices", {"customer": customer, "lines": lines, **fields})["id"])

    def page(self, url: str) -> str:
        """Return a page of Stripe's, as a browser gets it."""
        answered = requests.get(url, timeout=10)
        assert answered.status_code == 200, answered.text
        return answered.text

    def step(self, invoice: str, *steps: str) -> None:
        """Take steps with an invoice."""
        for step in steps:
            self.control(f"invoices/{invoice}/{step}")

    def reports(self, kind: str = "invoice.") -> list[dict[str, Any]]:
        """Return the reports written so far whose type begins so, oldest first."""
        events = (kept["event"] for kept in self.double.outbox.all())
        return [event for event in events if event["type"].startswith(kind)]

    def signed(self, body: str) -> str:
        """Return the signature of a body."""
        return self.double.outbox.signature(body)

    def deliver(self, event: Mapping[str, Any], *, as_base64: bool = False) -> harness.Response:
        """Bring a report to the handler, as API Gateway would."""
        return self.send(json.dumps(event), as_base64=as_base64)

    def send(
        self, body: str, signature: str | None = None, *, as_base64: bool = False
    ) -> harness.Response:
        """Bring a body to the handler, with its own signature unless another is given."""
        request = harness.sample("webhooks/stripe")
        sent = body.encode()
        request["body"] = base64.b64encode(sent).decode() if as_base64 else body
        request["isBase64Encoded"] = as_base64
        request["headers"]["stripe-signature"] = (
            self.signed(body) if signature is None else signature
        )
        answered = harness.handler("webhooks.stripe")(request, None)
        content = json.loads(answered["body"])
        return harness.Response(answered["statusCode"], content, answered["headers"])


@pytest.fixture(scope="session")
def parameter_store(aws: Table) -> Any:
    del aws
    return boto3.client("ssm")


@pytest.fixture
def stripe_secrets(parameter_store: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Parameter Store with the secrets of both environments."""
    monkeypatch.setenv("STRIPE_PARAMETER_PATH", PATH)
    _keep_secrets(parameter_store)
    stripe_client.forget()
    yield parameter_store
    stripe_client.forget()


#: Requests that changed Parameter Store since all secrets were put there.
_changes: list[str] = ["none is there yet"]


def _keep_secrets(store: Any) -> None:
    """Put the secrets there, unless they are as they were put."""
    if not _changes:
        return
    store.meta.events.unregister("before-call.ssm", _note, unique_id="changes")
    for name, value in SECRETS.items():
        store.put_parameter(Name=f"{PATH}/{name}", Value=value, Type="SecureString", Overwrite=True)
    _changes.clear()
    store.meta.events.register("before-call.ssm", _note, unique_id="changes")


def _note(model: Any, **_: Any) -> None:
    if not model.name.startswith("Get"):
        _changes.append(model.name)


@pytest.fixture
def stripe(
    clock: Clock, stripe_secrets: object, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stripe]:
    """The account of the sandbox; its clock is the test's."""
    del stripe_secrets
    secret = SECRETS["sandbox/webhook_secret"]
    with Double(webhook_secret=secret, clock=lambda: clock.now // 1000) as double:
        monkeypatch.setenv("STRIPE_API_BASE", double.url)
        yield Stripe(double)


def linked(call: Call, stripe: Stripe, customer_id: str = "user_1") -> str:
    """Create a customer here and at Stripe and link them; return the id at Stripe."""
    stripe_id = stripe.customer(name="Ada", email=f"{customer_id}@example.com")
    created = call("customers.get_or_create", {"customer_id": customer_id})
    assert created.status == 200, created
    updated = call("customers.update", {"customer_id": customer_id, "stripe_id": stripe_id})
    assert updated.status == 200, updated
    return stripe_id


class Race:
    """One invoice of one customer, its reports, and what is stored of it."""

    def __init__(self, stripe: Stripe, session: Session, customer: str) -> None:
        self.stripe = stripe
        self.customer = customer
        self._session = session
        self.invoice = stripe.invoice(customer)

    def again(self) -> "Race":
        """Another invoice of the customer."""
        return Race(self.stripe, self._session, self.customer)

    def reports(self) -> list[dict[str, Any]]:
        events = self.stripe.reports()
        return [one for one in events if one["data"]["object"]["id"] == self.invoice]

    def step(self, *steps: str) -> None:
        self.stripe.step(self.invoice, *steps)

    def deliver(self, event: dict[str, Any]) -> None:
        assert self.stripe.deliver(event).status == 200

    def stored(self) -> Any:
        """What is stored, without what only we add to it; None for nothing."""
        owner = customers.locate(self._session, "user_1").internal_id
        found = [
            one
            for one in invoices.newest(self._session, owner, 1000)
            if one.stripe_id == self.invoice
        ]
        return found[0]._replace(owner=None, version=0, fetched_at=None) if found else None

    def assert_settled(self) -> None:
        assert self.stored() == stripe_gateway.invoice("sandbox", self.invoice)

    @contextmanager
    def while_fetching(self, part: str, act: Callable[[], None]) -> Iterator[None]:
        """Act once when an answer about the invoice is made and not yet sent.

        `part` is "" for the invoice, "/lines" for its lines, which are fetched after it.
        """

        def answering(request: Request) -> None:
            if request.path == f"/v1/invoices/{self.invoice}{part}":
                self.stripe.double.answering = lambda _request: None
                act()

        self.stripe.double.answering = answering
        try:
            yield
        finally:
            self.stripe.double.answering = lambda _request: None


@pytest.fixture
def race(call: Call, stripe: Stripe, session: Session) -> Race:
    return Race(stripe, session, linked(call, stripe))
