"""What is given back: never more than was paid, by what it was paid with; and taken back again."""

from typing import Any

import pytest

from tests.billing.conftest import Shop, a_price
from tests.billing.test_stripe_trouble import refuse_changes
from tests.builders import a_plan, monthly

PREMIUM = {"customer_id": "user_1", "plan_id": "premium"}


def coupon(shop: Shop, coupon_id: str, off: int, duration: str) -> list[dict[str, Any]]:
    shop.api("coupons", id=coupon_id, percent_off=str(off), duration=duration)
    return [{"reward_id": coupon_id}]


def lines(seen: dict[str, Any]) -> list[tuple[str, float]]:
    return [(one["plan_id"], one["total"]) for one in seen["line_items"]]


def packs(shop: Shop) -> dict[str, Any]:
    """Sell packs at 10; return how a held plan of them is named."""
    price = {**a_price(10), "billing_method": "prepaid"}
    item = {"feature_id": "messages", "price": price, "reset": {"interval": "month"}}
    a_plan(shop.call, "packs", item, price=a_price(20), create_in_stripe=False)
    return {"customer_id": "user_1", "plan_id": "packs"}


def units(count: int) -> dict[str, Any]:
    return {"feature_quantities": [{"feature_id": "messages", "quantity": count}]}


def balance(shop: Shop, stripe_id: str) -> int:
    """What a customer owes at Stripe, in cents; credit is negative."""
    return int(shop.api(f"customers/{stripe_id}", "GET")["balance"])


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
    held, _customer = packs(shop), shop.customer()
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


def test_a_credit_is_taken_back_with_a_change_that_stripe_refuses(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, stripe_id = packs(shop), shop.customer()
    shop.attach("packs", **units(5))
    shop.clock.advance(seconds=1)
    with monkeypatch.context() as refusing:
        refuse_changes(refusing)
        assert shop.refused("billing.update", **held, **units(2))[:2] == (400, "stripe_error")
    shop.report()

    assert balance(shop, stripe_id) == 0
    assert sorted(shop.invoices()) == [(-30, "paid"), (70, "paid")]
    # What was taken back neither was credited nor lessens what may be.
    assert shop.done("billing.preview_update", **held, **units(1))["total"] == -40


def test_what_credit_paid_is_credit_again_when_a_change_is_refused(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    stripe_id = shop.customer()
    shop.attach("pro")
    shop.api(f"customers/{stripe_id}", balance="-1000")
    with monkeypatch.context() as refusing:
        refuse_changes(refusing)
        shop.refused("billing.attach", customer_id="user_1", plan_id="premium")
    shop.report()

    assert sum(one["amount"] for one in shop.api("refunds", "GET")["data"]) == 2000
    assert balance(shop, stripe_id) == -1000
    assert shop.plans() == {"pro": "active"}


def test_what_credit_paid_is_not_refunded(shop: Shop) -> None:
    stripe_id = shop.customer()
    shop.api(f"customers/{stripe_id}", balance="-1500")
    shop.attach("pro")
    ended = {"customer_id": "user_1", "plan_id": "pro", "cancel_action": "cancel_immediately"}
    asked = {**ended, "refund_last_payment": "full"}

    assert shop.done("billing.preview_update", **asked)["refund"]["amount"] == 5
    shop.done("billing.update", **asked)

    assert [one["amount"] for one in shop.api("refunds", "GET")["data"]] == [500]


def test_what_was_paid_elsewhere_is_not_refunded(shop: Shop) -> None:
    shop.customer()
    shop.attach("pro", invoice_mode={"enabled": True})
    (sent,) = shop.api("invoices", "GET")["data"]
    shop.api(f"invoices/{sent['id']}/pay", paid_out_of_band="true")
    shop.report()
    ended = {"customer_id": "user_1", "plan_id": "pro", "cancel_action": "cancel_immediately"}

    told = shop.refused("billing.update", **ended, refund_last_payment="full")
    assert told[:2] == (400, "invalid_request")
    assert shop.plans() == {"pro": "active"}


@pytest.mark.parametrize("price", [1_000_000, 600_000])
def test_a_preview_refuses_what_stripe_can_not_bill_as_the_purchase_does(
    shop: Shop, price: float
) -> None:
    for name in ("mine", "yours"):
        fields = {"price": a_price(price), "group": name, "create_in_stripe": False}
        a_plan(shop.call, name, monthly("messages", 5), **fields)
    shop.customer()
    both = [{"plan_id": "mine"}, {"plan_id": "yours"}]

    asked = {"customer_id": "user_1", "plans": both}
    told = shop.refused("billing.multi_attach", **asked)
    assert told == shop.refused("billing.preview_multi_attach", **asked)
    assert told[:2] == (400, "amount_too_large")
    assert shop.plans() == {}


def test_units_that_stripe_can_not_bill_are_refused(shop: Shop) -> None:
    held, _customer = packs(shop), shop.customer()
    shop.attach("packs", **units(5))

    told = shop.refused("billing.update", **held, **units(100_000))
    assert told == shop.refused("billing.preview_update", **held, **units(100_000))
    assert told[1] == "amount_too_large"


def test_a_renewal_that_is_about_to_be_paid_is_credited(shop: Shop) -> None:
    shop.customer()
    shop.attach("pro")
    shop.pass_time(days=30.01)

    assert shop.invoices()[0] == (20, "draft")
    assert lines(shop.preview("premium"))[0] == ("pro", -19.99)


def test_what_was_given_for_an_invoice_that_was_sent_is_credited(shop: Shop) -> None:
    early = {"enabled": True, "enable_plan_immediately": True}
    stripe_id = shop.customer()
    shop.attach("pro", invoice_mode=early)
    shop.attach("premium", invoice_mode=early)

    assert [status for _total, status in shop.invoices()] == ["open", "open"]
    assert lines(shop.preview("growth")) == [("premium", -50), ("growth", 100)]
    shop.attach("growth")
    assert shop.invoices() == [(50, "paid"), (30, "open"), (20, "open")]
    (held,) = shop.subscriptions(stripe_id)
    assert [one["price"]["unit_amount"] for one in held["items"]["data"]] == [10000]


def test_a_cycle_whose_payment_failed_is_not_credited_in_an_upgrade(shop: Shop) -> None:
    stripe_id = shop.customer()
    shop.attach("pro")
    shop.save_card(stripe_id, "pm_card_chargeCustomerFail")
    shop.pass_time(days=31)

    assert shop.invoices()[0] == (20, "open")
    assert [plan for plan, _total in lines(shop.preview("premium"))] == ["premium"]
