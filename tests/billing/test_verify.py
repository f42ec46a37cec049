"""Billing compared with what Stripe has, and brought into line with it."""

from typing import Any

import pytest

from tests.billing.conftest import Shop


def verified(shop: Shop, customer_id: str = "user_1") -> set[str]:
    """Return the kinds of differences."""
    found = shop.done("billing.verify", customer_id=customer_id)
    assert found["in_line"] == (found["differences"] == [])
    return {one["kind"] for one in found["differences"]}


def synced(shop: Shop, customer_id: str = "user_1") -> list[str]:
    """Bring into line; return of what kinds that was done."""
    found = shop.done("billing.sync", customer_id=customer_id)
    assert found["differences"] == []
    return [one.rpartition(" ")[0] for one in found["done"]]


def quietly(shop: Shop, plan_id: str) -> Any:
    """Attach without a single report."""
    shop.clock.advance(seconds=1)
    return shop.done("billing.attach", customer_id="user_1", plan_id=plan_id)


def foreign(shop: Shop, stripe_id: str, *prices: str) -> str:
    """Begin a subscription as other software does."""
    items = {f"items[{number}][price]": price for number, price in enumerate(prices)}
    made = shop.api("subscriptions", customer=stripe_id, **items)
    return str(made["id"])


def price_of(shop: Shop, plan_id: str) -> str:
    """Return the price of a plan at Stripe, once somebody has bought it."""
    other = shop.customer(f"buyer_of_{plan_id}")
    shop.attach(plan_id, f"buyer_of_{plan_id}")
    (held,) = shop.subscriptions(other)
    return str(held["items"]["data"][0]["price"]["id"])


@pytest.mark.parametrize("plan_id", ["pro", "once", "free"])
def test_what_was_reported_is_in_line(shop: Shop, plan_id: str) -> None:
    shop.customer()
    shop.attach(plan_id)

    assert verified(shop) == set()
    assert synced(shop) == []


def test_invoices_that_nobody_reported_are_stored(shop: Shop) -> None:
    shop.customer()
    quietly(shop, "pro")

    assert verified(shop) == {"invoice_missing"}
    assert synced(shop) == ["invoice"]
    assert shop.invoices() == [(20, "paid")]


def test_a_page_that_was_paid_without_a_report_is_completed(shop: Shop) -> None:
    shop.customer(card=None)
    session_id = quietly(shop, "pro")["payment_url"].rpartition("/")[2]
    shop.stripe.control(f"checkout/sessions/{session_id}/pay", {"card": "pm_card_visa"})

    assert "checkout_completed" in verified(shop)
    synced(shop)

    assert shop.plans() == {"pro": "active"}
    shop.report()
    assert shop.plans() == {"pro": "active"}
    assert shop.remaining() == 500


def test_what_was_ended_or_canceled_at_stripe_ends_here(shop: Shop) -> None:
    stripe_id = shop.customer()
    shop.attach("pro")
    (held,) = shop.subscriptions(stripe_id)

    shop.api(f"subscriptions/{held['id']}", cancel_at_period_end="true")
    assert verified(shop) == {"ends_at"}
    assert synced(shop) == ["subscription"]
    assert shop.plans() == {"pro": "canceling"}

    shop.api(f"subscriptions/{held['id']}", "DELETE")
    assert verified(shop) == {"subscription_over"}
    assert synced(shop) == ["subscription"]
    assert shop.plans() == {}


def test_other_items_are_told(shop: Shop) -> None:
    stripe_id = shop.customer()
    shop.attach("pro")
    (held,) = shop.subscriptions(stripe_id)
    item = held["items"]["data"][0]["id"]
    change = {"items[0][id]": item, "items[0][quantity]": "3", "proration_behavior": "none"}
    shop.api(f"subscriptions/{held['id']}", **change)

    assert verified(shop) == {"items"}


def test_coupons_that_a_subscription_lacks_are_told_and_put_there(shop: Shop) -> None:
    stripe_id = shop.customer()
    shop.attach("pro")
    (held,) = shop.subscriptions(stripe_id)
    path = f"subscriptions/{held['id']}"
    for name, terms in {"fifth": "forever", "two": "forever", "single": "once"}.items():
        shop.api("coupons", id=name, amount_off=200, currency="usd", duration=terms)
        shop.done("coupons.add", customer_id="user_1", coupon_id=name)
    assert verified(shop) == set()

    shop.api(path, discounts="")
    found = shop.done("billing.verify", customer_id="user_1")["differences"]
    # What is good for one invoice may be used up: it was there.
    wanted = {"kind": "discounts", "stripe_id": held["id"], "here": ["fifth", "two"]}
    assert found == [{**wanted, "at_stripe": []}]
    assert synced(shop) == ["discounts"]
    assert synced(shop) == []
    shop.pass_time(days=31)
    assert shop.invoices()[0] == (16, "paid")

    # What Stripe gives nobody any more, or a discount of the subscription's own hides, is no lack.
    shop.api("coupons/two", "DELETE")
    shop.api(path, discounts="")
    assert synced(shop) == ["discounts"]
    shop.api("coupons", id="own", percent_off=50, duration="forever")
    shop.api(path, **{"discounts[0][coupon]": "own"})
    assert verified(shop) == set()


def test_a_customer_that_stripe_deleted_is_told(shop: Shop) -> None:
    stripe_id = shop.customer()
    shop.api(f"customers/{stripe_id}", "DELETE")

    assert verified(shop) == {"customer_missing"}


def test_a_subscription_that_waits_for_its_first_payment_differs_in_nothing(shop: Shop) -> None:
    shop.customer()
    shop.attach("pro", invoice_mode={"enabled": True})

    assert verified(shop) == set()
    assert synced(shop) == []
    assert shop.plans() == {}


def test_a_subscription_of_others_is_adopted_if_it_is_for_one_plan(shop: Shop) -> None:
    pro, premium = price_of(shop, "pro"), price_of(shop, "premium")
    stripe_id = shop.customer()
    shop.attach("free")
    known = foreign(shop, stripe_id, pro)

    assert verified(shop) >= {"subscription_unknown"}
    assert synced(shop) == ["subscription", "invoice"]
    assert shop.plans() == {"pro": "active"}
    assert shop.remaining() == 500
    assert len(shop.subscriptions(stripe_id)) == 1

    ambiguous = foreign(shop, stripe_id, pro, premium)
    second = foreign(shop, stripe_id, premium)
    left = shop.done("billing.sync", customer_id="user_1")["differences"]
    assert {one["stripe_id"] for one in left} == {ambiguous, second}
    shop.api(f"subscriptions/{known}", "DELETE")


def test_a_subscription_of_others_is_adopted_when_it_is_reported(shop: Shop) -> None:
    pro = price_of(shop, "pro")
    stripe_id = shop.customer()
    foreign(shop, stripe_id, pro)
    shop.report()

    assert shop.plans() == {"pro": "active"}
    assert verified(shop) == set()


def test_a25_a_new_customer_has_what_its_stripe_customer_pays_for(shop: Shop) -> None:
    pro, addon = price_of(shop, "pro"), price_of(shop, "addon")
    stripe_id = shop.stripe.customer(email="ada@example.com")
    shop.save_card(stripe_id)
    product = shop.api("products", name="Something else")["id"]
    other = {"product": product, "currency": "usd", "unit_amount": "700"}
    unknown = shop.api("prices", **other, **{"recurring[interval]": "month"})["id"]
    for price in (pro, addon, unknown):
        foreign(shop, stripe_id, price)

    asked = {"customer_id": "user_9", "stripe_id": stripe_id}
    for _ in range(2):
        shop.done("customers.get_or_create", **asked)

    assert shop.plans("user_9") == {"pro": "active", "addon": "active"}
    assert shop.remaining("messages", "user_9") == 550
    assert len(shop.subscriptions(stripe_id)) == 3


def test_a24_a_customer_that_is_there_is_not_linked_by_asking_for_it(shop: Shop) -> None:
    pro = price_of(shop, "pro")
    shop.done("customers.get_or_create", customer_id="user_9")
    stripe_id = shop.stripe.customer()
    shop.save_card(stripe_id)
    foreign(shop, stripe_id, pro)

    asked = {"customer_id": "user_9", "stripe_id": stripe_id}
    assert shop.done("customers.get_or_create", **asked)["stripe_id"] is None
    assert shop.plans("user_9") == {}
