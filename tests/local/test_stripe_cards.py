"""Cards at the double of Stripe: saved, chosen, charged, refused."""

from typing import Any

import pytest
import requests
import stripe

from local.stripe import objects
from local.stripe.payments import Outcome, charge
from local.stripe.server import Double
from tests.local.stripe_double import control, kinds, refusal


def attach(client: stripe.StripeClient, card: str, customer: str) -> str:
    return client.v1.payment_methods.attach(card, {"customer": customer}).id


def pay(double: Double, customer: str, card: str | None, **more: Any) -> Outcome:
    with double.account.change():
        return charge(double.account, customer, card, 2000, outbox=double.outbox, **more)


def test_a_test_card_becomes_a_card_of_the_customer(
    client: stripe.StripeClient, customer: str
) -> None:
    visa = attach(client, "pm_card_visa", customer)
    other = attach(client, "pm_card_mastercard", customer)

    listed = client.v1.payment_methods.list({"customer": customer, "type": "card"})
    of_customer = client.v1.customers.payment_methods.list(customer)

    assert [one.id for one in listed.data] == [other, visa]
    assert [one.id for one in of_customer.data] == [other, visa]
    found = client.v1.payment_methods.retrieve(visa)
    assert found.card is not None
    assert (found.card.brand, found.card.last4, found.customer) == ("visa", "4242", customer)
    assert client.v1.payment_methods.list({"type": "card"}).data == []


def test_a_card_belongs_to_one_customer_until_it_is_detached(
    client: stripe.StripeClient, customer: str
) -> None:
    other = client.v1.customers.create({}).id
    card = attach(client, "pm_card_visa", customer)
    settings: Any = {"invoice_settings": {"default_payment_method": card}}
    client.v1.customers.update(customer, settings)

    assert "already been attached" in str(refusal(attach, client, card, other))
    assert "must be attached" in str(refusal(client.v1.customers.update, other, settings))
    assert attach(client, card, customer) == card
    client.v1.payment_methods.detach(card)

    assert client.v1.payment_methods.list({"customer": customer}).data == []
    kept = client.v1.customers.retrieve(customer).invoice_settings
    assert kept is not None
    assert kept.default_payment_method is None
    assert "not attached" in str(refusal(client.v1.payment_methods.detach, card))


def test_a_customer_can_come_with_its_card(client: stripe.StripeClient) -> None:
    made = client.v1.customers.create(
        {
            "payment_method": "pm_card_visa",
            "invoice_settings": {"default_payment_method": "pm_card_visa"},
        }
    )

    expanded = client.v1.customers.retrieve(
        made.id, {"expand": ["invoice_settings.default_payment_method"]}
    )
    assert expanded.invoice_settings is not None
    assert isinstance(expanded.invoice_settings.default_payment_method, stripe.PaymentMethod)
    assert expanded.invoice_settings.default_payment_method.customer == made.id


@pytest.mark.parametrize("card", ["pm_card_visa_chargeDeclined", "pm_card_chargeDeclined"])
def test_a_declining_card_can_not_be_saved(
    client: stripe.StripeClient, customer: str, card: str
) -> None:
    refused = refusal(attach, client, card, customer)

    assert isinstance(refused, stripe.CardError)
    assert (refused.http_status, refused.code) == (402, "card_declined")
    assert refused.error is not None
    assert refused.error.decline_code == "generic_decline"
    assert client.v1.payment_methods.list({"customer": customer}).data == []
    refusal(client.v1.customers.create, {"payment_method": card})
    assert [one.id for one in client.v1.customers.list().data] == [customer]


def test_the_default_card_pays(double: Double, client: stripe.StripeClient, customer: str) -> None:
    card = attach(client, "pm_card_visa", customer)
    client.v1.customers.update(customer, {"invoice_settings": {"default_payment_method": card}})

    outcome = pay(double, customer, None, currency="eur", description="Pro")

    assert outcome.status == "paid"
    intent = client.v1.payment_intents.retrieve(
        outcome.intent["id"], {"expand": ["latest_charge", "payment_method"]}
    )
    assert (intent.status, intent.amount_received, intent.currency) == ("succeeded", 2000, "eur")
    assert isinstance(intent.latest_charge, stripe.Charge)
    assert (intent.latest_charge.paid, intent.latest_charge.amount) == (True, 2000)
    assert isinstance(intent.payment_method, stripe.PaymentMethod)
    assert kinds(double)[-3:] == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
    ]


def test_a_customer_without_a_card_pays_nothing(double: Double, customer: str) -> None:
    outcome = pay(double, customer, None)

    assert outcome.status == "no_method"
    assert outcome.refusal().error["code"] == "resource_missing"


def test_a_card_that_was_saved_may_still_be_declined(
    double: Double, client: stripe.StripeClient, customer: str
) -> None:
    card = attach(client, "pm_card_chargeCustomerFail", customer)

    outcome = pay(double, customer, card)

    assert (outcome.status, outcome.decline_code) == ("declined", "generic_decline")
    refused = outcome.refusal()
    assert (refused.status, refused.error["code"]) == (402, "card_declined")
    intent = client.v1.payment_intents.retrieve(outcome.intent["id"])
    assert intent.status == "requires_payment_method"
    assert intent.last_payment_error is not None
    assert intent.last_payment_error.decline_code == "generic_decline"
    tried = client.v1.charges.retrieve(str(intent.latest_charge))
    assert (tried.status, tried.paid, tried.failure_code) == ("failed", False, "card_declined")


def test_3d_secure_waits_for_the_owner_and_then_pays_the_invoice(
    double: Double, client: stripe.StripeClient, customer: str
) -> None:
    card = attach(client, "pm_card_authenticationRequired", customer)
    body = {"customer": customer, "lines": [{"description": "Pro", "amount": 2000}]}
    invoice = control(double, "invoices", {**body, "then": ["finalize"]})["id"]

    waiting = pay(double, customer, card, invoice=invoice)
    again = pay(double, customer, card, invoice=invoice)

    assert waiting.status == "requires_action"
    assert again.intent["id"] == waiting.intent["id"]
    assert waiting.refusal("authentication_required").error["code"] == "authentication_required"
    control(double, f"payment_intents/{waiting.intent['id']}/authenticate")
    shown = client.v1.invoices.retrieve(
        invoice, {"expand": ["payments.data.payment.payment_intent"]}
    )
    assert shown.status == "paid"
    assert shown.payments is not None
    (payment,) = shown.payments.data
    assert (payment.status, payment.amount_paid) == ("paid", 2000)
    assert isinstance(payment.payment.payment_intent, stripe.PaymentIntent)
    listed = client.v1.invoice_payments.list(
        {"payment": {"type": "payment_intent", "payment_intent": waiting.intent["id"]}}
    )
    assert [one.invoice for one in listed.data] == [invoice]
    url = f"{double.url}/_control/payment_intents/{waiting.intent['id']}/authenticate"
    assert requests.post(url, json={}, timeout=10).status_code == 400


def test_what_a_payment_leaves_has_exactly_the_fields_of_the_pinned_version(
    double: Double, customer: str
) -> None:
    pay(double, customer, "pm_card_visa", invoice="in_1")

    for kind, name in [
        (stripe.PaymentMethod, "payment_method"),
        (stripe.PaymentIntent, "payment_intent"),
        (stripe.Charge, "charge"),
        (stripe.InvoicePayment, "invoice_payment"),
    ]:
        (one,) = double.account.objects(name).values()
        assert set(one) == objects.names(kind)
