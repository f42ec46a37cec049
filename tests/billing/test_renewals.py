"""What a renewal bills: usage of the period that ended, on the draft of the next one's invoice."""

from typing import Any

import pytest

from orchard.domain.billing.stripe_prices import product_id
from tests.billing.conftest import Shop
from tests.builders import a_feature, a_plan


def metered(amount: float = 0.1, **price: Any) -> dict[str, Any]:
    """100 messages a month, and each beyond them for an amount."""
    billed = {"amount": amount, "interval": "month", "billing_method": "usage_based", **price}
    return {"feature_id": "messages", "included": 100, "price": billed}


def subscribed(shop: Shop, *items: Any, **fields: Any) -> str:
    """A customer of a plan for $20 a month, with the items or else metered messages."""
    given = {"price": {"amount": 20, "interval": "month"}, **fields}
    a_plan(shop.call, "metered", *(items or (metered(),)), **given)
    stripe_id = shop.customer()
    shop.attach("metered")
    return stripe_id


def track(shop: Shop, value: float, feature_id: str = "messages", **fields: Any) -> None:
    shop.done("balances.track", customer_id="user_1", feature_id=feature_id, value=value, **fields)


def newest(shop: Shop) -> tuple[float, str]:
    return shop.invoices()[0]


@pytest.mark.parametrize(
    ("used", "price", "total"),
    [
        (250.5, {}, 35.10),
        (50, {}, 20),
        (1000, {}, 110),
        (155, {"amount": 1, "billing_units": 10}, 26),
    ],
)
def test_a_renewal_bills_what_was_used_beyond_the_balance(
    shop: Shop, used: float, price: Any, total: float
) -> None:
    subscribed(shop, metered(**price))
    track(shop, used)
    shop.pass_time(days=31)
    assert newest(shop) == (total, "paid")
    assert shop.remaining() == 100


def test_the_draft_shows_usage_before_it_is_final(shop: Shop) -> None:
    words = {**metered(0.05), "feature_id": "words", "included": 50}
    a_feature(shop.call, "words")
    subscribed(shop, metered(), words)
    track(shop, 200)
    track(shop, 150, "words")
    shop.clock.now = shop.done("customers.get", customer_id="user_1")["balances"]["words"][
        "next_reset_at"
    ]
    shop.stripe.control("clock/advance", {"by": 0, "stop_after": "invoice.created"})
    shop.report()
    assert newest(shop) == (35, "draft")
    shop.pass_time(days=1)
    assert newest(shop) == (35, "paid")
    assert (shop.remaining(), shop.remaining("words")) == (100, 50)


def test_a_negative_edit_shows_on_the_next_invoice_to_the_cent(shop: Shop) -> None:
    subscribed(shop)
    track(shop, 250)
    edit = {"customer_id": "user_1", "feature_id": "messages", "add_to_balance": -33.5}
    told = shop.done("balances.preview_update", **edit)["next_invoice"]
    assert (told["before"], told["after"]) == (15, 18.4)
    shop.done("balances.update", **edit)
    shop.pass_time(days=31)
    assert newest(shop) == (38.4, "paid")
    assert shop.remaining() == 100


def test_usage_on_trial_is_never_billed(shop: Shop) -> None:
    trial = {"duration_length": 14, "duration_type": "day", "card_required": True}
    subscribed(shop, free_trial=trial)
    track(shop, 250)
    shop.pass_time(days=15)
    assert newest(shop) == (20, "paid")
    assert shop.remaining() == 100
    track(shop, 150)
    shop.pass_time(days=31)
    assert newest(shop) == (25, "paid")


@pytest.mark.parametrize(("used", "total"), [((55, 23), 28), ((50, 150), 40)])
def test_what_entities_use_is_summed_before_it_is_rounded(
    shop: Shop, used: tuple[int, ...], total: float
) -> None:
    a_feature(shop.call, "seats", consumable=False)
    item = {**metered(1, billing_units=10), "entity_feature_id": "seats"}
    subscribed(shop, item)
    for number, beyond in enumerate(used):
        body = {"customer_id": "user_1", "entity_id": f"seat_{number}", "feature_id": "seats"}
        shop.done("entities.create", **body)
        track(shop, 100 + beyond, entity_id=f"seat_{number}")
    shop.pass_time(days=31)
    assert newest(shop) == (total, "paid")
    assert shop.remaining() == 200


def test_an_entity_that_is_deleted_leaves_its_usage_to_be_billed(shop: Shop) -> None:
    a_feature(shop.call, "seats", consumable=False)
    subscribed(shop, {**metered(), "entity_feature_id": "seats"})
    for name in ("seat_1", "seat_2"):
        body = {"customer_id": "user_1", "entity_id": name, "feature_id": "seats"}
        shop.done("entities.create", **body)
        track(shop, 150, entity_id=name)
    shop.done("entities.delete", customer_id="user_1", entity_id="seat_2")
    shop.pass_time(days=31)
    assert newest(shop) == (30, "paid")


def test_overage_that_is_waived_is_reset_without_a_charge(shop: Shop) -> None:
    subscribed(shop)
    limit = {"feature_id": "messages", "enabled": True, "skip_overage_billing": True}
    controls = {"spend_limits": [{**limit, "overage_limit": 1000}]}
    shop.done("customers.update", customer_id="user_1", billing_controls=controls)
    track(shop, 300)
    shop.pass_time(days=31)
    assert newest(shop) == (20, "paid")
    assert shop.remaining() == 100


def test_a_customer_whose_overage_is_free_pays_none(shop: Shop) -> None:
    subscribed(shop)
    config = {"disable_overage_billing": True}
    shop.done("customers.update", customer_id="user_1", config=config)
    track(shop, 300)
    shop.pass_time(days=31)
    assert newest(shop) == (20, "paid")
    assert shop.remaining() == 100


def test_a_coupon_of_the_subscription_is_for_usage_too(shop: Shop) -> None:
    stripe_id = subscribed(shop)
    shop.api("coupons", id="QUARTER", percent_off=25, duration="forever")
    (subscription,) = shop.subscriptions(stripe_id)
    shop.api(f"subscriptions/{subscription['id']}", **{"discounts[0][coupon]": "QUARTER"})
    track(shop, 300)
    shop.pass_time(days=31)
    assert newest(shop) == (30, "paid")


@pytest.mark.parametrize(("feature_id", "total"), [(None, 20), ("messages", 25)])
def test_a_coupon_can_be_for_usage_alone_or_for_all_else(
    shop: Shop, feature_id: str | None, total: float
) -> None:
    stripe_id = subscribed(shop)
    product = product_id("org/sandbox", "metered", feature_id)
    coupon: dict[str, Any] = {"id": "HALF", "percent_off": 50, "duration": "forever"}
    shop.api("coupons", **coupon, **{"applies_to[products][0]": product})
    (subscription,) = shop.subscriptions(stripe_id)
    shop.api(f"subscriptions/{subscription['id']}", **{"discounts[0][coupon]": "HALF"})
    track(shop, 200)
    shop.pass_time(days=31)
    assert newest(shop) == (total, "paid")
