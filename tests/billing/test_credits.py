"""What is given back: never more than was paid for the time that is left."""

from typing import Any

from tests.billing.conftest import Shop, a_price
from tests.builders import a_plan, monthly

PREMIUM = {"customer_id": "user_1", "plan_id": "premium"}


def coupon(shop: Shop, coupon_id: str, off: int, duration: str) -> list[dict[str, Any]]:
    shop.api("coupons", id=coupon_id, percent_off=str(off), duration=duration)
    return [{"reward_id": coupon_id}]


def lines(seen: dict[str, Any]) -> list[tuple[str, float]]:
    return [(one["plan_id"], one["total"]) for one in seen["line_items"]]


def test_a_discount_that_is_used_up_is_not_given_back(shop: Shop) -> None:
    shop.customer()
    shop.attach("pro", discounts=coupon(shop, "half", 50, "once"))

    seen = shop.preview("premium")
    shop.attach("premium")

    assert lines(seen) == [("pro", -10), ("premium", 50)]
    assert shop.invoices() == [(40, "paid"), (10, "paid")]


def test_a_cycle_that_was_paid_in_full_is_credited_in_full(shop: Shop) -> None:
    shop.customer()
    shop.attach("pro", discounts=coupon(shop, "half", 50, "once"))
    shop.pass_time(days=31.5)

    assert shop.invoices() == [(20, "paid"), (10, "paid")]
    seen = shop.preview("premium")
    part = seen["line_items"][1]["total"] / 50
    assert abs(seen["line_items"][0]["total"] + 20 * part) < 0.01


def test_what_was_switched_to_without_payment_is_not_credited(shop: Shop) -> None:
    shop.customer()
    shop.attach("pro")
    shop.attach("premium", proration_behavior="none")

    assert lines(shop.preview("growth")) == [("growth", 100)]
    ended = {**PREMIUM, "cancel_action": "cancel_immediately"}
    assert shop.done("billing.preview_update", **ended)["total"] == 0


def test_units_that_were_not_paid_for_are_not_credited(shop: Shop) -> None:
    packs = {"feature_id": "messages", "price": {**a_price(10), "billing_method": "prepaid"}}
    a_plan(shop.call, "packs", {**packs, "reset": {"interval": "month"}}, price=a_price(20))
    held = {"customer_id": "user_1", "plan_id": "packs"}

    def units(count: int) -> dict[str, Any]:
        return {"feature_quantities": [{"feature_id": "messages", "quantity": count}]}

    shop.customer()
    shop.attach("packs", **units(2))
    shop.done("billing.update", **held, **units(5), proration_behavior="none")

    # Two were paid for, five are held: 20 is given back, and one costs 10.
    assert shop.done("billing.preview_update", **held, **units(1))["total"] == -10


def test_what_was_paid_back_at_stripe_is_not_credited_again(shop: Shop) -> None:
    shop.customer()
    shop.attach("pro")
    (paid,) = shop.api("invoice_payments", "GET")["data"]
    shop.api("refunds", payment_intent=paid["payment"]["payment_intent"], amount="1500")
    shop.report()

    assert lines(shop.preview("premium")) == [("pro", -5), ("premium", 50)]


def test_holders_of_one_plan_share_what_was_paid(shop: Shop) -> None:
    a_plan(shop.call, "desk", monthly("messages", 5), price=a_price(30), create_in_stripe=False)
    shop.customer()
    for name in ("one", "two"):
        entity = {"customer_id": "user_1", "entity_id": name, "feature_id": "messages"}
        shop.done("entities.create", **entity)
        shop.attach("desk", entity_id=name)
    ended = {"customer_id": "user_1", "plan_id": "desk", "cancel_action": "cancel_immediately"}

    totals = []
    for name in ("one", "two"):
        totals.append(shop.done("billing.preview_update", **ended, entity_id=name)["total"])
        shop.done("billing.update", **ended, entity_id=name)
        shop.report()
    assert totals == [-30, -30]
