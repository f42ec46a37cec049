"""The local stack stopped and started again on the same folder."""

import pytest

from local.stack import Stack
from tests.e2e.vocabulary import Organization, Stripe, eventually

pytestmark = pytest.mark.e2e


def values(shop: Organization) -> list[float]:
    listed = shop.get_done("events.list", customer_id="ada")["list"]
    return [event["value"] for event in listed]


def test_a_restart_keeps_data_and_key_and_goes_on(stack: Stack) -> None:
    shop = Organization.on(stack, "restart")
    shop.offer_messages()
    with Stripe(stack) as stripe:
        in_stripe = stripe.customer("ada@example.com")
        shop.get_done("customers.get_or_create", customer_id="ada", stripe_id=in_stripe)
        invoice = stripe.invoice(in_stripe, {"description": "Pro", "amount": 2000})
        stripe.settle()
    ada = {"customer_id": "ada", "feature_id": "messages"}
    shop.get_done("balances.track", **ada, value=2.5)
    eventually(lambda: values(shop), lambda seen: seen == [2.5])
    key, address = stack.key, stack.base_url

    stack.stop()
    stack.start()

    assert (stack.key, stack.base_url) == (key, address)
    assert shop.get_done("balances.check", **ada)["balance"]["remaining"] == 97.5
    shop.get_done("balances.track", **ada, value=1)
    eventually(lambda: values(shop), lambda seen: seen == [1, 2.5])
    # The Stripe account is kept too.
    with Stripe(stack) as stripe:
        stripe.take("finalize", invoice["id"])
        stripe.settle()
    [stored] = shop.get_done("invoices.list", customer_id="ada")["list"]
    assert (stored["stripe_id"], stored["status"]) == (invoice["id"], "open")
