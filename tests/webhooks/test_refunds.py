"""What was paid back shows on the invoice, however often and in whichever order that is told."""

from itertools import permutations
from typing import Any

import pytest
import requests

from tests.conftest import Call
from tests.pretended_stripe import Stripe, linked

KINDS = ("charge.refunded", "refund.")


def stripe_api(stripe: Stripe, method: str, path: str, **fields: Any) -> Any:
    answered = requests.request(
        method,
        f"{stripe.double.url}/v1/{path}",
        data=fields if method == "POST" else None,
        params=fields if method == "GET" else None,
        headers={"authorization": "Bearer sk_test_pretended"},
        timeout=10,
    )
    assert answered.status_code == 200, answered.text
    return answered.json()


def refund(stripe: Stripe, invoice: str, **fields: Any) -> None:
    """Pay back a paid invoice, or an `amount` of it."""
    (payment,) = stripe_api(stripe, "GET", "invoice_payments", invoice=invoice)["data"]
    intent = payment["payment"]["payment_intent"]
    stripe_api(stripe, "POST", "refunds", payment_intent=intent, **fields)


def refunds(stripe: Stripe) -> list[dict[str, Any]]:
    return [event for kind in KINDS for event in stripe.reports(kind)]


def refunded(call: Call) -> list[tuple[str, float]]:
    rows = call("invoices.list").body["list"]
    return [(row["status"], row["refunded_amount"]) for row in rows]


@pytest.fixture
def paid(call: Call, stripe: Stripe) -> str:
    """A paid invoice of 20.00 that is stored; its id at Stripe."""
    made = stripe.invoice(linked(call, stripe))
    stripe.step(made, "finalize", "pay")
    stripe.deliver(stripe.reports("invoice.paid")[-1])
    assert refunded(call) == [("paid", 0)]
    return made


def test_a_refund_is_shown(call: Call, stripe: Stripe, paid: str) -> None:
    refund(stripe, paid)

    for event in refunds(stripe):
        stripe.deliver(event)

    assert refunded(call) == [("paid", 20)]


def test_each_report_alone_is_enough(call: Call, stripe: Stripe, paid: str) -> None:
    refund(stripe, paid, amount=500)

    for event in refunds(stripe):
        stripe.deliver(event)
        assert refunded(call) == [("paid", 5)]


def test_several_refunds_add_up_in_any_order(call: Call, stripe: Stripe, paid: str) -> None:
    refund(stripe, paid, amount=500)
    refund(stripe, paid, amount=750)
    events = refunds(stripe)[:4]

    for order in list(permutations(events))[::7]:
        for event in order:
            stripe.deliver(event)
        assert refunded(call) == [("paid", 12.5)]


def test_a_report_of_the_invoice_keeps_what_was_refunded(
    call: Call, stripe: Stripe, paid: str
) -> None:
    refund(stripe, paid)
    stripe.deliver(refunds(stripe)[0])

    stripe.deliver(stripe.reports("invoice.paid")[-1])

    assert refunded(call) == [("paid", 20)]


def test_a_refund_of_an_invoice_that_was_not_reported_yet_brings_it(
    call: Call, stripe: Stripe
) -> None:
    made = stripe.invoice(linked(call, stripe))
    stripe.step(made, "finalize", "pay")
    refund(stripe, made, amount=1)

    stripe.deliver(refunds(stripe)[0])

    assert refunded(call) == [("paid", 0.01)]


@pytest.mark.usefixtures("paid")
def test_a_refund_of_something_else_is_acknowledged(call: Call, stripe: Stripe) -> None:
    event = dict(stripe.reports("invoice.paid")[-1], type="refund.created", id="evt_other")
    event["data"] = {"object": {"id": "re_1", "object": "refund", "payment_intent": None}}

    assert stripe.deliver(event).status == 200
    assert refunded(call) == [("paid", 0)]


def test_a_refund_for_a_deleted_customer_is_acknowledged(
    call: Call, stripe: Stripe, paid: str
) -> None:
    call("customers.delete", {"customer_id": "user_1"})
    refund(stripe, paid)

    assert {stripe.deliver(event).status for event in refunds(stripe)} == {200}
    assert refunded(call) == []
