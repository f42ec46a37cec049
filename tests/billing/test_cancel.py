"""billing.update with cancel_action: plans that end with their cycle, at once, or not after all."""

import importlib
from typing import Any

import pytest

from tests import harness
from tests.billing.conftest import Shop, a_price
from tests.builders import a_feature, a_plan, monthly
from tests.jobs.conftest import Deadline


def a_default(shop: Shop, **fields: Any) -> None:
    """A plan that customers get by themselves, unless it is of another group."""
    a_plan(shop.call, "base", monthly("messages", 10), auto_enable=True, **fields)


def cancel(shop: Shop, how: str, plan_id: str | None = "pro", **body: Any) -> Any:
    """Preview and do; return the preview."""
    body |= {"customer_id": "user_1", "cancel_action": how}
    if plan_id is not None:
        body["plan_id"] = plan_id
    shop.clock.advance(seconds=1)
    seen = shop.done("billing.preview_update", **body)
    shop.done("billing.update", **body)
    shop.report()
    return seen


def test_c9_a_plan_ends_with_its_cycle_and_the_free_one_follows(shop: Shop) -> None:
    a_default(shop)
    stripe_id = shop.customer()
    shop.attach("pro")

    seen = cancel(shop, "cancel_end_of_cycle")

    assert (seen["total"], seen["intent"]) == (0, "cancel_end_of_cycle")
    assert "next_cycle" not in seen
    assert [one["plan_id"] for one in seen["incoming"]] == ["base"]
    assert seen["outgoing"][0]["expires_at"] == seen["incoming"][0]["effective_at"]
    assert shop.plans() == {"pro": "canceling", "base": "scheduled"}
    assert len(shop.invoices()) == 1
    assert shop.subscriptions(stripe_id)[0]["cancel_at"] is not None

    shop.pass_time(days=32)
    assert shop.plans() == {"base": "active"}
    assert shop.remaining() == 10
    assert shop.invoices() == [(20, "paid")]


def test_a_plan_that_nothing_was_billed_for_ends_by_itself(shop: Shop) -> None:
    a_default(shop)
    shop.customer()
    shop.attach("pro", no_billing_changes=True)
    cancel(shop, "cancel_end_of_cycle")
    assert shop.plans() == {"pro": "canceling", "base": "scheduled"}

    shop.clock.advance(seconds=32 * 86_400)
    job = "reset_balances"
    importlib.import_module(f"jobs.{job}").handler(harness.sample(f"jobs/{job}"), Deadline(9**9))
    assert shop.plans() == {"base": "active"}
    assert shop.remaining() == 10


def test_c10_a_default_plan_of_another_group_does_not_follow(shop: Shop) -> None:
    a_default(shop, group="other")
    shop.customer()
    shop.attach("pro")
    cancel(shop, "cancel_immediately", "base")

    cancel(shop, "cancel_end_of_cycle")
    assert shop.plans() == {"pro": "canceling"}
    shop.pass_time(days=32)
    assert shop.plans() == {}


def test_c11_a_plan_that_ends_at_once_is_credited(shop: Shop) -> None:
    a_default(shop)
    stripe_id = shop.customer()
    shop.attach("pro")

    seen = cancel(shop, "cancel_immediately")

    assert (seen["total"], seen["intent"]) == (-20, "cancel_immediately")
    assert shop.plans() == {"base": "active"}
    assert shop.remaining() == 10
    assert shop.invoices() == [(-20, "paid"), (20, "paid")]
    assert [one["status"] for one in shop.subscriptions(stripe_id)] == ["canceled"]


def test_c12_what_was_bought_ahead_is_credited_too(shop: Shop) -> None:
    price = {"amount": 10, "interval": "year", "billing_method": "prepaid"}
    a_feature(shop.call, "seats", consumable=False)
    a_plan(
        shop.call,
        "annual",
        {"feature_id": "seats", "price": price},
        price=a_price(200, "year"),
    )
    shop.customer()
    shop.attach("annual", feature_quantities=[{"feature_id": "seats", "quantity": 1}])
    assert shop.invoices() == [(210, "paid")]
    assert cancel(shop, "cancel_immediately", "annual")["total"] == -210


def test_c13_what_was_bought_once_is_not_credited(shop: Shop) -> None:
    a_default(shop)
    shop.customer()
    shop.attach("once")
    cancel(shop, "cancel_immediately", "base")

    assert cancel(shop, "cancel_immediately", "once")["total"] == 0
    assert shop.plans() == {}
    assert shop.done("customers.get", customer_id="user_1")["purchases"] == []
    assert shop.invoices() == [(10, "paid")]


def test_c14_the_default_plan_ends_for_good(shop: Shop) -> None:
    a_default(shop)
    shop.customer()
    cancel(shop, "cancel_immediately", None)
    assert shop.plans() == {}


@pytest.mark.parametrize(("kind", "amount"), [("full", 20), ("prorated", 10)])
def test_c15_the_last_payment_is_paid_back(shop: Shop, kind: str, amount: float) -> None:
    stripe_id = shop.customer()
    shop.attach("pro")
    if kind == "prorated":
        shop.clock.advance(seconds=15 * 86_400)

    seen = cancel(shop, "cancel_immediately", refund_last_payment=kind)

    assert seen["total"] == 0
    assert seen["refund"]["amount"] == amount
    assert seen["refund"]["invoice"]["current_refunded_amount"] == 0
    (invoice,) = shop.done("invoices.list", customer_id="user_1")["list"]
    assert invoice["refunded_amount"] == amount
    assert shop.plans() == {}
    assert shop.subscriptions(stripe_id)[0]["status"] == "canceled"


def test_no_more_is_paid_back_than_is_left(shop: Shop) -> None:
    shop.customer()
    shop.attach("pro")
    (invoice,) = shop.done("invoices.list", customer_id="user_1")["list"]
    paid = shop.api(f"invoices/{invoice['stripe_id']}", "GET", **{"expand[0]": "payments"})[
        "payments"
    ]["data"][0]["payment"]["payment_intent"]
    shop.api("refunds", payment_intent=paid, amount="1500")
    shop.report()

    seen = cancel(shop, "cancel_immediately", refund_last_payment="full")
    assert seen["refund"]["amount"] == 5
    assert seen["refund"]["invoice"]["current_refunded_amount"] == 15


def test_c16_a_canceled_plan_goes_on_after_all(shop: Shop) -> None:
    a_default(shop)
    stripe_id = shop.customer()
    shop.attach("pro")
    shop.done("balances.track", customer_id="user_1", feature_id="messages", value=120)
    cancel(shop, "cancel_end_of_cycle")

    seen = cancel(shop, "uncancel")

    assert (seen["intent"], seen["next_cycle"]["total"]) == ("uncancel", 20)
    assert shop.plans() == {"pro": "active"}
    assert shop.remaining() == 380
    assert shop.subscriptions(stripe_id)[0]["cancel_at"] is None
    cancel(shop, "uncancel")
    assert shop.plans() == {"pro": "active"}
    shop.pass_time(days=32)
    assert shop.plans() == {"pro": "active"}
    assert shop.invoices() == [(20, "paid"), (20, "paid")]


def test_c16_c17_a_scheduled_plan_is_not_uncanceled_but_dropped(shop: Shop) -> None:
    stripe_id = shop.customer()
    shop.attach("premium")
    shop.attach("pro")
    assert shop.plans() == {"premium": "canceling", "pro": "scheduled"}
    body = {"customer_id": "user_1", "plan_id": "pro", "cancel_action": "uncancel"}
    assert shop.refused("billing.update", **body)[:2] == (400, "invalid_request")

    cancel(shop, "cancel_end_of_cycle")

    assert shop.plans() == {"premium": "active"}
    assert shop.subscriptions(stripe_id)[0]["schedule"] is None
    shop.pass_time(days=32)
    assert shop.plans() == {"premium": "active"}
    assert shop.invoices()[0] == (50, "paid")


def test_a_plan_leaves_a_subscription_that_goes_on_for_another(shop: Shop) -> None:
    a_default(shop)
    stripe_id = shop.customer()
    shop.attach("pro")
    shop.attach("addon")

    seen = cancel(shop, "cancel_end_of_cycle")
    assert seen["next_cycle"]["total"] == 20
    assert shop.plans() == {"pro": "canceling", "addon": "active", "base": "scheduled"}
    shop.pass_time(days=32)
    assert shop.plans() == {"addon": "active", "base": "active"}
    assert shop.invoices()[0] == (20, "paid")

    cancel(shop, "cancel_immediately", "addon")
    assert shop.plans() == {"base": "active"}
    assert [one["status"] for one in shop.subscriptions(stripe_id)] == ["canceled"]


def test_only_the_items_of_the_plan_leave_at_once(shop: Shop) -> None:
    stripe_id = shop.customer()
    shop.attach("pro")
    shop.attach("addon")

    assert cancel(shop, "cancel_immediately", "addon")["total"] == -20
    assert shop.plans() == {"pro": "active"}
    (subscription,) = shop.subscriptions(stripe_id)
    assert (subscription["status"], len(subscription["items"]["data"])) == ("active", 1)


def test_what_another_plan_planned_stays_planned(shop: Shop) -> None:
    shop.customer()
    shop.attach("premium")
    shop.attach("addon")
    shop.attach("pro")
    assert shop.plans() == {"premium": "canceling", "addon": "active", "pro": "scheduled"}

    cancel(shop, "cancel_immediately", "addon")
    assert shop.plans() == {"premium": "canceling", "pro": "scheduled"}
    shop.pass_time(days=32)
    assert shop.plans() == {"pro": "active"}
    assert shop.invoices()[0] == (20, "paid")


def test_canceling_again_changes_nothing_and_stripe_may_take_it_back(shop: Shop) -> None:
    a_default(shop)
    stripe_id = shop.customer()
    shop.attach("pro")
    cancel(shop, "cancel_end_of_cycle")
    cancel(shop, "cancel_end_of_cycle")
    assert shop.plans() == {"pro": "canceling", "base": "scheduled"}

    (subscription,) = shop.subscriptions(stripe_id)
    shop.api(f"subscriptions/{subscription['id']}", cancel_at="")
    shop.report()
    assert shop.plans() == {"pro": "active"}


def test_without_proration_nothing_is_credited(shop: Shop) -> None:
    shop.customer()
    shop.attach("pro")
    assert cancel(shop, "cancel_immediately", proration_behavior="none")["total"] == 0
    assert shop.plans() == {}
    assert shop.invoices() == [(20, "paid")]


def test_a_plan_on_trial_ends_without_a_credit(shop: Shop) -> None:
    a_plan(
        shop.call,
        "tried",
        monthly("messages", 5),
        price=a_price(20),
        free_trial={"duration_type": "day", "duration_length": 14, "card_required": False},
    )
    shop.customer()
    shop.attach("tried")
    assert cancel(shop, "cancel_immediately", "tried")["total"] == 0
    assert shop.plans() == {}
    assert shop.preview("tried")["total"] == 20


def test_usage_that_was_not_paid_for_is_billed_at_the_end(shop: Shop) -> None:
    priced = {"amount": 0.1, "interval": "month", "billing_method": "usage_based"}
    a_plan(
        shop.call,
        "metered",
        {"feature_id": "messages", "included": 100, "price": priced},
        price=a_price(20),
    )
    stripe_id = shop.customer()
    shop.attach("metered")
    shop.done("balances.track", customer_id="user_1", feature_id="messages", value=500)
    shop.save_card(stripe_id, "pm_card_chargeCustomerFail")

    assert cancel(shop, "cancel_immediately", "metered")["total"] == 20
    assert shop.plans() == {}
    assert shop.invoices() == [(20, "open"), (20, "paid")]


@pytest.mark.parametrize(
    ("plan_id", "body", "code"),
    [
        ("free", {"cancel_action": "cancel_end_of_cycle"}, "invalid_request"),
        ("once", {"cancel_action": "cancel_end_of_cycle"}, "invalid_request"),
        ("pro", {"cancel_action": "cancel_immediately", "version": 1}, "invalid_inputs"),
        (
            "pro",
            {
                "cancel_action": "cancel_immediately",
                "feature_quantities": [{"feature_id": "messages", "quantity": 3}],
            },
            "invalid_inputs",
        ),
        (
            "pro",
            {"cancel_action": "cancel_end_of_cycle", "customize": {"free_trial": None}},
            "invalid_inputs",
        ),
        (
            "pro",
            {
                "cancel_action": "cancel_immediately",
                "customize": {"items": [monthly("messages", 5)]},
            },
            "invalid_inputs",
        ),
        (
            "pro",
            {
                "cancel_action": "cancel_immediately",
                "refund_last_payment": "full",
                "proration_behavior": "none",
            },
            "invalid_inputs",
        ),
        (
            "pro",
            {"cancel_action": "cancel_end_of_cycle", "refund_last_payment": "full"},
            "invalid_inputs",
        ),
        ("pro", {}, "invalid_inputs"),
    ],
)
def test_c15_c18_what_does_not_go_together_is_refused(
    shop: Shop, plan_id: str, body: dict[str, Any], code: str
) -> None:
    shop.customer()
    shop.attach(plan_id)
    for operation in ("billing.update", "billing.preview_update"):
        refused = shop.refused(operation, customer_id="user_1", plan_id=plan_id, **body)
        assert refused[:2] == (400, code)


def test_what_the_customer_does_not_have_is_not_found(shop: Shop) -> None:
    shop.customer()
    body = {"customer_id": "user_1", "cancel_action": "cancel_immediately"}
    assert shop.refused("billing.update", **body)[:2] == (404, "cus_product_not_found")
    named = body | {"plan_id": "pro"}
    assert shop.refused("billing.update", **named)[:2] == (404, "cus_product_not_found")
    entity = body | {"entity_id": "nobody"}
    assert shop.refused("billing.update", **entity)[:2] == (404, "entity_not_found")


def test_a_plan_is_found_by_its_own_id(shop: Shop) -> None:
    shop.customer()
    shop.attach("addon", subscription_id="first")
    shop.attach("addon", subscription_id="second")
    cancel(shop, "cancel_immediately", None, subscription_id="first")
    shown = shop.done("customers.get", customer_id="user_1")["subscriptions"]
    assert [one["id"] for one in shown] == ["second"]


def test_a_cycle_that_is_not_paid_for_is_not_credited(shop: Shop) -> None:
    stripe_id = shop.customer()
    shop.attach("pro")
    shop.save_card(stripe_id, "pm_card_chargeCustomerFail")
    shop.pass_time(days=32)
    assert shop.invoices()[0] == (20, "open")

    ended = {"customer_id": "user_1", "plan_id": "pro", "cancel_action": "cancel_immediately"}
    assert shop.done("billing.preview_update", **ended)["total"] == 0
    shop.done("billing.update", **ended)
    shop.report()

    assert shop.plans() == {}
    assert shop.invoices() == [(20, "open"), (20, "paid")]
