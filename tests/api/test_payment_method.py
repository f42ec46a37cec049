"""The expansion `payment_method` of a customer: the card that is charged unless told otherwise."""

from typing import Any

import pytest
import requests

from tests.builders import a_customer
from tests.conftest import Call
from tests.pretended_stripe import Stripe

ASKED = {"customer_id": "user_1", "expand": ["payment_method"]}


def post(stripe: Stripe, path: str, **fields: str) -> Any:
    answered = requests.post(
        f"{stripe.double.url}/v1/{path}",
        data=fields,
        headers={"authorization": "Bearer sk_test_pretended"},
        timeout=10,
    )
    assert answered.status_code == 200, answered.text
    return answered.json()


def card(stripe: Stripe, customer: str, kind: str = "visa") -> str:
    """Add a card to a customer; return its id."""
    return str(post(stripe, f"payment_methods/pm_card_{kind}/attach", customer=customer)["id"])


@pytest.fixture
def customer(call: Call, stripe: Stripe) -> str:
    stripe_id = stripe.customer(name="Ada")
    a_customer(call, stripe_id=stripe_id)
    return stripe_id


def test_the_default_card_is_shown_as_stripe_has_it(
    call: Call, stripe: Stripe, customer: str
) -> None:
    chosen = card(stripe, customer)
    card(stripe, customer, "mastercard")
    fields = {"invoice_settings[default_payment_method]": chosen}
    post(stripe, f"customers/{customer}", **fields)

    shown = call("customers.get", ASKED).body["payment_method"]

    assert (shown["id"], shown["object"]) == (chosen, "payment_method")
    assert (shown["card"]["brand"], shown["customer"]) == ("visa", customer)


def test_without_a_default_the_card_that_was_added_last_is(
    call: Call, stripe: Stripe, customer: str
) -> None:
    added = card(stripe, customer)

    assert call("customers.get", ASKED).body["payment_method"]["id"] == added


@pytest.mark.usefixtures("customer")
def test_without_a_card_there_is_no_such_part(call: Call) -> None:
    assert "payment_method" not in call("customers.get", ASKED).body


def test_a_customer_that_stripe_does_not_know_has_none(call: Call, stripe: Stripe) -> None:
    del stripe
    a_customer(call, stripe_id="cus_gone")

    assert "payment_method" not in call("customers.get", ASKED).body


def test_without_a_stripe_customer_stripe_is_not_asked(call: Call) -> None:
    a_customer(call)

    assert "payment_method" not in call("customers.get", ASKED).body
