"""Reports that come in any order, twice, late, or never: billing ends in the one right state."""

import os
import random
from collections.abc import Callable
from typing import Any

import pytest

from tests.billing.conftest import Shop

THOROUGH = os.environ.get("THOROUGH") == "1"
SEEDS = range(40 if THOROUGH else 1)
#: Reports that somebody waits for, each of which may get lost.
KINDS = (
    "invoice.created",
    "invoice.paid",
    "customer.subscription.updated",
    "customer.subscription.deleted",
)

type Deliver = Callable[[list[Any]], list[Any]]


def story(shop: Shop, deliver: Deliver) -> dict[str, Any]:
    """A plan is bought, used, changed, renewed, canceled and over; what it comes to then."""
    told: set[str] = set()

    def hear() -> None:
        fresh = [one for one in shop.stripe.reports("") if one["id"] not in told]
        told.update(one["id"] for one in fresh)
        for event in deliver(fresh):
            answered = shop.stripe.deliver(event)
            assert answered.status == 200, (event["type"], answered)

    def ask(operation: str, **body: Any) -> None:
        shop.clock.advance(seconds=1)
        shop.done(operation, customer_id="user_1", **body)

    shop.customer()
    ask("billing.attach", plan_id="pro")
    ask("balances.track", feature_id="messages", value=7)
    ask("billing.attach", plan_id="premium")
    hear()
    ask("billing.update", plan_id="premium", cancel_action="cancel_end_of_cycle")
    ask("billing.update", plan_id="premium", cancel_action="uncancel")
    pass_days(shop, 31)
    hear()
    ask("billing.sync")
    renewed = seen(shop)
    ask("billing.update", plan_id="premium", cancel_action="cancel_end_of_cycle")
    hear()
    pass_days(shop, 31)
    hear()
    found = shop.done("billing.sync", customer_id="user_1")
    assert found["in_line"], found
    # Stripe repeats what it did not get an answer to: nothing comes of it any more.
    for event in shop.stripe.reports(""):
        assert shop.stripe.deliver(event).status == 200
    return {"renewed": renewed, "over": seen(shop)}


def pass_days(shop: Shop, days: int) -> None:
    shop.clock.advance(days=days)
    shop.stripe.control("clock/advance", {"to": shop.clock.now // 1000})


def seen(shop: Shop) -> dict[str, Any]:
    shown = shop.done("customers.get", customer_id="user_1")
    return {
        "plans": shop.plans(),
        "balances": {
            name: (one["granted"], one["remaining"]) for name, one in shown["balances"].items()
        },
        "invoices": sorted(shop.invoices()),
        "periods": [one["current_period_end"] for one in shown["subscriptions"]],
    }


#: What it comes to when each report comes once and in its order.
RENEWED = {"premium": "active"}


def assert_right(found: dict[str, Any]) -> None:
    assert found["renewed"]["plans"] == RENEWED
    assert found["renewed"]["balances"] == {"messages": (1000, 1000)}
    assert found["renewed"]["invoices"] == [(20, "paid"), (30, "paid"), (50, "paid")]
    assert found["over"]["plans"] == {}
    assert found["over"]["balances"] == {}
    assert found["over"]["invoices"] == [(20, "paid"), (30, "paid"), (50, "paid")]


def test_each_report_once_and_in_its_order(shop: Shop) -> None:
    assert_right(story(shop, list))


@pytest.mark.parametrize("seed", SEEDS)
def test_reports_in_any_order_some_twice_and_some_never(shop: Shop, seed: int) -> None:
    chance = random.Random(seed)

    def shuffled(events: list[Any]) -> list[Any]:
        some = [one for one in events * 2 if chance.random() < 2 / 3]
        chance.shuffle(some)
        return some

    assert_right(story(shop, shuffled))


@pytest.mark.parametrize("kind", KINDS if THOROUGH else KINDS[::5])
def test_a_kind_of_report_that_never_comes(shop: Shop, kind: str) -> None:
    assert_right(story(shop, lambda events: [one for one in events if one["type"] != kind]))


def test_no_report_at_all(shop: Shop) -> None:
    assert_right(story(shop, lambda _events: []))
