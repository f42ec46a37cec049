"""How a plan is paid: by page, by invoice, before or after it is given."""

from tests.billing.conftest import Shop


def test_a_sent_invoice_gives_the_plan_when_it_is_paid(shop: Shop) -> None:
    shop.customer(card=None)
    answer = shop.attach("pro", invoice_mode={"enabled": True})

    assert answer["invoice"]["status"] == "open"
    assert answer["payment_url"] == answer["invoice"]["hosted_invoice_url"]
    assert shop.plans() == {}
    shop.stripe.step(answer["invoice"]["stripe_id"], "pay")
    shop.report()
    assert shop.plans() == {"pro": "active"}


def test_a_sent_invoice_may_give_the_plan_at_once(shop: Shop) -> None:
    shop.customer(card=None)
    mode = {"enabled": True, "enable_plan_immediately": True}
    answer = shop.attach("pro", invoice_mode=mode)

    assert shop.plans() == {"pro": "active"}
    shop.stripe.step(answer["invoice"]["stripe_id"], "pay")
    shop.report()
    assert shop.plans() == {"pro": "active"}
    assert shop.invoices() == [(20, "paid")]


def test_a_draft_is_nothing_to_pay_yet(shop: Shop) -> None:
    shop.customer(card=None)
    answer = shop.attach("pro", invoice_mode={"enabled": True, "finalize": False})

    assert answer["invoice"]["status"] == "draft"
    assert answer["invoice"]["hosted_invoice_url"] is None
    assert answer["payment_url"] is None
    assert shop.plans() == {}


def test_a_purchase_is_paid_on_stripes_page(shop: Shop) -> None:
    shop.customer(card=None)
    answer = shop.attach("once")
    assert shop.done("customers.get", customer_id="user_1")["purchases"] == []
    shop.pay(answer["payment_url"], card="pm_card_visa")

    (bought,) = shop.done("customers.get", customer_id="user_1")["purchases"]
    assert bought["plan_id"] == "once"
    assert shop.remaining("credits") == 10
    assert shop.invoices() == [(10, "paid")]


def test_a_plan_may_be_given_before_its_page_is_paid_on(shop: Shop) -> None:
    stripe_id = shop.customer(card=None)
    answer = shop.attach("pro", enable_plan_immediately=True)
    assert shop.plans() == {"pro": "active"}
    assert shop.subscriptions(stripe_id) == []

    shop.pay(answer["payment_url"], card="pm_card_visa")

    assert shop.plans() == {"pro": "active"}
    assert shop.invoices() == [(20, "paid")]
    (shown,) = shop.done("customers.get", customer_id="user_1")["subscriptions"]
    assert shown["current_period_end"] is not None


def test_a_plan_given_early_goes_when_the_page_expires(shop: Shop) -> None:
    shop.customer(card=None)
    shop.attach("pro", enable_plan_immediately=True)
    shop.pass_time(days=1)

    assert shop.plans() == {}


def test_without_a_card_and_a_page_the_invoice_is_there_to_pay(shop: Shop) -> None:
    shop.customer(card=None)
    answer = shop.attach("pro", redirect_mode="never")

    assert answer["required_action"]["code"] == "payment_method_required"
    assert answer["payment_url"] is not None
    assert shop.plans() == {}


def test_a_card_that_asks_for_confirmation_waits_for_it(shop: Shop) -> None:
    shop.customer(card="pm_card_authenticationRequired")
    answer = shop.attach("pro")

    assert answer["required_action"]["code"] == "3ds_required"
    assert shop.plans() == {}


def test_other_parameters_make_another_page(shop: Shop) -> None:
    shop.customer(card=None)
    before = shop.attach("pro")["payment_url"]
    after = shop.attach("premium")["payment_url"]

    assert before != after
    shop.pay(after, card="pm_card_visa")
    assert shop.plans() == {"premium": "active"}
    assert shop.invoices() == [(50, "paid")]


def test_an_entity_has_plans_of_its_own(shop: Shop) -> None:
    shop.customer()
    shop.done("entities.create", customer_id="user_1", entity_id="seat_1", feature_id="messages")
    shop.attach("pro")
    shop.attach("premium", entity_id="seat_1")

    held = shop.done("customers.get", customer_id="user_1")["subscriptions"]
    assert {one["plan_id"]: one["scope"] for one in held} == {
        "pro": "customer",
        "premium": "entity",
    }
    assert shop.invoices() == [(50, "paid"), (20, "paid")]


def test_the_card_of_stripes_page_is_charged_later_on(shop: Shop) -> None:
    shop.customer(card=None)
    shop.pay(shop.attach("once")["payment_url"], card="pm_card_visa")

    assert shop.attach("pro")["payment_url"] is None
    assert shop.attach("once")["payment_url"] is None
    assert shop.invoices() == [(10, "paid"), (20, "paid"), (10, "paid")]


def test_several_coupons_are_shown_as_what_they_come_to(shop: Shop) -> None:
    stripe_id = shop.customer(card=None)
    shop.api("coupons", id="half", percent_off="50", duration="forever", name="Half")
    shop.api("coupons", id="two", amount_off="200", currency="usd", duration="once", name="Two")

    answer = shop.attach("pro", discounts=[{"reward_id": "two"}, {"reward_id": "half"}])
    page = shop.stripe.page(answer["payment_url"])
    assert "Half + Two" in page or "Two + Half" in page
    shop.pay(answer["payment_url"], card="pm_card_visa")

    assert shop.invoices() == [(8, "paid")]
    (subscription,) = shop.subscriptions(stripe_id)
    assert len(subscription["discounts"]) == 1
    shop.pass_time(days=32)
    assert shop.invoices()[0] == (10, "paid")
