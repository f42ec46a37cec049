"""Pages of Stripe where customers see their invoices and save cards."""

from typing import Any

from orchard.store.table import Table
from tests.billing.conftest import Shop
from tests.billing.test_finishing import finish
from tests.builders import a_plan, monthly


def page(shop: Shop, customer_id: str = "user_1", **body: Any) -> Any:
    shop.clock.advance(seconds=1)
    answer = shop.done("billing.setup_payment", customer_id=customer_id, **body)
    shop.report()
    return answer


def card_of(shop: Shop, stripe_id: str) -> Any:
    owner = shop.api(f"customers/{stripe_id}", "GET")
    return owner["invoice_settings"]["default_payment_method"]


def test_the_portal_opens_for_a_customer_that_was_not_at_stripe(shop: Shop) -> None:
    shop.done("customers.get_or_create", customer_id="user_1")
    opened = shop.done(
        "billing.open_customer_portal", customer_id="user_1", return_url="https://a.example/b"
    )

    assert opened["customer_id"] == "user_1"
    assert "/p/session/" in opened["url"]
    assert shop.done("customers.get", customer_id="user_1")["stripe_id"] is not None


def test_the_account_gets_one_portal_configuration_and_another_may_be_named(shop: Shop) -> None:
    shop.customer()
    for _ in range(2):
        shop.done("billing.open_customer_portal", customer_id="user_1")
    (made,) = shop.api("billing_portal/configurations", "GET")["data"]
    assert made["features"]["payment_method_update"]["enabled"]

    opened = shop.done(
        "billing.open_customer_portal", customer_id="user_1", configuration_id=made["id"]
    )
    assert opened["url"]
    refused = shop.refused(
        "billing.open_customer_portal", customer_id="user_1", configuration_id="bpc_none"
    )
    assert refused[:2] == (400, "stripe_error")
    assert shop.refused("billing.open_customer_portal", customer_id="nobody")[0] == 404


def test_a_saved_card_is_charged_from_then_on(shop: Shop) -> None:
    stripe_id = shop.customer()
    shop.attach("pro")
    before = card_of(shop, stripe_id)
    answer = page(shop)
    assert set(answer) == {"customer_id", "url"}

    shop.pay(answer["url"], card="pm_card_visa")

    after = card_of(shop, stripe_id)
    assert after not in (None, before)
    (subscription,) = shop.subscriptions(stripe_id)
    assert subscription["default_payment_method"] == after
    assert shop.plans() == {"pro": "active"}


def test_a_saved_card_pays_what_the_old_one_could_not(shop: Shop) -> None:
    stripe_id = shop.customer()
    shop.attach("pro")
    shop.save_card(stripe_id, "pm_card_chargeCustomerFail")
    shop.pass_time(days=32)
    (held,) = shop.done("customers.get", customer_id="user_1")["subscriptions"]
    assert held["past_due"]
    assert shop.invoices()[0] == (20, "open")

    shop.pay(page(shop)["url"], card="pm_card_visa")

    assert shop.invoices()[0] == (20, "paid")
    (held,) = shop.done("customers.get", customer_id="user_1")["subscriptions"]
    assert not held["past_due"]


def test_the_plan_is_attached_once_the_card_is_saved(shop: Shop) -> None:
    shop.customer(card=None)
    wanted: dict[str, Any] = {
        "plan_id": "pro",
        "customize": {"price": {"amount": 12.5, "interval": "month"}},
        "subscription_id": "mine",
        "metadata": {"campaign": "summer"},
    }
    answer = page(shop, **wanted)
    assert shop.plans() == {}
    assert page(shop, **wanted)["url"] == answer["url"]

    shop.pay(answer["url"], card="pm_card_visa")

    assert shop.plans() == {"pro": "active"}
    assert shop.invoices() == [(12.5, "paid")]
    (held,) = shop.done("customers.get", customer_id="user_1")["subscriptions"]
    assert held["id"] == "mine"


def test_a_report_that_comes_twice_attaches_once(shop: Shop) -> None:
    stripe_id = shop.customer(card=None)
    answer = page(shop, plan_id="pro")
    shop.pay(answer["url"], card="pm_card_visa")
    (event,) = shop.stripe.reports("checkout.session.completed")
    assert shop.stripe.deliver(event).body.get("duplicate")

    assert len(shop.subscriptions(stripe_id)) == 1
    assert shop.invoices() == [(20, "paid")]


def test_a_plan_without_a_price_needs_the_card_all_the_same(shop: Shop) -> None:
    shop.customer(card=None)
    answer = page(shop, plan_id="free")
    assert shop.plans() == {}
    shop.pay(answer["url"], card="pm_card_visa")
    assert shop.plans() == {"free": "active"}


def test_a_card_that_is_declined_leaves_an_invoice_to_pay(shop: Shop) -> None:
    shop.customer(card=None)
    shop.pay(page(shop, plan_id="pro")["url"], card="pm_card_chargeCustomerFail")

    assert shop.plans() == {}
    assert shop.invoices() == [(20, "open")]


def test_what_can_not_be_attached_is_refused_before_there_is_a_page(shop: Shop) -> None:
    shop.customer()
    shop.attach("pro")

    def refused(**body: Any) -> tuple[int, str]:
        status, code, _ = shop.refused("billing.setup_payment", customer_id="user_1", **body)
        return status, code

    assert refused(plan_id="nothing") == (404, "product_not_found")
    assert refused(plan_id="pro") == (409, "plan_already_attached")
    assert refused(plan_id="addon", entity_id="x") == (404, "entity_not_found")
    assert refused(plan_id="addon", enable_plan_immediately=True) == (400, "invalid_inputs")
    assert shop.refused("billing.setup_payment", customer_id="nobody")[0] == 404
    assert shop.stripe.reports("setup_intent.") == []


def test_what_was_bought_meanwhile_is_not_bought_again(shop: Shop) -> None:
    shop.customer(card=None)
    answer = page(shop, plan_id="pro")
    other = page(shop, plan_id="premium")
    assert other["url"] != answer["url"]
    shop.attach("free")
    a_plan(shop.call, "gift", monthly("credits", 7), add_on=True)

    shop.pay(other["url"], card="pm_card_visa")

    assert shop.plans() == {"premium": "active"}


def test_an_attach_takes_the_place_of_a_page_that_is_open(shop: Shop) -> None:
    stripe_id = shop.customer(card=None)
    page(shop, plan_id="premium")
    shop.save_card(stripe_id)
    shop.attach("pro")

    (session,) = shop.api("checkout/sessions", "GET", customer=stripe_id)["data"]
    assert session["status"] == "expired"
    assert shop.plans() == {"pro": "active"}


def test_a_new_customer_comes_with_the_page(shop: Shop) -> None:
    shop.clock.advance(seconds=1)
    answer = shop.done(
        "billing.setup_payment",
        customer_id="new_1",
        plan_id="pro",
        customer_data={"email": "ada@example.com"},
    )
    shop.pay(answer["url"], card="pm_card_visa")

    assert shop.plans("new_1") == {"pro": "active"}


def test_a_page_whose_report_never_comes_is_found_by_the_job(shop: Shop, table: Table) -> None:
    shop.customer(card=None)
    answer = page(shop, plan_id="pro")
    session_id = answer["url"].rpartition("/")[2].partition("#")[0]
    shop.stripe.control(f"checkout/sessions/{session_id}/pay", {"card": "pm_card_visa"})
    shop.clock.advance(days=12)
    assert finish(shop, table) == 1

    assert shop.plans() == {"pro": "active"}
