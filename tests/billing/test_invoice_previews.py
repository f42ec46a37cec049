"""customers.get with invoice_previews: what each subscription is billed next."""

from typing import Any

from tests.billing.conftest import Shop, a_price
from tests.builders import a_plan


def previews(shop: Shop) -> list[Any]:
    shown = shop.done("customers.get", customer_id="user_1", expand=["invoice_previews"])
    found: list[Any] = shown["invoice_previews"]
    return found


def a_metered_plan(shop: Shop) -> None:
    price = {"amount": 0.1, "interval": "month", "billing_method": "usage_based"}
    item = {"feature_id": "messages", "included": 100, "price": price}
    a_plan(shop.call, "metered", item, price=a_price(20))


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
