"""What both the double and real Stripe do: the double is right as long as these pass on both.

Those on real Stripe run with STRIPE_SECRET_KEY set to a key of its test mode: -m stripe_live.
"""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import stripe

from local import stripe_keys
from local.stripe.server import Double
from tests.local.stripe_double import client_of, refusal


@contextmanager
def double() -> Iterator[stripe.StripeClient]:
    with Double() as running:
        yield client_of(running.url)


@contextmanager
def real() -> Iterator[stripe.StripeClient]:
    key = stripe_keys.real_key(os.environ)
    if key is None:
        pytest.skip("STRIPE_SECRET_KEY names no key of Stripe's test mode")
    yield stripe.StripeClient(key, max_network_retries=2)


PLACES = [
    pytest.param(double, id="double"),
    pytest.param(real, id="stripe", marks=pytest.mark.stripe_live),
]


@pytest.fixture(params=PLACES)
def client(request: pytest.FixtureRequest) -> Iterator[stripe.StripeClient]:
    with request.param() as connected:
        yield connected


@pytest.fixture
def customer(client: stripe.StripeClient) -> Iterator[str]:
    made = client.v1.customers.create({"name": "Ada", "metadata": {"for": "a test"}}).id
    yield made
    client.v1.customers.delete(made)


@pytest.fixture
def product(client: stripe.StripeClient) -> Iterator[str]:
    made = client.v1.products.create({"id": fresh("orchard_test"), "name": "Pro"}).id
    yield made
    client.v1.products.update(made, {"active": False})


@pytest.fixture
def monthly(client: stripe.StripeClient, product: str) -> str:
    params: Any = {"product": product, "currency": "usd", "unit_amount": 2000}
    params["recurring"] = {"interval": "month"}
    return client.v1.prices.create(params).id


@pytest.fixture
def fifth(client: stripe.StripeClient) -> Iterator[str]:
    made = client.v1.coupons.create({"percent_off": 20, "duration": "forever", "name": "Fifth"}).id
    yield made
    client.v1.coupons.delete(made)


def fresh(prefix: str) -> str:
    return f"{prefix}_{uuid.uuid4().hex[:16]}"


def card_of(client: stripe.StripeClient, customer: str, card: str = "pm_card_visa") -> str:
    return client.v1.payment_methods.attach(card, {"customer": customer}).id


def subscribed(client: stripe.StripeClient, customer: str, price: str, **more: Any) -> Any:
    params: Any = {"customer": customer, "items": [{"price": price}], **more}
    params.setdefault("expand", ["latest_invoice"])
    return client.v1.subscriptions.create(params)


def test_a_test_card_is_saved_under_a_new_id(client: stripe.StripeClient, customer: str) -> None:
    card = card_of(client, customer)

    found = client.v1.payment_methods.list({"customer": customer, "type": "card"}).data
    assert [one.id for one in found] == [card]
    assert card != "pm_card_visa"
    assert found[0].card is not None
    assert found[0].card.last4 == "4242"


def test_a_declining_card_is_not_saved(client: stripe.StripeClient, customer: str) -> None:
    refused = refusal(card_of, client, customer, "pm_card_visa_chargeDeclined")

    assert isinstance(refused, stripe.CardError)
    assert (refused.http_status, refused.code) == (402, "card_declined")


def test_a_product_id_is_used_once(client: stripe.StripeClient, product: str) -> None:
    refused = refusal(client.v1.products.create, {"id": product, "name": "Other"})

    assert refused.code == "resource_already_exists"


def test_a_discount_is_on_the_first_invoice_of_a_subscription(
    client: stripe.StripeClient, customer: str, monthly: str, fifth: str
) -> None:
    card = card_of(client, customer)

    made = subscribed(
        client,
        customer,
        monthly,
        default_payment_method=card,
        discounts=[{"coupon": fifth}],
        expand=["latest_invoice.payments"],
    )

    assert made.status == "active"
    assert made.latest_invoice.total == 1600
    assert made.latest_invoice.status == "paid"
    (payment,) = made.latest_invoice.payments.data
    intent = client.v1.payment_intents.retrieve(payment.payment.payment_intent)
    assert (intent.status, intent.amount_received) == ("succeeded", 1600)
    assert made["items"].data[0].current_period_end > made.created


def test_a_card_that_fails_leaves_a_subscription_incomplete(
    client: stripe.StripeClient, customer: str, monthly: str
) -> None:
    card = card_of(client, customer, "pm_card_chargeCustomerFail")

    made = subscribed(client, customer, monthly, default_payment_method=card)

    assert (made.status, made.latest_invoice.status) == ("incomplete", "open")
    refused = refusal(
        client.v1.subscriptions.create,
        {
            "customer": customer,
            "items": [{"price": monthly}],
            "default_payment_method": card,
            "payment_behavior": "error_if_incomplete",
        },
    )
    assert (refused.http_status, refused.code) == (402, "card_declined")


def test_a_subscription_ends_with_its_period_until_it_is_renewed(
    client: stripe.StripeClient, customer: str, monthly: str
) -> None:
    made = subscribed(client, customer, monthly, default_payment_method=card_of(client, customer))
    end = made["items"].data[0].current_period_end

    leaving = client.v1.subscriptions.update(made.id, {"cancel_at_period_end": True})
    staying = client.v1.subscriptions.update(made.id, {"cancel_at_period_end": False})

    assert (leaving.cancel_at_period_end, leaving.cancel_at) == (True, end)
    assert (staying.cancel_at_period_end, staying.cancel_at) == (False, None)


def test_a_negative_line_lowers_an_invoice(
    client: stripe.StripeClient, customer: str, product: str
) -> None:
    invoice = client.v1.invoices.create({"customer": customer, "currency": "usd"})
    for amount in ("2000", "-500.5"):
        price: Any = {"currency": "usd", "product": product, "unit_amount_decimal": amount}
        item: Any = {"customer": customer, "invoice": invoice.id, "price_data": price}
        client.v1.invoice_items.create(item)

    final = client.v1.invoices.finalize_invoice(str(invoice.id))

    assert final.total in {1499, 1500}
    assert final.hosted_invoice_url is not None
    voided = client.v1.invoices.void_invoice(str(invoice.id))
    assert voided.status == "void"


def test_checkout_counts_one_discount_and_refuses_two(
    client: stripe.StripeClient, customer: str, monthly: str, fifth: str
) -> None:
    params: Any = {
        "mode": "subscription",
        "customer": customer,
        "line_items": [{"price": monthly, "quantity": 1}],
        "success_url": "https://example.com/",
        "discounts": [{"coupon": fifth}],
    }

    session = client.v1.checkout.sessions.create(params)
    two = {**params, "discounts": [{"coupon": fifth}, {"coupon": fifth}]}

    assert (session.amount_subtotal, session.amount_total) == (2000, 1600)
    assert session.url is not None
    assert isinstance(refusal(client.v1.checkout.sessions.create, two), stripe.InvalidRequestError)
    assert client.v1.checkout.sessions.expire(session.id).status == "expired"
    assert refusal(client.v1.checkout.sessions.expire, session.id).http_status == 400


def test_an_active_promotion_code_is_like_no_other(client: stripe.StripeClient, fifth: str) -> None:
    word = fresh("SPRING")
    params: Any = {"promotion": {"type": "coupon", "coupon": fifth}, "code": word}

    code = client.v1.promotion_codes.create(params)

    assert code.promotion.coupon == fifth
    assert isinstance(refusal(client.v1.promotion_codes.create, params), stripe.InvalidRequestError)
    found = client.v1.promotion_codes.list({"code": word}).data
    assert [one.id for one in found] == [code.id]
    client.v1.promotion_codes.update(code.id, {"active": False})


def test_a_key_gives_the_first_answer_again(client: stripe.StripeClient) -> None:
    options: stripe.RequestOptions = {"idempotency_key": fresh("once")}

    first = client.v1.customers.create({"name": "Ada"}, options)
    again = client.v1.customers.create({"name": "Ada"}, options)

    assert first.id == again.id
    with pytest.raises(stripe.IdempotencyError):
        client.v1.customers.create({"name": "Grace"}, options)
    client.v1.customers.delete(first.id)
