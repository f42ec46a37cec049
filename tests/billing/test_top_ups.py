"""More is bought by itself: when, how much, what it does to balances, and what is told of it."""

import json
from collections.abc import Iterator
from typing import Any, cast

import boto3
import pytest

from orchard.gateways import aws
from orchard.store.table import Table
from tests import harness
from tests.acceptance.world import Bus
from tests.billing.conftest import Shop
from tests.builders import a_plan
from tests.conftest import Call
from tests.streams.recording import deliver, following, told

PUBLISHED = "before-parameter-build.events.PutEvents"
PACKS = {
    "feature_id": "credits",
    "price": {
        "amount": 10,
        "interval": "one_off",
        "billing_method": "prepaid",
        "billing_units": 100,
    },
}
METERED = {
    "feature_id": "credits",
    "included": 10,
    "price": {"amount": 1, "interval": "month", "billing_method": "usage_based"},
}


class Machine:
    """The stream with its consumer, the queue behind it, and the bus."""

    def __init__(self, shop: Shop, table: Table) -> None:
        self.shop, self.bus = shop, Bus()
        self._new = following(table)
        self._sqs: Any = cast("Any", boto3).client("sqs")
        self.url = self._sqs.create_queue(QueueName="top-ups")["QueueUrl"]

    def run(self, *, twice: bool = False) -> list[str]:
        """Let all that was written have its consequences; return what failed."""
        failed: list[str] = []
        while records := told(self._new()):
            for _ in range(1 + twice):
                assert deliver(records) == {"batchItemFailures": []}
            for _ in range(1 + twice):
                failed += self.buy()
            self._forget()
        self.shop.report()
        return failed

    def buy(self) -> list[str]:
        """Hand all messages to the function, which stay in the queue."""
        answer = harness.handler("queues.top_up")({"Records": self.messages()}, None)
        return [one["itemIdentifier"] for one in answer["batchItemFailures"]]

    def messages(self) -> list[dict[str, Any]]:
        """Return the messages that wait."""
        got = self._sqs.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10, VisibilityTimeout=0
        )
        return [
            {"messageId": one["MessageId"], "body": one["Body"], "handle": one["ReceiptHandle"]}
            for one in got.get("Messages", ())
        ]

    def _forget(self) -> None:
        for one in self.messages():
            self._sqs.delete_message(QueueUrl=self.url, ReceiptHandle=one["handle"])

    def notices(self) -> list[tuple[str, dict[str, Any]]]:
        """Return what the bus was told of top-ups."""
        found = ((one["DetailType"], json.loads(one["Detail"])) for one in self.bus.put)
        return [one for one in found if one[0].startswith("billing.auto_topup")]

    def close(self) -> None:
        """Remove the queue."""
        self._sqs.delete_queue(QueueUrl=self.url)
        self._sqs.close()


@pytest.fixture
def machine(
    call: Call, shop: Shop, table: Table, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Machine]:
    a_plan(call, "packs", PACKS, add_on=True)
    shop.customer()
    boto3.setup_default_session()
    assert boto3.DEFAULT_SESSION is not None
    made = Machine(shop, table)
    boto3.DEFAULT_SESSION.events.register(PUBLISHED, made.bus.hear)
    aws.forget()
    monkeypatch.setenv("TOP_UP_QUEUE_URL", made.url)
    shop.attach("packs", feature_quantities=[{"feature_id": "credits", "quantity": 100}])
    yield made
    boto3.DEFAULT_SESSION.events.unregister(PUBLISHED, made.bus.hear)
    aws.forget()
    made.close()


def wish(shop: Shop, threshold: float = 20, quantity: float = 100, **fields: Any) -> Any:
    entry = {
        "feature_id": "credits",
        "enabled": True,
        "threshold": threshold,
        "quantity": quantity,
        **fields,
    }
    return shop.done(
        "customers.update", customer_id="user_1", billing_controls={"auto_topups": [entry]}
    )


def use(machine: Machine, value: float, **fields: Any) -> Any:
    machine.shop.clock.advance(seconds=1)
    asked = {"customer_id": "user_1", "feature_id": "credits", "value": value, **fields}
    return machine.shop.done("balances.track", **asked)


def figures(shop: Shop) -> tuple[float, float, float]:
    shown = shop.done("customers.get", customer_id="user_1")["balances"]["credits"]
    return shown["granted"], shown["remaining"], shown["usage"]


def window(shop: Shop) -> Any:
    name = "billing_controls.auto_topups.purchase_limit"
    shown = shop.done("customers.get", customer_id="user_1", expand=[name])
    return shown["billing_controls"]["auto_topups"][0].get("purchase_limit")


def test_a_use_that_leaves_little_buys_whole_packs_once(shop: Shop, machine: Machine) -> None:
    wish(shop, quantity=150)
    use(machine, 79)
    machine.run()
    assert figures(shop) == (100, 21, 79)

    use(machine, 1)
    assert machine.run(twice=True) == []

    assert figures(shop) == (300, 220, 80)
    assert shop.invoices() == [(20, "paid"), (10, "paid")]
    assert shop.done("invoices.list", customer_id="user_1")["list"][0]["plan_ids"] == ["packs"]
    ((kind, detail),) = {json.dumps(one): one for one in machine.notices()}.values()
    assert kind == "billing.auto_topup_succeeded"
    assert (detail["customer_id"], detail["feature_id"], detail["quantity"]) == (
        "user_1",
        "credits",
        200,
    )
    assert (detail["invoice"]["total"], detail["invoice"]["status"]) == (2000, "paid")


def test_a_payment_that_fails_voids_the_invoice_and_is_not_tried_for_an_hour(
    shop: Shop, machine: Machine
) -> None:
    stripe_id = shop.done("customers.get", customer_id="user_1")["stripe_id"]
    shop.save_card(stripe_id, "pm_card_chargeCustomerFail")
    wish(shop)
    use(machine, 90)
    machine.run(twice=True)

    assert figures(shop) == (100, 10, 90)
    assert shop.invoices() == [(10, "void"), (10, "paid")]
    ((kind, detail),) = {json.dumps(one): one for one in machine.notices()}.values()
    assert (kind, detail["reason"]) == ("billing.auto_topup_failed", "payment_failed")

    shop.save_card(stripe_id)
    use(machine, 1)
    machine.run()
    assert figures(shop) == (100, 9, 91)
    shop.clock.advance(seconds=3600)
    use(machine, 1)
    machine.run()
    assert figures(shop) == (200, 108, 92)


def test_a_payment_of_something_else_ends_the_wait(shop: Shop, machine: Machine) -> None:
    stripe_id = shop.done("customers.get", customer_id="user_1")["stripe_id"]
    shop.save_card(stripe_id, "pm_card_chargeCustomerFail")
    wish(shop)
    use(machine, 90)
    machine.run()
    shop.save_card(stripe_id)
    shop.attach("once")
    use(machine, 1)
    machine.run()

    assert figures(shop)[0] == 210


def test_limits_hold_for_windows_and_bursts(shop: Shop, machine: Machine) -> None:
    plain = {"interval": "day", "interval_count": 1, "limit": 3}
    wish(shop, threshold=1000, purchase_limit=plain)
    assert window(shop) == plain
    for _ in range(3):
        use(machine, 1)
        machine.run()
    assert figures(shop)[0] == 300
    shown = window(shop)
    assert (shown["count"], shown["limit"], shown["interval"]) == (2, 3, "day")

    shop.clock.advance(seconds=601)
    for _ in range(2):
        use(machine, 1)
        machine.run()
    assert figures(shop)[0] == 400
    assert window(shop)["count"] == 3

    wish(shop, threshold=1000, purchase_limit={**plain, "count": 2})
    assert window(shop) == {**shown, "count": 2}
    shop.clock.now = int(shown["next_reset_at"])
    assert window(shop) == plain
    wish(shop, threshold=1000, purchase_limit={**plain, "count": 3})
    assert window(shop)["next_reset_at"] == shop.clock.now + 86_400_000
    use(machine, 1)
    machine.run()
    assert figures(shop)[0] == 400


def test_what_is_owed_elsewhere_is_paid_down_first(
    call: Call, shop: Shop, machine: Machine
) -> None:
    a_plan(call, "metered", METERED)
    shop.attach("metered")
    machine.run()
    use(machine, 140)
    wish(shop, threshold=-30)
    use(machine, 1)
    machine.run()

    shown = shop.done("customers.get", customer_id="user_1")["balances"]["credits"]
    assert (shown["granted"], shown["remaining"], shown["usage"]) == (210, 69, 141)
    rows = {one["plan_id"]: (one["prepaid_grant"], one["usage"]) for one in shown["breakdown"]}
    assert rows == {"packs": (200, 131), "metered": (0, 10)}


def test_an_invoice_that_is_sent_is_paid_before_more_is_there(shop: Shop, machine: Machine) -> None:
    wish(shop, invoice_mode=True)
    for value in (90, 1):
        use(machine, value)
        machine.run()
    (sent, *_) = shop.done("invoices.list", customer_id="user_1")["list"]
    assert sent["status"] == "open"
    assert figures(shop) == (100, 9, 91)
    assert machine.notices() == []

    shop.api(f"invoices/{sent['stripe_id']}/pay")
    shop.report()
    assert figures(shop) == (200, 109, 91)


@pytest.mark.parametrize(
    "fields", [{"enabled": False}, {"threshold": 9}, {"feature_id": "messages"}]
)
def test_nothing_is_bought_that_was_not_asked_for(
    shop: Shop, machine: Machine, fields: dict[str, Any]
) -> None:
    wish(shop, **fields)
    use(machine, 90)
    machine.run()

    assert figures(shop) == (100, 10, 90)
    assert machine.messages() == []
