"""What the end-to-end stories are told with: organisations, refusals, Stripe, patience."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple, Self

import httpx
import pytest
from autumn_sdk import Autumn
from autumn_sdk.errors import AutumnDefaultError

from local.stack import Stack

DAY = 86_400_000
STUDIO_FEATURES: tuple[dict[str, Any], ...] = (
    {"feature_id": "drafts", "name": "Drafts", "type": "metered", "consumable": True},
    {"feature_id": "summaries", "name": "Summaries", "type": "metered", "consumable": True},
    {"feature_id": "workspaces", "name": "Workspaces", "type": "metered", "consumable": False},
    {
        "feature_id": "credits",
        "name": "Credits",
        "type": "credit_system",
        "credit_schema": [
            {"metered_feature_id": "drafts", "credit_cost": 4},
            {"metered_feature_id": "summaries", "credit_cost": 0.5},
        ],
    },
    {
        "feature_id": "ai_credits",
        "name": "AI credits",
        "type": "ai_credit_system",
        "model_markups": {"custom/writer": {"input_cost": 5, "output_cost": 15}},
    },
)
_MONTHLY = {"interval": "month"}
STUDIO_PLANS: tuple[dict[str, Any], ...] = (
    {
        "plan_id": "studio",
        "name": "Studio",
        "items": [
            {"feature_id": "workspaces", "included": 3},
            {"feature_id": "credits", "included": 100, "reset": _MONTHLY},
            {"feature_id": "ai_credits", "included": 10, "reset": _MONTHLY},
            {
                "feature_id": "drafts",
                "included": 10,
                "reset": _MONTHLY,
                "entity_feature_id": "workspaces",
            },
        ],
    },
    {
        "plan_id": "boost",
        "name": "Boost",
        "add_on": True,
        "items": [{"feature_id": "summaries", "included": 50, "reset": _MONTHLY}],
    },
)
#: What takes this long, in seconds, does not happen any more.
_PATIENCE = 20.0


class Organization(NamedTuple):
    """An organisation of its own on the running stack: test files never meet."""

    base_url: str
    key: str

    @classmethod
    def on(cls, stack: Stack, name: str, environment: str = "sandbox") -> "Organization":
        """Return an environment of the organisation `name`, with a new key."""
        wanted = {"organization": name, "environment": environment, "name": "e2e"}
        return cls(stack.base_url, stack.invoke("CreateApiKey", wanted)["key"])

    def client(self) -> Any:
        """Return the official client, told to report failures instead of hiding them.

        Its type would have every optional field of an answer asserted before it is looked at.
        """
        return Autumn(
            secret_key=self.key,
            server_url=self.base_url,
            fail_open=False,
            timeout_ms=60_000,
        )

    def post(self, operation: str, **body: Any) -> httpx.Response:
        """Call an operation, or any path below /v1, without a client."""
        headers = {"authorization": f"Bearer {self.key}"}
        address = f"{self.base_url}/v1/{operation}"
        return httpx.post(address, json=body, headers=headers, timeout=60)

    def get_done(self, operation: str, **body: Any) -> Any:
        """Call an operation that must succeed; return its answer."""
        answer = self.post(operation, **body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def offer_messages(self, included: float = 100) -> None:
        """Give every customer to come a plan with messages for the day."""
        self.get_done(
            "features.create",
            feature_id="messages",
            name="Messages",
            type="metered",
            consumable=True,
        )
        messages = {"feature_id": "messages", "included": included, "reset": {"interval": "day"}}
        self.get_done(
            "plans.create", plan_id="free", name="Free", auto_enable=True, items=[messages]
        )

    def offer_workspaces(self) -> None:
        """Sell a studio: drafts for each workspace, credits that pay for more, AI credits."""
        for feature in STUDIO_FEATURES:
            self.get_done("features.create", **feature)
        for plan in STUDIO_PLANS:
            self.get_done("plans.create", **plan)


class Stripe:
    """The Stripe account of the running stack: what happens there by itself, and its reports."""

    def __init__(self, stack: Stack) -> None:
        """Reach the double; there is none behind a real Stripe key."""
        if stack.stripe_url is None:
            pytest.skip("a real Stripe account can't be steered")
        self.base_url = stack.stripe_url
        self._http = httpx.Client(
            base_url=stack.stripe_url,
            headers={"authorization": f"Bearer {stack.secrets.secret_key}"},
            timeout=60,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def customer(self, email: str) -> str:
        """Return the id of a new Stripe customer."""
        made = self._http.post("/v1/customers", data={"email": email})
        return str(made.raise_for_status().json()["id"])

    def save_card(self, customer: str, card: str = "pm_card_visa") -> None:
        """Give a customer a card on file, which pays from then on."""
        saved = self._http.post(f"/v1/payment_methods/{card}/attach", data={"customer": customer})
        preferred = {"invoice_settings[default_payment_method]": saved.json()["id"]}
        self._http.post(f"/v1/customers/{customer}", data=preferred).raise_for_status()

    def invoice(self, customer: str, *lines: Mapping[str, Any], **details: Any) -> dict[str, Any]:
        """Return a new invoice; `then` names what happens to it at once."""
        return self._control("invoices", customer=customer, lines=list(lines), **details)

    def take(self, step: str, invoice: str) -> dict[str, Any]:
        """Let something happen to an invoice: finalize, pay, fail, void, ..."""
        return self._control(f"invoices/{invoice}/{step}")

    def reports(self, about: str) -> dict[str, str]:
        """Return the ids of the reports about an object by their types, oldest first."""
        kept = self._http.get("/_control/reports").raise_for_status().json()["reports"]
        return {
            one["event"]["type"]: one["id"]
            for one in kept
            if one["event"]["data"]["object"]["id"] == about
        }

    @contextmanager
    def silence(self) -> Iterator[None]:
        """Keep reports back while the block runs; deliver afterwards what was not delivered."""
        self._control("reports/hold")
        try:
            yield
        finally:
            self._control("reports/release")
            self.settle()

    def send(self, *reports: str) -> list[int]:
        """Deliver reports in this order; return the status of each answer."""
        answers: list[int] = self._control("reports/send", ids=list(reports))["answers"]
        return answers

    @contextmanager
    def later(self, *, days: int) -> Iterator[None]:
        """Let the block see the account so many days on; renewals and their reports are done."""
        self._control("clock/advance", by=days * DAY // 1000)
        self.settle()
        try:
            yield
        finally:
            # The functions' own clock stood still: what comes next shall not be of the past.
            self._control("clock/advance", to=int(time.time()))

    def expire(self, session: str) -> None:
        """Let a Checkout session run out of time."""
        self._control(f"checkout/sessions/{session}/expire")
        self.settle()

    def read(self, path: str, **params: str) -> dict[str, Any]:
        """Ask the account itself, past the product."""
        answer = self._http.get(f"/v1/{path}", params=params).raise_for_status()
        content: dict[str, Any] = answer.json()
        return content

    def settle(self) -> None:
        """Return when every report has been delivered."""
        assert self._control("reports/settle")["settled"]

    def _control(self, call: str, **body: Any) -> dict[str, Any]:
        answer = self._http.post(f"/_control/{call}", json=body)
        assert answer.status_code == 200, answer.text
        content: dict[str, Any] = answer.json()
        return content


@contextmanager
def refused(status: int, code: str, message: str, environment: str = "sandbox") -> Iterator[None]:
    """Expect the client to raise its own error, holding exactly this envelope."""
    with pytest.raises(AutumnDefaultError) as caught:
        yield
    assert caught.value.status_code == status
    envelope = {"message": message, "code": code, "env": environment}
    assert json.loads(caught.value.body) == envelope


def eventually[T](look: Callable[[], T], expected: Callable[[T], bool]) -> T:
    """Look again and again until what is seen is as expected; return it."""
    deadline = time.monotonic() + _PATIENCE
    while not expected(seen := look()):
        assert time.monotonic() < deadline, f"still {seen!r}"
        time.sleep(0.05)
    return seen
