"""Checkout at the double of Stripe: sessions, the page in a browser, and what paying makes."""

import re
from typing import Any

import pytest
import requests
import stripe

from local.stripe import objects
from local.stripe.server import Double
from tests.local.stripe_double import NOW, Clock, control, kinds, refusal

DAY = 86_400
PAGES = {"success_url": "https://shop.test/done?s={CHECKOUT_SESSION_ID}"}
BACK = "https://shop.test/back"


@pytest.fixture
def monthly(client: stripe.StripeClient) -> str:
    client.v1.products.create({"id": "pro", "name": "Pro <b>"})
    params: Any = {"product": "pro", "currency": "usd", "unit_amount": 2000}
    params["recurring"] = {"interval": "month"}
    return client.v1.prices.create(params).id


def a_session(client: stripe.StripeClient, **fields: Any) -> stripe.checkout.Session:
    params: Any = {"mode": "subscription", **PAGES, **fields}
    return client.v1.checkout.sessions.create(params)


def once(amount: int = 1500, name: str = "Setup") -> dict[str, Any]:
    data = {"currency": "usd", "unit_amount": amount, "product_data": {"name": name}}
    return {"price_data": data, "quantity": 1}


def pay(double: Double, session: stripe.checkout.Session, **fields: Any) -> Any:
    return control(double, f"checkout/sessions/{session.id}/pay", fields)


def refused_payment(double: Double, session: stripe.checkout.Session, **fields: Any) -> Any:
    url = f"{double.url}/_control/checkout/sessions/{session.id}/pay"
    answered = requests.post(url, json=fields, timeout=10)
    assert answered.status_code >= 400
    return answered.json()["error"]


# ---- subscriptions --------------------------------------------------------------


def test_paying_starts_the_subscription_and_is_reported_in_stripes_order(
    double: Double, client: stripe.StripeClient, customer: str, monthly: str
) -> None:
    session = a_session(
        client,
        customer=customer,
        line_items=[{"price": monthly, "quantity": 2}, once()],
        metadata={"order": "1"},
        subscription_data={"metadata": {"plan": "pro"}, "description": "Pro plan"},
    )
    assert (session.status, session.payment_status, session.amount_total) == (
        "open",
        "unpaid",
        5500,
    )
    before = len(kinds(double))

    paid = pay(double, session, name="Ada L.", email="ada@example.com")

    assert (paid["status"], paid["payment_status"], paid["url"]) == ("complete", "paid", None)
    subscription = client.v1.subscriptions.retrieve(paid["subscription"])
    assert subscription.status == "active"
    assert subscription.metadata.to_dict() == {"plan": "pro"}
    assert [(one.price.id, one.quantity) for one in subscription["items"].data] == [(monthly, 2)]
    card = client.v1.payment_methods.retrieve(str(subscription.default_payment_method))
    assert card.customer == customer
    assert card.billing_details.name == "Ada L."
    invoice = client.v1.invoices.retrieve(paid["invoice"])
    assert (invoice.status, invoice.total, len(invoice.lines.data)) == ("paid", 5500, 2)
    assert client.v1.customers.retrieve(customer).email == "ada@example.com"
    written = kinds(double)[before:]
    order = [
        "payment_method.attached",
        "customer.subscription.created",
        "invoice.created",
        "invoice.finalized",
        "invoice.paid",
        "checkout.session.completed",
    ]
    assert [kind for kind in written if kind in order] == order
    assert written[-1] == "checkout.session.completed"


def test_a_session_shows_its_lines_and_amounts(
    client: stripe.StripeClient, customer: str, monthly: str
) -> None:
    client.v1.coupons.create({"id": "HALF", "percent_off": 50, "applies_to": {"products": ["pro"]}})
    session = a_session(
        client,
        customer=customer,
        line_items=[{"price": monthly, "quantity": 1, "metadata": {"a": "1"}}, once()],
        discounts=[{"coupon": "HALF"}],
    )

    whole = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["line_items"]})
    lines = client.v1.checkout.sessions.line_items.list(session.id)

    assert whole.line_items is not None
    assert [one.id for one in whole.line_items.data] == [one.id for one in lines.data]
    first, second = lines.data
    assert (first.description, first.amount_subtotal, first.amount_total) == ("Pro <b>", 2000, 1000)
    assert (second.description, second.amount_discount) == ("Setup", 0)
    assert (whole.amount_subtotal, whole.amount_total) == (3500, 2500)
    assert whole.total_details is not None
    assert whole.total_details.amount_discount == 1000
    plain = client.v1.checkout.sessions.retrieve(session.id).to_dict()
    assert set(plain) == objects.names(stripe.checkout.Session)
    assert set(first.to_dict()) == objects.names(stripe.LineItem)


def test_the_discount_of_a_session_is_on_the_invoice_and_the_next_ones(
    double: Double, client: stripe.StripeClient, customer: str, monthly: str
) -> None:
    fifth: Any = {"id": "FIFTH", "percent_off": 20}
    fifth |= {"duration": "repeating", "duration_in_months": 2}
    client.v1.coupons.create(fifth)
    line = {"price": monthly, "quantity": 1}
    session = a_session(
        client, customer=customer, line_items=[line], discounts=[{"coupon": "FIFTH"}]
    )

    paid = pay(double, session)

    invoice = client.v1.invoices.retrieve(paid["invoice"])
    assert (invoice.total, invoice.amount_paid) == (1600, 1600)
    subscription = client.v1.subscriptions.retrieve(paid["subscription"])
    assert len(subscription.discounts) == 1
    assert client.v1.coupons.retrieve("FIFTH").times_redeemed == 1
    control(double, "clock/advance", {"by": 95 * DAY})
    billed = client.v1.invoices.list({"customer": customer}).data
    assert [(one.status, one.total) for one in billed[::-1]] == [
        ("paid", 1600),
        ("paid", 1600),
        ("paid", 2000),
        ("paid", 2000),
    ]


def test_a_trial_is_free_today_and_its_card_is_kept(
    double: Double, client: stripe.StripeClient, customer: str, monthly: str
) -> None:
    session = a_session(
        client,
        customer=customer,
        line_items=[{"price": monthly, "quantity": 1}],
        subscription_data={"trial_end": NOW + 7 * DAY},
    )
    assert session.amount_total == 0

    paid = pay(double, session, card="pm_card_chargeCustomerFail")

    assert paid["payment_status"] == "no_payment_required"
    subscription = client.v1.subscriptions.retrieve(paid["subscription"])
    assert (subscription.status, subscription.trial_end) == ("trialing", NOW + 7 * DAY)
    assert subscription.default_payment_method is not None
    control(double, "clock/advance", {"by": 8 * DAY})
    assert client.v1.subscriptions.retrieve(paid["subscription"]).status == "past_due"


def test_a_trial_may_start_without_a_card(
    double: Double, client: stripe.StripeClient, customer: str, monthly: str
) -> None:
    session = a_session(
        client,
        customer=customer,
        line_items=[{"price": monthly, "quantity": 1}],
        subscription_data={"trial_end": NOW + 7 * DAY},
        payment_method_collection="if_required",
    )
    assert "Card</h2>" not in requests.get(str(session.url), timeout=10).text

    paid = pay(double, session)

    assert client.v1.subscriptions.retrieve(paid["subscription"]).status == "trialing"
    assert client.v1.payment_methods.list({"customer": customer}).data == []


DECLINES = {
    "pm_card_visa_chargeDeclined": "generic_decline",
    "pm_card_chargeCustomerFail": "generic_decline",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "insufficient_funds",
}


def test_a_cycle_may_begin_later_with_nothing_due_before(
    double: Double, client: stripe.StripeClient, customer: str, monthly: str
) -> None:
    session = a_session(
        client,
        customer=customer,
        line_items=[{"price": monthly, "quantity": 1}],
        subscription_data={"billing_cycle_anchor": NOW + 9 * DAY, "proration_behavior": "none"},
    )
    assert session.amount_total == 0

    paid = pay(double, session)
    control(double, "clock/advance", {"by": 10 * DAY})

    assert paid["payment_status"] == "no_payment_required"
    billed = client.v1.invoices.list({"customer": customer}).data
    assert [one.total for one in billed] == [2000]


@pytest.mark.parametrize("card", DECLINES)
def test_a_declined_card_leaves_the_session_open_and_nothing_else(
    double: Double,
    client: stripe.StripeClient,
    customer: str,
    monthly: str,
    card: str,
) -> None:
    session = a_session(client, customer=customer, line_items=[{"price": monthly, "quantity": 1}])
    before = kinds(double)

    error = refused_payment(double, session, card=card)

    assert (error["code"], error["decline_code"]) == ("card_declined", DECLINES[card])
    assert client.v1.checkout.sessions.retrieve(session.id).status == "open"
    assert client.v1.subscriptions.list({"customer": customer}).data == []
    assert kinds(double) == before
    assert pay(double, session)["status"] == "complete"
    assert "status" in refused_payment(double, session)["message"]


def test_3d_secure_is_passed_before_the_subscription_is_active(
    double: Double, client: stripe.StripeClient, customer: str, monthly: str
) -> None:
    session = a_session(client, customer=customer, line_items=[{"price": monthly, "quantity": 1}])

    paid = pay(double, session, card="pm_card_authenticationRequired")

    assert client.v1.subscriptions.retrieve(paid["subscription"]).status == "active"
    assert client.v1.invoices.retrieve(paid["invoice"]).status == "paid"


def test_prices_that_are_archived_meanwhile_are_still_sold(
    double: Double, client: stripe.StripeClient, customer: str, monthly: str
) -> None:
    session = a_session(client, customer=customer, line_items=[{"price": monthly, "quantity": 1}])
    client.v1.prices.update(monthly, {"active": False})

    assert pay(double, session)["status"] == "complete"
    assert not client.v1.prices.retrieve(monthly).active


# ---- payments and cards ---------------------------------------------------------


def test_a_payment_makes_a_paid_invoice_when_it_is_told_to(
    double: Double, client: stripe.StripeClient, customer: str
) -> None:
    client.v1.coupons.create({"id": "FIVE", "amount_off": 500, "currency": "usd"})
    session = a_session(
        client,
        mode="payment",
        customer=customer,
        line_items=[once(1500)],
        discounts=[{"coupon": "FIVE"}],
        invoice_creation={"enabled": True, "invoice_data": {"metadata": {"order": "1"}}},
        payment_intent_data={"metadata": {"a": "1"}, "setup_future_usage": "off_session"},
    )

    paid = pay(double, session)

    invoice = client.v1.invoices.retrieve(
        paid["invoice"], {"expand": ["payments.data.payment.payment_intent"]}
    )
    assert (invoice.status, invoice.total, invoice.amount_paid) == ("paid", 1000, 1000)
    assert invoice.metadata is not None
    assert invoice.metadata.to_dict() == {"order": "1"}
    assert invoice.payments is not None
    intent = invoice.payments.data[0].payment.payment_intent
    assert isinstance(intent, stripe.PaymentIntent)
    assert (intent.id, intent.metadata.to_dict()) == (paid["payment_intent"], {"a": "1"})
    assert len(client.v1.payment_methods.list({"customer": customer}).data) == 1
    assert kinds(double)[-1] == "checkout.session.completed"


def test_a_payment_without_an_invoice_is_an_intent(
    double: Double, client: stripe.StripeClient, customer: str
) -> None:
    session = a_session(client, mode="payment", customer=customer, line_items=[once(1500)])

    paid = pay(double, session, card="pm_card_authenticationRequired")

    intent = client.v1.payment_intents.retrieve(paid["payment_intent"])
    assert (intent.status, intent.amount, intent.customer) == ("succeeded", 1500, customer)
    assert paid["invoice"] is None
    assert client.v1.payment_methods.list({"customer": customer}).data == []


def test_a_new_customer_can_come_from_the_page(
    double: Double, client: stripe.StripeClient, monthly: str
) -> None:
    session = a_session(client, line_items=[{"price": monthly, "quantity": 1}])

    assert "e-mail" in refused_payment(double, session)["message"]
    paid = pay(double, session, email="new@example.com", name="New")

    made = client.v1.customers.retrieve(paid["customer"])
    assert (made.email, made.name) == ("new@example.com", "New")


def test_a_card_can_be_saved_for_later(
    double: Double, client: stripe.StripeClient, customer: str
) -> None:
    session = a_session(
        client,
        mode="setup",
        customer=customer,
        currency="usd",
        setup_intent_data={"metadata": {"a": "1"}},
    )
    assert session.payment_status == "no_payment_required"

    paid = pay(double, session, card="pm_card_mastercard")

    setup = client.v1.setup_intents.retrieve(paid["setup_intent"], {"expand": ["payment_method"]})
    assert setup.status == "succeeded"
    assert isinstance(setup.payment_method, stripe.PaymentMethod)
    assert setup.payment_method.customer == customer
    assert set(setup.to_dict()) == objects.names(stripe.SetupIntent)


# ---- what is refused ------------------------------------------------------------

LINES = [once()]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"mode": None}, "specify the mode"),
        ({"mode": "payment", "line_items": LINES, "customer": "cus_nobody"}, "No such customer"),
        ({"mode": "payment", "line_items": LINES}, "guests"),
        ({"mode": "payment", "line_items": [], "customer": "C"}, "line items"),
        ({"line_items": LINES, "customer": "C"}, "recurring price"),
        ({"line_items": LINES, "customer": "C", "invoice_creation": {"enabled": True}}, "mode"),
        ({"mode": "setup", "customer": "C"}, "currency is required"),
        ({"mode": "payment", "line_items": [once(0)], "customer": "C"}, "greater than zero"),
        ({"mode": "payment", "line_items": [once(-5)], "customer": "C"}, "non-negative"),
        ({"line_items": [{"price": "M"}], "customer": "C"}, "Quantity is required"),
        ({"line_items": [{"price": "M", "quantity": 0}], "customer": "C"}, "Quantity must"),
        ({"success_url": "nowhere", "line_items": [{"price": "M", "quantity": 1}]}, "valid URL"),
        ({"expires_at": NOW + 60, "line_items": [{"price": "M", "quantity": 1}]}, "30 minutes"),
        (
            {
                "line_items": [{"price": "M", "quantity": 1}],
                "subscription_data": {"trial_end": NOW + DAY},
            },
            "2 days",
        ),
        (
            {
                "line_items": [{"price": "M", "quantity": 1}],
                "subscription_data": {"billing_cycle_anchor": NOW + DAY},
            },
            "proration_behavior",
        ),
        (
            {
                "line_items": [{"price": "M", "quantity": 1}],
                "discounts": [{"coupon": "A"}, {"coupon": "B"}],
            },
            "maximum 1",
        ),
        (
            {
                "line_items": [{"price": "M", "quantity": 1}],
                "discounts": [{"coupon": "A"}],
                "allow_promotion_codes": True,
            },
            "only specify one",
        ),
        (
            {"line_items": [{"price": "M", "quantity": 1}], "discounts": [{"coupon": "EUR"}]},
            "is in eur",
        ),
        (
            {"line_items": [{"price": "M", "quantity": 1}], "tax_id_collection": {"enabled": True}},
            "",
        ),
        ({"line_items": [{"price": "M", "quantity": 1}], "ui_mode": "elements"}, "hosted"),
        ({"line_items": [{"price": "M", "quantity": 1}], "payment_method_types": ["card"]}, ""),
    ],
)
def test_what_stripe_forbids_is_refused(
    client: stripe.StripeClient, customer: str, monthly: str, fields: dict[str, Any], message: str
) -> None:
    client.v1.coupons.create({"id": "EUR", "amount_off": 500, "currency": "eur"})
    real = {"C": customer, "M": monthly}
    params = {"mode": "subscription", **PAGES, **fields}
    lines = [
        {name: real.get(str(value), value) for name, value in line.items()}
        for line in params.get("line_items", [])
    ]
    params |= {"customer": real.get(params.get("customer", ""), params.get("customer"))}
    params |= {"line_items": lines} if "line_items" in params else {}
    asked = {name: value for name, value in params.items() if value is not None}

    assert message in str(refusal(client.v1.checkout.sessions.create, asked))
    assert client.v1.checkout.sessions.list().data == []


def test_a_refused_session_leaves_nothing_behind(
    double: Double, client: stripe.StripeClient, customer: str
) -> None:
    params: Any = {"mode": "payment", **PAGES, "customer": customer, "line_items": [once(0)]}
    before = kinds(double)

    refusal(client.v1.checkout.sessions.create, params)

    assert client.v1.products.list().data == []
    assert kinds(double) == before


def test_sessions_expire_by_the_clock_or_on_request(
    double: Double, client: stripe.StripeClient, clock: Clock, customer: str, monthly: str
) -> None:
    line = {"price": monthly, "quantity": 1}
    first, second, third = (
        a_session(client, customer=customer, line_items=[line], expires_at=NOW + 1800 + n)
        for n in range(3)
    )
    assert client.v1.checkout.sessions.expire(third.id).status == "expired"
    assert "status" in str(refusal(client.v1.checkout.sessions.expire, third.id))
    clock.now += 1800

    assert client.v1.checkout.sessions.retrieve(first.id).status == "expired"
    assert "status" in refused_payment(double, first)["message"]
    opened = client.v1.checkout.sessions.list({"customer": customer, "status": "open"})
    assert [one.id for one in opened.data] == [second.id]
    assert kinds(double).count("checkout.session.expired") == 2
    assert "expired" in requests.get(str(first.url), timeout=10).text.lower() or first.url is None


# ---- the page -------------------------------------------------------------------


class Browser:
    """What a person does on the page, without scripts."""

    def __init__(self, session: stripe.checkout.Session) -> None:
        self.url = str(session.url)
        self.page = requests.get(self.url, timeout=10)

    def press(self, button: str, **typed: Any) -> requests.Response:
        fields = self.fields() | typed | {"do": button}
        sent = requests.post(self.url, data=fields, timeout=10, allow_redirects=False)
        if sent.status_code == 303 and sent.headers["location"].startswith("/"):
            sent = requests.get(self.url, timeout=10)
        self.page = sent
        return sent

    def fields(self) -> dict[str, str]:
        """What the inputs of the page hold."""
        found = {}
        for tag in re.findall(r"<input [^>]*>", self.page.text):
            given = dict(re.findall(r'(\w+)="([^"]*)"', tag))
            if given.get("type") != "radio" or " checked" in tag:
                found[given["name"]] = given["value"]
        return found


def test_a_person_pays_on_the_page(
    client: stripe.StripeClient, customer: str, monthly: str
) -> None:
    line = {"price": monthly, "quantity": 1}
    session = a_session(client, customer=customer, line_items=[line, once()], cancel_url=BACK)
    browser = Browser(session)
    assert "Pro &lt;b&gt;" in browser.page.text
    assert "$20.00 per month" in browser.page.text
    assert "Subscribe $35.00" in browser.page.text
    assert f'href="{BACK}"' in browser.page.text

    declined = browser.press("pay", card="pm_card_visa_chargeDeclined", email="a@b.test")
    assert declined.status_code == 402
    assert "Your card was declined." in declined.text
    assert browser.fields()["email"] == "a@b.test"
    paid = browser.press("pay", card="pm_card_visa")

    assert paid.status_code == 303
    assert paid.headers["location"] == f"https://shop.test/done?s={session.id}"
    assert client.v1.checkout.sessions.retrieve(session.id).status == "complete"
    again = requests.get(browser.url, timeout=10)
    assert "paid already" in again.text


def test_a_person_types_a_promotion_code_and_takes_it_back(
    client: stripe.StripeClient, customer: str, monthly: str
) -> None:
    client.v1.coupons.create({"id": "FIFTH", "name": "Spring <sale>", "percent_off": 20})
    promotion: Any = {"type": "coupon", "coupon": "FIFTH"}
    code = client.v1.promotion_codes.create({"promotion": promotion, "code": "SPRING"})
    line = {"price": monthly, "quantity": 1}
    session = a_session(client, customer=customer, line_items=[line], allow_promotion_codes=True)
    browser = Browser(session)

    assert "invalid: WRONG" in browser.press("update", promotion_code="WRONG").text
    browser.press("update", promotion_code="spring")
    assert "Spring &lt;sale&gt; (20% off)" in browser.page.text
    assert "-$4.00" in browser.page.text
    browser.press("remove")
    assert "Spring" not in browser.page.text
    browser.press("pay", promotion_code="SPRING")

    paid = client.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["discounts.promotion_code"]}
    )
    assert (paid.status, paid.amount_total) == ("complete", 1600)
    assert client.v1.promotion_codes.retrieve(code.id).times_redeemed == 1
    assert client.v1.coupons.retrieve("FIFTH").times_redeemed == 1


def test_a_person_changes_a_quantity_within_its_bounds(
    client: stripe.StripeClient, customer: str, monthly: str
) -> None:
    bounds = {"enabled": True, "minimum": 1, "maximum": 5}
    line = {"price": monthly, "quantity": 2, "adjustable_quantity": bounds}
    session = a_session(client, customer=customer, line_items=[line])
    browser = Browser(session)
    (name,) = (field for field in browser.fields() if field.startswith("quantity_"))

    assert "from 1 to 5" in browser.press("update", **{name: "6"}).text
    assert "Subscribe $60.00" in browser.press("update", **{name: "3"}).text
    browser.press("pay", **{name: "4"})

    paid = client.v1.checkout.sessions.retrieve(session.id)
    subscription = client.v1.subscriptions.retrieve(str(paid.subscription))
    assert subscription["items"].data[0].quantity == 4
    assert paid.amount_total == 8000


def test_a_person_passes_or_refuses_3d_secure(
    client: stripe.StripeClient, customer: str, monthly: str
) -> None:
    session = a_session(client, customer=customer, line_items=[{"price": monthly, "quantity": 1}])
    browser = Browser(session)

    asked = browser.press("pay", card="pm_card_authenticationRequired", email="a@b.test")
    assert "Is it you?" in asked.text
    assert "not confirmed" in browser.press("refuse").text
    assert client.v1.subscriptions.list({"customer": customer}).data == []
    browser.press("pay", card="pm_card_authenticationRequired")
    assert browser.press("confirm").status_code == 303

    (subscription,) = client.v1.subscriptions.list({"customer": customer}).data
    assert subscription.status == "active"
