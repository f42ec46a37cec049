"""customers.get with invoice_previews: what each subscription is billed next."""

from typing import Any

from tests.billing.conftest import Shop, a_price
from tests.billing.test_update import packs, prorated, seats
from tests.builders import a_feature, a_plan


def previews(shop: Shop) -> list[Any]:
    shown = shop.done("customers.get", customer_id="user_1", expand=["invoice_previews"])
    found: list[Any] = shown["invoice_previews"]
    return found


def metered() -> dict[str, Any]:
    price = {"amount": 0.1, "interval": "month", "billing_method": "usage_based"}
    return {"feature_id": "messages", "included": 100, "price": price}


def a_metered_plan(shop: Shop) -> None:
    a_plan(shop.call, "metered", metered(), price=a_price(20))


def test_nobody_is_billed_without_a_subscription(shop: Shop) -> None:
    shop.customer()
    shop.attach("free")
    assert previews(shop) == []


def test_the_next_invoice_has_what_recurs_and_usage_so_far(shop: Shop) -> None:
    a_metered_plan(shop)
    shop.customer()
    shop.attach("metered")
    shop.attach("addon")
    shop.done("balances.track", customer_id="user_1", feature_id="messages", value=300)

    (shown,) = previews(shop)

    assert set(shown["plan_ids"]) == {"metered", "addon"}
    assert shown["total"] == shown["subtotal"] == 55
    assert shown["currency"] == "usd"
    shop.pass_time(days=32)
    assert shop.invoices()[0] == (55, "paid")


def test_discounts_that_are_alive_then_count(shop: Shop) -> None:
    shop.customer()
    shop.api("coupons", id="always", percent_off=10, duration="forever")
    shop.api("coupons", id="now", percent_off=50, duration="once")
    shop.attach("pro", discounts=[{"reward_id": "always"}, {"reward_id": "now"}])

    (shown,) = previews(shop)
    assert (shown["subtotal"], shown["total"]) == (20, 18)


def test_what_is_planned_for_then_is_billed_then(shop: Shop) -> None:
    shop.customer()
    shop.attach("premium")
    shop.attach("pro")

    (shown,) = previews(shop)
    assert (shown["plan_ids"], shown["total"]) == (["pro"], 20)


def test_a_subscription_that_ends_is_not_billed_again(shop: Shop) -> None:
    shop.customer()
    shop.attach("pro")
    shop.attach("free")
    assert previews(shop) == []


def test_the_first_invoice_after_a_trial_has_the_whole_price(shop: Shop) -> None:
    shop.customer()
    trial = {"duration_length": 7, "duration_type": "day"}
    shop.attach("pro", customize={"free_trial": trial})

    (shown,) = previews(shop)
    assert shown["total"] == 20
    (held,) = shop.done("customers.get", customer_id="user_1")["subscriptions"]
    assert shown["invoice_at"] == held["trial_ends_at"]


def test_a_yearly_price_waits_for_its_year(shop: Shop) -> None:
    a_plan(shop.call, "yearly_extra", price=a_price(120, "year"), add_on=True)
    shop.customer()
    plans = [{"plan_id": "pro"}, {"plan_id": "yearly_extra"}]
    shop.done("billing.multi_attach", customer_id="user_1", plans=plans)
    shop.report()

    (shown,) = previews(shop)
    assert (shown["plan_ids"], shown["total"]) == (["pro"], 20)


def test_each_subscription_has_its_own(shop: Shop) -> None:
    shop.customer()
    shop.attach("pro")
    shop.attach("addon", new_billing_subscription=True)

    assert sorted((one["plan_ids"], one["total"]) for one in previews(shop)) == [
        (["addon"], 20),
        (["pro"], 20),
    ]


def test_what_waits_at_stripe_is_on_the_next_invoice(shop: Shop) -> None:
    stripe_id = shop.customer()
    shop.api("coupons", id="half", percent_off="50", duration="forever")
    a_feature(shop.call, "seats", consumable=False)
    later = prorated("prorate_next_cycle", "prorate_next_cycle")
    a_plan(shop.call, "team", packs(**later), metered())
    shop.attach("team", **seats(5), discounts=[{"reward_id": "half"}])
    a_plan(shop.call, "archive", price=a_price(200, "year"), add_on=True)
    shop.attach("archive", new_billing_subscription=True)
    shop.pass_time(days=10)
    for units in (10, 8):
        shop.done("billing.update", customer_id="user_1", plan_id="team", **seats(units))
    shop.done("balances.track", customer_id="user_1", feature_id="messages", value=150)
    item = {"customer": stripe_id, "currency": "usd"}
    shop.api("invoiceitems", **item, amount="700", description="Training")
    shop.api("invoiceitems", **item, amount="300", discountable="false")
    shop.api("invoiceitems", **item, amount="-250", description="Goodwill")
    shop.report()

    seen, yearly = previews(shop)

    assert (yearly["plan_ids"], yearly["total"]) == (["archive"], 200)
    assert seen["plan_ids"] == ["team"]
    shown = [(one["display_name"], one["plan_id"]) for one in seen["line_items"]]
    assert shown.count(("Seats", "team")) == 3
    assert {("Training", ""), ("Goodwill", "")} <= set(shown)
    assert seen["subtotal"] > seen["total"] > 0
    shop.pass_time(days=22)
    assert shop.invoices()[0] == (seen["total"], "paid")
    assert ("Training", "") not in [
        (one["display_name"], one["plan_id"]) for one in previews(shop)[0]["line_items"]
    ]


def test_a_subscription_that_ends_bills_what_waits_for_it(shop: Shop) -> None:
    shop.customer()
    a_feature(shop.call, "seats", consumable=False)
    a_plan(shop.call, "team", packs(**prorated("prorate_next_cycle")))
    shop.attach("team", **seats(5))
    about = {"customer_id": "user_1", "plan_id": "team"}
    shop.done("billing.update", **about, **seats(10))
    shop.done("billing.update", **about, cancel_action="cancel_end_of_cycle")

    (seen,) = previews(shop)
    assert seen["total"] == 50
    shop.pass_time(days=32)
    assert shop.invoices()[0] == (50, "paid")
