"""The customer portal and refunds at the double of Stripe."""

from typing import Any

import pytest
import requests
import stripe

from local.stripe import objects
from local.stripe.server import Double
from tests.local.stripe_double import control, kinds, refusal


@pytest.fixture
def customer(client: stripe.StripeClient) -> str:
    card = "pm_card_visa"
    settings: Any = {"default_payment_method": card}
    params: Any = {"name": "Ada <a>", "payment_method": card, "invoice_settings": settings}
    return client.v1.customers.create(params).id


@pytest.fixture
def subscription(client: stripe.StripeClient, customer: str) -> str:
    client.v1.products.create({"id": "pro", "name": "Pro"})
    price: Any = {"currency": "usd", "product": "pro", "unit_amount": 2000}
    price["recurring"] = {"interval": "month"}
    items: Any = [{"price_data": price}]
    return client.v1.subscriptions.create({"customer": customer, "items": items}).id


def configured(client: stripe.StripeClient, **features: Any) -> str:
    whole: Any = {
        "subscription_cancel": {"enabled": True},
        "payment_method_update": {"enabled": True},
        "invoice_history": {"enabled": True},
        **features,
    }
    return client.v1.billing_portal.configurations.create({"features": whole}).id


def opened(client: stripe.StripeClient, customer: str, configuration: str) -> str:
    address = "https://shop.test/account"
    params: Any = {"customer": customer, "return_url": address, "configuration": configuration}
    return client.v1.billing_portal.sessions.create(params).url


def press(url: str, button: str, chosen: str) -> requests.Response:
    return requests.post(url, data={"do": button, "chosen": chosen}, timeout=10)


def test_a_person_cancels_and_keeps_a_subscription(
    client: stripe.StripeClient, customer: str, subscription: str
) -> None:
    url = opened(client, customer, configured(client))
    page = requests.get(url, timeout=10).text
    assert "Ada &lt;a&gt;" in page
    assert "$20.00 per month" in page
    assert 'href="https://shop.test/account"' in page

    leaving = press(url, "cancel", subscription)

    assert "ends" in leaving.text
    assert "Keep it" in leaving.text
    assert client.v1.subscriptions.retrieve(subscription).cancel_at_period_end
    press(url, "renew", subscription)
    assert not client.v1.subscriptions.retrieve(subscription).cancel_at_period_end


def test_a_portal_may_cancel_at_once(
    client: stripe.StripeClient, customer: str, subscription: str
) -> None:
    cancel = {"enabled": True, "mode": "immediately"}
    url = opened(client, customer, configured(client, subscription_cancel=cancel))

    assert "There are none." in press(url, "cancel", subscription).text

    assert client.v1.subscriptions.retrieve(subscription).status == "canceled"


def test_a_person_chooses_another_card(client: stripe.StripeClient, customer: str) -> None:
    url = opened(client, customer, configured(client))

    refused = press(url, "card", "pm_card_visa_chargeDeclined")
    assert refused.status_code == 402
    assert "Your card was declined." in refused.text
    assert "ending in 4444" in press(url, "card", "pm_card_mastercard").text

    settings = client.v1.customers.retrieve(customer).invoice_settings
    assert settings is not None
    card = client.v1.payment_methods.retrieve(str(settings.default_payment_method)).card
    assert card is not None
    assert card.last4 == "4444"


def test_a_portal_does_only_what_its_configuration_allows(
    double: Double, client: stripe.StripeClient, customer: str, subscription: str
) -> None:
    nothing = {"enabled": False}
    configuration = configured(
        client,
        subscription_cancel=nothing,
        payment_method_update=nothing,
        invoice_history=nothing,
    )
    url = opened(client, customer, configuration)

    assert "Cancel</button>" not in requests.get(url, timeout=10).text
    for button, chosen in [("cancel", subscription), ("card", "pm_card_visa"), ("jump", "")]:
        assert press(url, button, chosen).status_code == 400
    other = client.v1.customers.create({}).id
    assert press(opened(client, other, configured(client)), "cancel", subscription).ok is False
    sessions = double.account.objects("billing_portal.session")
    shown = [objects.names(stripe.billing_portal.Session) == set(one) for one in sessions.values()]
    assert all(shown)


def test_a_portal_needs_a_configuration(client: stripe.StripeClient, customer: str) -> None:
    create = client.v1.billing_portal.sessions.create
    assert "No configuration" in str(refusal(create, {"customer": customer}))
    first, second = configured(client), configured(client)

    listed = client.v1.billing_portal.configurations.list({"active": True})

    assert [one.id for one in listed.data] == [second, first]
    found = client.v1.billing_portal.configurations.retrieve(first)
    assert found.features.subscription_cancel.mode == "at_period_end"
    assert set(found.to_dict()) == objects.names(stripe.billing_portal.Configuration)
    features = {"subscription_update": {"enabled": True}}
    assert refusal(client.v1.billing_portal.configurations.create, {"features": features})


# ---- refunds --------------------------------------------------------------------


@pytest.fixture
def intent(double: Double, client: stripe.StripeClient, customer: str) -> str:
    line = {
        "price_data": {"currency": "usd", "unit_amount": 2000, "product_data": {"name": "Pro"}},
        "quantity": 1,
    }
    params: Any = {"mode": "payment", "customer": customer, "line_items": [line]}
    params["success_url"] = "https://shop.test/"
    session = client.v1.checkout.sessions.create(params)
    return str(control(double, f"checkout/sessions/{session.id}/pay")["payment_intent"])


def test_a_payment_is_given_back_in_parts(
    double: Double, client: stripe.StripeClient, intent: str
) -> None:
    part = client.v1.refunds.create({"payment_intent": intent, "amount": 500})
    rest = client.v1.refunds.create({"charge": str(part.charge), "metadata": {"a": "1"}})

    assert (part.status, part.amount, rest.amount) == ("succeeded", 500, 1500)
    charge = client.v1.charges.retrieve(str(part.charge))
    assert (charge.amount_refunded, charge.refunded) == (2000, True)
    listed = client.v1.refunds.list({"payment_intent": intent})
    assert [one.id for one in listed.data] == [rest.id, part.id]
    assert client.v1.refunds.retrieve(part.id).charge == charge.id
    assert kinds(double)[-4:] == ["refund.created", "charge.refunded"] * 2
    again: Any = {"payment_intent": intent}
    assert refusal(client.v1.refunds.create, again).code == "charge_already_refunded"
    assert set(part.to_dict()) == objects.names(stripe.Refund)


@pytest.mark.parametrize(
    "fields", [{"amount": 2001}, {"amount": 0}, {"reason": "whim"}, {"charge": "ch_1"}]
)
def test_an_impossible_refund_is_refused(
    client: stripe.StripeClient, intent: str, fields: dict[str, Any]
) -> None:
    refusal(client.v1.refunds.create, {"payment_intent": intent, **fields})

    assert client.v1.refunds.list().data == []
