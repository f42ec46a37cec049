"""billing.attach: what is sold, when it is billed, what the customer holds then."""

import pytest

from tests.billing.conftest import Shop


def test_a_first_plan_is_charged_to_the_card_and_given(shop: Shop) -> None:
    stripe_id = shop.customer()

    assert shop.preview("pro")["total"] == 20
    answer = shop.attach("pro")

    assert answer["payment_url"] is None
    assert (answer["invoice"]["status"], answer["invoice"]["total"]) == ("paid", 20)
    assert shop.plans() == {"pro": "active"}
    assert shop.remaining() == 500
    assert shop.invoices() == [(20, "paid")]
    (subscription,) = shop.subscriptions(stripe_id)
    assert subscription["status"] == "active"


def test_c2_an_upgrade_bills_the_difference(shop: Shop) -> None:
    stripe_id = shop.customer()
    shop.attach("pro")

    assert shop.preview("premium")["total"] == 30
    shop.attach("premium")

    assert shop.plans() == {"premium": "active"}
    assert shop.remaining() == 1000
    assert shop.invoices() == [(30, "paid"), (20, "paid")]
    assert len(shop.subscriptions(stripe_id)) == 1


def test_without_a_card_the_customer_pays_on_stripes_page(shop: Shop) -> None:
    shop.customer(card=None)
    shop.attach("free")

    answer = shop.attach("pro")
    assert "/c/pay/" in answer["payment_url"]
    assert shop.plans() == {"free": "active"}
    assert shop.attach("pro")["payment_url"] == answer["payment_url"]

    shop.pay(answer["payment_url"], card="pm_card_visa")

    assert shop.plans() == {"pro": "active"}
    assert shop.invoices() == [(20, "paid")]


def test_c5_a_cheaper_plan_waits_for_the_next_cycle(shop: Shop) -> None:
    shop.customer()
    shop.attach("premium")

    seen = shop.preview("pro")
    assert (seen["total"], seen["next_cycle"]["total"]) == (0, 20)
    shop.attach("pro")

    assert shop.plans() == {"premium": "canceling", "pro": "scheduled"}
    assert shop.remaining() == 1000
    shop.pass_time(days=32)
    assert shop.plans() == {"pro": "active"}
    assert shop.remaining() == 500
    assert shop.invoices() == [(20, "paid"), (50, "paid")]


def test_a_free_plan_takes_the_place_of_a_paid_one_when_its_cycle_ends(shop: Shop) -> None:
    stripe_id = shop.customer()
    shop.attach("pro")
    shop.attach("free")

    assert shop.plans() == {"pro": "canceling", "free": "scheduled"}
    shop.pass_time(days=32)
    assert shop.plans() == {"free": "active"}
    assert shop.invoices() == [(20, "paid")]
    assert [one["status"] for one in shop.subscriptions(stripe_id)] == ["canceled"]


def test_what_waits_is_dropped_when_something_else_is_chosen(shop: Shop) -> None:
    shop.customer()
    shop.attach("premium")
    shop.attach("pro")
    shop.attach("free")
    assert shop.plans() == {"premium": "canceling", "free": "scheduled"}

    shop.attach("growth")

    assert shop.plans() == {"growth": "active"}
    assert shop.invoices()[0] == (50, "paid")
    shop.pass_time(days=32)
    assert shop.plans() == {"growth": "active"}
    assert shop.invoices()[0] == (100, "paid")


def test_a_longer_interval_begins_a_new_cycle(shop: Shop) -> None:
    stripe_id = shop.customer()
    shop.attach("pro")
    seen = shop.preview("pro_annual")
    shop.attach("pro_annual")

    assert shop.plans() == {"pro_annual": "active"}
    assert shop.invoices()[0][0] == seen["total"] == 180
    (subscription,) = shop.subscriptions(stripe_id)
    (item,) = subscription["items"]["data"]
    assert item["current_period_end"] - item["current_period_start"] == 365 * 86_400


def test_add_ons_and_purchases_are_added(shop: Shop) -> None:
    stripe_id = shop.customer()
    shop.attach("pro")
    assert shop.preview("addon")["total"] == 20
    shop.attach("addon")
    shop.attach("once")

    assert shop.plans() == {"pro": "active", "addon": "active"}
    assert shop.invoices() == [(10, "paid"), (20, "paid"), (20, "paid")]
    assert shop.remaining() == 550
    assert len(shop.subscriptions(stripe_id)) == 1
    held = shop.done("customers.get", customer_id="user_1")
    assert [one["plan_id"] for one in held["purchases"]] == ["once"]


def test_a_declined_card_leaves_things_as_they_were_until_the_invoice_is_paid(shop: Shop) -> None:
    stripe_id = shop.customer()
    shop.attach("pro")
    shop.save_card(stripe_id, "pm_card_chargeCustomerFail")

    answer = shop.attach("premium")

    assert answer["required_action"]["code"] == "payment_failed"
    assert answer["payment_url"] == answer["invoice"]["hosted_invoice_url"]
    assert shop.plans() == {"pro": "active"}
    shop.save_card(stripe_id)
    shop.stripe.step(answer["invoice"]["stripe_id"], "pay")
    shop.report()
    assert shop.plans() == {"premium": "active"}
    assert shop.invoices() == [(30, "paid"), (20, "paid")]


def test_renewals_go_on_and_balances_with_them(shop: Shop) -> None:
    shop.customer()
    shop.attach("pro")
    shop.done("balances.track", customer_id="user_1", feature_id="messages", value=120)
    shop.pass_time(days=32)

    assert shop.remaining() == 500
    assert shop.invoices() == [(20, "paid"), (20, "paid")]


def test_a_coupon_is_on_the_first_invoice(shop: Shop) -> None:
    shop.customer()
    shop.api("coupons", id="twenty", percent_off="20", duration="once")

    asked = [{"reward_id": "twenty"}]
    assert shop.preview("pro", discounts=asked)["total"] == 16
    shop.attach("pro", discounts=asked)

    assert shop.invoices() == [(16, "paid")]


def test_an_add_on_leaves_what_waits_for_the_next_cycle(shop: Shop) -> None:
    shop.customer()
    shop.attach("premium")
    shop.attach("pro")
    shop.attach("addon")

    assert shop.plans() == {"premium": "canceling", "pro": "scheduled", "addon": "active"}
    shop.pass_time(days=32)
    assert shop.plans() == {"pro": "active", "addon": "active"}
    assert shop.invoices()[0] == (40, "paid")


def test_a_coupon_for_one_invoice_is_used_up_by_an_upgrade(shop: Shop) -> None:
    shop.customer()
    shop.attach("pro")
    shop.api("coupons", id="twenty", percent_off="20", duration="once")
    shop.attach("premium", discounts=[{"reward_id": "twenty"}])
    assert shop.invoices()[0] == (20, "paid")

    shop.pass_time(days=32)
    assert shop.invoices()[0] == (50, "paid")


def test_a_lasting_coupon_stays_with_an_upgrade(shop: Shop) -> None:
    shop.customer()
    shop.attach("pro")
    shop.api("coupons", id="twenty", percent_off="20", duration="forever")
    shop.attach("premium", discounts=[{"reward_id": "twenty"}])

    shop.pass_time(days=32)
    assert shop.invoices()[0] == (40, "paid")


def test_a_new_cycle_begins_for_all_that_a_subscription_pays_for(shop: Shop) -> None:
    shop.customer()
    shop.attach("pro")
    shop.attach("addon")
    shop.pass_time(days=15)
    seen = shop.preview("pro_annual")
    shop.attach("pro_annual")

    assert shop.invoices()[0] == (seen["total"], "paid")
    assert seen["total"] == pytest.approx(200 + 20 - 10 - 10, abs=0.5)
