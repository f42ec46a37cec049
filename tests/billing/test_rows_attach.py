"""The rows about new plans, Checkout and add-ons: B1 to B22 of the acceptance tables.

The number of the row is in the test's name. Amounts are exact.
"""

from typing import Any

import pytest

from tests.billing.conftest import Shop, a_price
from tests.builders import a_feature, a_plan, lifetime, monthly

MONTH = {"interval": "month"}


def packs(feature_id: str, included: float = 0, **price: Any) -> dict[str, Any]:
    """$10 for each pack of 100, to be bought ahead; some packs may be tiered."""
    pricing = {"amount": 10, "billing_units": 100, "interval": "month"} | price
    sold = {"billing_method": "prepaid", **pricing}
    shown = {"feature_id": feature_id, "included": included, "price": sold}
    return shown if pricing["interval"] == "one_off" else shown | {"reset": MONTH}


def tiered(feature_id: str, **price: Any) -> dict[str, Any]:
    """100 are included; packs of 100 are $10 each up to 600, $5 beyond."""
    tiers = [{"to": 600, "amount": 10}, {"to": "inf", "amount": 5}]
    item = packs(feature_id, 100, **price)
    del item["price"]["amount"]
    return {**item, "price": {**item["price"], "tiers": tiers}}


def bought(feature_id: str, quantity: float) -> list[dict[str, Any]]:
    return [{"feature_id": feature_id, "quantity": quantity}]


@pytest.fixture
def market(shop: Shop) -> Shop:
    """The shop with words and seats besides."""
    a_feature(shop.call, "words")
    a_feature(shop.call, "seats", consumable=False)
    return shop


def session_of(shop: Shop, url: str) -> Any:
    return shop.api(f"checkout/sessions/{url.rpartition('/')[2].partition('#')[0]}", "GET")


def test_b1_a_free_plan_costs_nothing(shop: Shop) -> None:
    shop.customer(card=None)
    assert shop.preview("free")["total"] == 0
    shop.attach("free")

    assert (shop.plans(), shop.remaining(), shop.invoices()) == ({"free": "active"}, 100, [])


def test_b2_base_price_and_packs_are_one_invoice(market: Shop) -> None:
    market.customer()
    a_plan(
        market.call,
        "team",
        packs("messages"),
        lifetime("seats", 3),
        price=a_price(20),
    )
    wanted: dict[str, Any] = {"feature_quantities": bought("messages", 100)}

    assert market.preview("team", **wanted)["total"] == 30
    market.attach("team", **wanted)

    assert market.invoices() == [(30, "paid")]
    assert market.remaining() == 100


def test_b3_seats_that_are_in_use_are_charged_with_the_plan(market: Shop) -> None:
    market.customer()
    each = {"amount": 10, "interval": "month", "billing_method": "usage_based"}
    seats = {"feature_id": "seats", "included": 3, "price": each}
    a_plan(market.call, "team", seats, price=a_price(20))
    for number in range(5):
        market.done(
            "entities.create",
            customer_id="user_1",
            entity_id=f"seat_{number}",
            feature_id="seats",
        )

    assert market.preview("team")["total"] == 40
    market.attach("team")

    assert market.invoices() == [(40, "paid")]
    market.clock.advance(seconds=1)
    market.done("balances.track", customer_id="user_1", feature_id="seats", value=1)
    market.report()
    assert market.invoices()[0][0] == pytest.approx(10, abs=0.01)


def test_b4_without_a_card_nothing_is_given_before_the_page_is_paid_on(shop: Shop) -> None:
    shop.customer(card=None)
    assert shop.preview("pro")["total"] == 20
    url = shop.attach("pro")["payment_url"]

    assert "/c/pay/" in url
    assert (shop.plans(), shop.invoices()) == ({}, [])
    shop.pay(url)
    assert (shop.plans(), shop.invoices()) == ({"pro": "active"}, [(20, "paid")])


def test_b5_what_is_paid_on_the_page_takes_the_place_of_the_free_plan(shop: Shop) -> None:
    shop.customer(card=None)
    shop.attach("free")
    shop.pay(shop.attach("pro")["payment_url"])

    assert (shop.plans(), shop.invoices()) == ({"pro": "active"}, [(20, "paid")])


def test_b6_the_session_is_for_our_customer_with_its_address(shop: Shop) -> None:
    stripe_id = shop.stripe.customer(name="Ada")
    shop.done(
        "customers.get_or_create",
        customer_id="user_1",
        email="ada@example.com",
        stripe_id=stripe_id,
    )
    url = shop.attach("pro")["payment_url"]

    assert session_of(shop, url)["customer"] == stripe_id
    assert shop.api(f"customers/{stripe_id}", "GET")["email"] == "ada@example.com"


def test_b7_the_same_again_leads_to_the_same_page(shop: Shop) -> None:
    shop.customer(card=None)

    assert shop.attach("pro")["payment_url"] == shop.attach("pro")["payment_url"]


@pytest.mark.parametrize(
    "second",
    [{"plan_id": "premium"}, {"plan_id": "pro", "success_url": "https://shop.example/"}],
    ids=["another plan", "other parameters"],
)
def test_b8_something_else_leads_to_another_page(shop: Shop, second: dict[str, str]) -> None:
    stripe_id = shop.customer(card=None)
    first = shop.attach("pro")["payment_url"]
    other = shop.attach(**second)["payment_url"]

    assert session_of(shop, first)["status"] == "expired"
    shop.pay(other)
    assert shop.plans() == {second["plan_id"]: "active"}
    assert len(shop.subscriptions(stripe_id)) == 1


def test_b8_another_entity_leads_to_another_page(market: Shop) -> None:
    market.customer(card=None)
    for name in ("one", "two"):
        market.done("entities.create", customer_id="user_1", entity_id=name, feature_id="seats")
    first = market.attach("pro", entity_id="one")["payment_url"]
    other = market.attach("premium", entity_id="two")["payment_url"]
    assert first != other
    market.pay(other)

    held = market.done("customers.get", customer_id="user_1")["subscriptions"]
    assert [(one["plan_id"], one["scope"]) for one in held] == [("premium", "entity")]
    assert market.invoices() == [(50, "paid")]


def test_b9_a_page_that_is_not_needed_any_more_is_closed(shop: Shop) -> None:
    shop.customer()
    url = shop.attach("pro", redirect_mode="always")["payment_url"]
    answer = shop.attach("pro", redirect_mode="if_required")

    assert answer["payment_url"] is None
    assert session_of(shop, url)["status"] == "expired"
    assert (shop.plans(), shop.invoices()) == ({"pro": "active"}, [(20, "paid")])


def test_b10_after_the_page_an_upgrade_needs_none(shop: Shop) -> None:
    shop.customer(card=None)
    shop.pay(shop.attach("pro")["payment_url"])

    assert shop.attach("premium")["payment_url"] is None
    assert shop.invoices() == [(30, "paid"), (20, "paid")]


def test_b11_a_page_that_is_paid_on_while_another_is_asked_for_sells_once(shop: Shop) -> None:
    stripe_id = shop.customer(card=None)
    a_plan(shop.call, "offer", price=a_price(25))
    shop.api("coupons", id="most", amount_off="2400", currency="usd", duration="once")
    code = {"promotion[type]": "coupon", "promotion[coupon]": "most", "code": "MOST"}
    shop.api("promotion_codes", **code)
    wanted: dict[str, Any] = {"discounts": [{"promotion_code": "MOST"}]}
    url = shop.attach("offer", **wanted)["payment_url"]
    session_id = url.rpartition("/")[2].partition("#")[0]
    shop.stripe.control(f"checkout/sessions/{session_id}/pay", {})

    shop.clock.advance(seconds=1)
    again = shop.call("billing.attach", {"customer_id": "user_1", "plan_id": "offer", **wanted})
    shop.report()

    assert again.status in {200, 409, 423}, again
    assert shop.plans() == {"offer": "active"}
    assert len(shop.subscriptions(stripe_id)) == 1
    assert shop.invoices() == [(1, "paid")]


def test_b12_metadata_for_the_subscription_reaches_it(shop: Shop) -> None:
    stripe_id = shop.customer(card=None)
    params = {"subscription_data": {"metadata": {"team": "engines"}}}
    shop.pay(shop.attach("pro", checkout_session_params=params)["payment_url"])

    (subscription,) = shop.subscriptions(stripe_id)
    assert subscription["metadata"]["team"] == "engines"
    assert subscription["metadata"]["autumn_managed"] == "true"


def test_b13_metadata_of_a_request_is_on_all_that_is_made(shop: Shop) -> None:
    stripe_id = shop.customer(card=None)
    given = {"campaign": "summer", "autumn_evil": "1", "orchard_evil": "1"}
    url = shop.attach("pro", metadata=given)["payment_url"]
    session = session_of(shop, url)["metadata"]
    shop.pay(url)
    (subscription,) = shop.subscriptions(stripe_id)
    upgraded = shop.attach("premium", metadata=given)["invoice"]["stripe_id"]
    invoice = shop.api(f"invoices/{upgraded}", "GET")["metadata"]

    for metadata in (session, subscription["metadata"], invoice):
        assert metadata["campaign"] == "summer"
        assert not {"autumn_evil", "orchard_evil"} & metadata.keys()


@pytest.mark.parametrize(
    ("item", "quantity", "total", "left"),
    [
        (packs("credits", interval="one_off"), 100, 20, 100),
        (packs("credits", interval="one_off"), 500, 60, 500),
        (packs("credits", 100, interval="one_off"), 300, 30, 300),
        (tiered("credits", interval="one_off"), 800, 70, 800),
    ],
)
def test_b14_what_is_bought_once_is_paid_on_the_page(
    shop: Shop, item: dict[str, Any], quantity: float, total: float, left: float
) -> None:
    shop.customer(card=None)
    a_plan(shop.call, "pack", item, price=a_price(10, "one_off"))
    wanted: dict[str, Any] = {"feature_quantities": bought("credits", quantity)}

    assert shop.preview("pack", **wanted)["total"] == total
    shop.pay(shop.attach("pack", **wanted)["payment_url"])

    assert shop.invoices() == [(total, "paid")]
    assert shop.remaining("credits") == left


def test_b15_a_purchase_can_be_sent_to_the_page_although_there_is_a_card(shop: Shop) -> None:
    shop.customer()
    shop.attach("pro")
    a_plan(
        shop.call,
        "pack",
        packs("credits", interval="one_off"),
        price=a_price(10, "one_off"),
    )
    wanted: dict[str, Any] = {
        "feature_quantities": bought("credits", 100),
        "redirect_mode": "always",
    }
    shop.pay(shop.attach("pack", **wanted)["payment_url"])

    assert shop.invoices() == [(20, "paid"), (20, "paid")]


def test_b16_what_recurs_and_what_is_paid_once_are_one_invoice(market: Shop) -> None:
    market.customer(card=None)
    words = packs("words", interval="month", amount=15)
    once = packs("messages", interval="one_off")
    a_plan(market.call, "mixed", words, once, price=a_price(20))
    quantities = bought("words", 100) + bought("messages", 100)
    market.pay(market.attach("mixed", feature_quantities=quantities)["payment_url"])

    assert market.invoices() == [(45, "paid")]
    held = market.done("customers.get", customer_id="user_1")["balances"]
    assert held["words"]["next_reset_at"] is not None
    assert held["messages"]["next_reset_at"] is None
    market.pass_time(days=32)
    assert market.invoices()[0] == (35, "paid")
    assert market.remaining() == 100


def test_b17_two_intervals_that_are_paid_ahead_do_not_fit_on_one_page(shop: Shop) -> None:
    shop.customer(card=None)
    yearly = packs("credits", interval="year") | {"reset": {"interval": "year"}}
    created = shop.call(
        "plans.create",
        {"plan_id": "both", "name": "Both", "price": a_price(20), "items": [yearly]},
    )
    if created.status == 200:
        status, code, _ = shop.refused(
            "billing.attach",
            customer_id="user_1",
            plan_id="both",
            feature_quantities=bought("credits", 100),
        )
        assert (status, code) == (400, "invalid_request")
    else:
        assert created.status == 400


def test_b17_nothing_to_pay_makes_no_page(shop: Shop) -> None:
    shop.customer(card=None)
    a_plan(shop.call, "pack", packs("credits", interval="one_off"))

    status, code, _ = shop.refused("billing.attach", customer_id="user_1", plan_id="pack")
    assert (status, code) == (400, "invalid_request")


def test_b18_a_plan_given_ahead_of_its_payment_is_the_same_afterwards(market: Shop) -> None:
    stripe_id = market.customer(card=None)
    a_plan(market.call, "team", packs("words"), price=a_price(20))
    answer = market.attach(
        "team", enable_plan_immediately=True, feature_quantities=bought("words", 200)
    )
    before = market.done("customers.get", customer_id="user_1")["subscriptions"]
    assert market.subscriptions(stripe_id) == []
    market.pay(answer["payment_url"])

    after = market.done("customers.get", customer_id="user_1")["subscriptions"]
    assert [one["id"] for one in after] == [one["id"] for one in before]
    assert (market.plans(), market.invoices()) == ({"team": "active"}, [(40, "paid")])


def test_b18_a_plan_given_ahead_is_gone_with_its_page(shop: Shop) -> None:
    shop.customer(card=None)
    url = shop.attach("pro", enable_plan_immediately=True)["payment_url"]
    assert shop.plans() == {"pro": "active"}
    session_id = url.rpartition("/")[2].partition("#")[0]
    shop.stripe.control(f"checkout/sessions/{session_id}/expire")
    shop.report()

    assert shop.plans() == {}


def test_b21_packs_nobody_asked_for_are_not_bought(shop: Shop) -> None:
    shop.customer()
    a_plan(shop.call, "team", packs("credits"), price=a_price(20))

    assert shop.preview("team")["total"] == 20
    shop.attach("team")

    assert shop.invoices() == [(20, "paid")]
    assert shop.remaining("credits") == 0


@pytest.mark.parametrize(("quantity", "total"), [(300, 40), (800, 80)])
def test_b21_tiers_count_what_is_included(shop: Shop, quantity: float, total: float) -> None:
    shop.customer()
    a_plan(shop.call, "team", tiered("credits"), price=a_price(20))
    wanted: dict[str, Any] = {"feature_quantities": bought("credits", quantity)}

    assert shop.preview("team", **wanted)["total"] == total
    shop.attach("team", **wanted)

    assert shop.invoices() == [(total, "paid")]
    assert shop.remaining("credits") == quantity


def test_b22_add_ons_come_beside_the_plan(market: Shop) -> None:
    market.customer()
    a_plan(market.call, "gift", monthly("words", 30), add_on=True)
    words = packs("words", interval="one_off", amount=5, billing_units=50)
    a_plan(market.call, "words", words, price=a_price(10, "one_off"), add_on=True)
    quantity: dict[str, Any] = {"feature_quantities": bought("words", 50)}
    market.attach("pro")

    assert market.preview("gift")["total"] == 0
    assert market.preview("words", **quantity)["total"] == 15
    assert market.preview("addon")["total"] == 20

    market.attach("gift")
    assert market.invoices() == [(20, "paid")]
    market.attach("words", **quantity)
    assert market.invoices() == [(15, "paid"), (20, "paid")]
    market.attach("addon")
    assert market.invoices() == [(20, "paid"), (15, "paid"), (20, "paid")]
    assert market.plans() == dict.fromkeys(("pro", "gift", "addon"), "active")
