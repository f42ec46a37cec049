"""Billing through the API, with Stripe's double on the other side and its reports delivered."""

import json
from collections.abc import Callable
from itertools import batched
from typing import Any
from urllib.parse import urlencode

import pytest

from local.stripe.answers import Request
from orchard.store.table import Table
from tests.builders import a_feature, a_plan, monthly
from tests.conftest import Call, Clock
from tests.pretended_stripe import Stripe

type Done = Callable[..., Any]


class Shop:
    """Customers who buy: what they ask of the API, what they do at Stripe, what is reported."""

    def __init__(self, call: Call, stripe: Stripe, clock: Clock) -> None:
        self.call, self.stripe, self.clock = call, stripe, clock
        self._told: set[str] = set()

    def done(self, operation: str, **body: Any) -> Any:
        """Call an operation that succeeds."""
        answered = self.call(operation, body)
        assert answered.status == 200, answered
        return answered.body

    def refused(self, operation: str, **body: Any) -> tuple[int, str, str]:
        """Call an operation that is refused; return status, code and message."""
        answered = self.call(operation, body)
        assert answered.status != 200, answered
        return answered.status, answered.body["code"], answered.body["message"]

    def api(self, path: str, method: str = "POST", **params: Any) -> Any:
        """Call Stripe as somebody else would, past the product."""
        text = urlencode(
            {name: value for name, value in params.items() if value is not None}, doseq=True
        )
        query, body = ("", text.encode()) if method == "POST" else (text, b"")
        signed = {"authorization": "Bearer sk_test_pretended"}
        answered = self.stripe.double.answer(Request(method, f"/v1/{path}", query, signed, body))
        assert answered.status == 200, answered.body
        return json.loads(answered.body)

    def customer(self, customer_id: str = "user_1", card: str | None = "pm_card_visa") -> str:
        """Create a customer, with a card on file unless told otherwise; return the Stripe id."""
        self.clock.advance(seconds=1)
        made = self.done(
            "customers.get_or_create",
            customer_id=customer_id,
            email=f"{customer_id}@example.com",
            create_in_stripe=True,
        )
        if card is not None:
            self.save_card(made["stripe_id"], card)
        return str(made["stripe_id"])

    def save_card(self, stripe_id: str, card: str = "pm_card_visa") -> None:
        """Put a card on file, as the default one."""
        saved = self.api(f"payment_methods/{card}/attach", customer=stripe_id)
        setting = {"invoice_settings[default_payment_method]": saved["id"]}
        self.api(f"customers/{stripe_id}", **setting)

    def attach(self, plan_id: str, customer_id: str = "user_1", **body: Any) -> Any:
        """Attach a plan and let Stripe report what came of it."""
        self.clock.advance(seconds=1)
        answer = self.done("billing.attach", customer_id=customer_id, plan_id=plan_id, **body)
        self.report()
        return answer

    def preview(self, plan_id: str, customer_id: str = "user_1", **body: Any) -> Any:
        """Return what attaching would do."""
        return self.done("billing.preview_attach", customer_id=customer_id, plan_id=plan_id, **body)

    def report(self) -> None:
        """Deliver what Stripe has to tell, in its order, until there is nothing new."""
        while True:
            fresh = [one for one in self.stripe.reports("") if one["id"] not in self._told]
            if not fresh:
                return
            for event in fresh:
                self._told.add(event["id"])
                answered = self.stripe.deliver(event)
                assert answered.status == 200, (event["type"], answered)

    def pay(self, url: str, **how: Any) -> None:
        """Pay on Stripe's page."""
        session_id = url.rpartition("/")[2].partition("#")[0]
        self.stripe.control(f"checkout/sessions/{session_id}/pay", how)
        self.report()

    def pass_time(self, *, days: float) -> None:
        """Let time pass, here and at Stripe, with every report delivered as it is written."""
        # Stripe counts whole seconds.
        end = (self.clock.now + int(days * 86_400_000)) // 1000 * 1000
        while self.clock.now < end:
            answer = self.stripe.control(
                "clock/advance", {"to": end // 1000, "stop_after": "invoice.created"}
            )
            self.clock.now = min(end, max(self.clock.now, int(answer["now"]) * 1000))
            self.report()
            if int(answer["now"]) * 1000 >= end:
                return

    def plans(self, customer_id: str = "user_1") -> dict[str, str]:
        """Return the plans that a customer holds with what they are doing."""
        shown = self.done("customers.get", customer_id=customer_id)
        return {
            one["plan_id"]: "canceling" if one["canceled_at"] else one["status"]
            for one in shown["subscriptions"]
        }

    def invoices(self, customer_id: str = "user_1") -> list[tuple[float, str]]:
        """Return what a customer was billed, newest first."""
        shown = self.done("invoices.list", customer_id=customer_id)["list"]
        return [(one["total"], one["status"]) for one in shown]

    def remaining(self, feature_id: str = "messages", customer_id: str = "user_1") -> Any:
        """Return what is left of a feature."""
        shown = self.done("customers.get", customer_id=customer_id)
        return shown["balances"][feature_id]["remaining"]

    def subscriptions(self, stripe_id: str) -> list[Any]:
        """Return the subscriptions of a customer at Stripe."""
        listed = self.api("subscriptions", "GET", customer=stripe_id, status="all")
        found: list[Any] = listed["data"]
        return found


def a_price(amount: float, interval: str = "month") -> dict[str, Any]:
    return {"amount": amount, "interval": interval}


#: The catalogue as it lies in the table, once it was made.
_SHELF: list[dict[str, Any]] = []
_AT_ONCE = 25


@pytest.fixture
def shop(
    call: Call, stripe: Stripe, clock: Clock, table: Table, monkeypatch: pytest.MonkeyPatch
) -> Shop:
    """A catalogue such as the examples of the specification have.

    It is made through the API once; other tests find it in the table as that left it. What is sold
    is made at Stripe when it is first bought.
    """
    stripe.stay_in_process(monkeypatch)
    if _SHELF:
        for some in batched(_SHELF, _AT_ONCE, strict=False):
            puts = [{"PutRequest": {"Item": item}} for item in some]
            table.client.batch_write_item(RequestItems={table.name: puts})  # type: ignore[dict-item]  # read from the table
        return Shop(call, stripe, clock)
    for name, fields in _features_and_plans().items():
        if fields is None:
            a_feature(call, name)
        else:
            a_plan(call, name, *fields.pop("items"), create_in_stripe=False, **fields)
    found = table.client.scan(TableName=table.name)["Items"]
    _SHELF.extend(item for item in found if item["pk"]["S"].endswith("CATALOG"))
    return Shop(call, stripe, clock)


def _features_and_plans() -> dict[str, dict[str, Any] | None]:
    """Features (None) and plans, in the order in which they are made."""
    return {
        "messages": None,
        "free": {"items": [monthly("messages", 100)]},
        "pro": {"items": [monthly("messages", 500)], "price": a_price(20)},
        "premium": {"items": [monthly("messages", 1000)], "price": a_price(50)},
        "growth": {"items": [monthly("messages", 2000)], "price": a_price(100)},
        "pro_annual": {"items": [monthly("messages", 500)], "price": a_price(200, "year")},
        "addon": {"items": [monthly("messages", 50)], "price": a_price(20), "add_on": True},
        "credits": None,
        "once": {
            "items": [{"feature_id": "credits", "included": 10}],
            "price": a_price(10, "one_off"),
        },
    }
