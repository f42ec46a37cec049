"""What Stripe reports, as it comes: signed or not, twice, late, in any order."""

import json
import time
from typing import Any

import httpx
import pytest
from stripe import WebhookSignature

from local.stack import Stack
from tests.e2e.vocabulary import Organization, Stripe

pytestmark = pytest.mark.e2e

LINE = {"description": "Pro", "amount": 2000}


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Organization:
    return Organization.on(stack, "webhooks")


def linked(shop: Organization, stripe: Stripe, name: str) -> str:
    """Return the Stripe customer of a new customer."""
    in_stripe = stripe.customer(f"{name}@example.com")
    shop.get_done("customers.get_or_create", customer_id=name, stripe_id=in_stripe)
    return in_stripe


def invoices(shop: Organization, name: str) -> list[tuple[str, str, float]]:
    listed = shop.get_done("invoices.list", customer_id=name)["list"]
    return [(one["stripe_id"], one["status"], one["amount_paid"]) for one in listed]


def test_reports_in_reverse_and_twice_give_the_latest_state(
    shop: Organization, stripe: Stripe
) -> None:
    customer = linked(shop, stripe, "ada")
    with stripe.silence():
        draft = stripe.invoice(customer, LINE, then=["finalize", "fail", "pay"])
        reports = stripe.reports(draft["id"])
        backwards = [*reversed(reports.values()), *reports.values()]

        assert set(stripe.send(*backwards)) == {200}

    assert {"invoice.created", "invoice.payment_failed", "invoice.paid"} <= reports.keys()
    assert invoices(shop, "ada") == [(draft["id"], "paid", 20)]


def test_a_late_report_does_not_bring_an_old_state_back(shop: Organization, stripe: Stripe) -> None:
    customer = linked(shop, stripe, "bob")
    draft = stripe.invoice(customer, LINE, then=["finalize"])
    stripe.settle()
    assert invoices(shop, "bob") == [(draft["id"], "open", 0)]
    stripe.take("void", draft["id"])
    stripe.settle()

    assert stripe.send(stripe.reports(draft["id"])["invoice.finalized"]) == [200]

    assert invoices(shop, "bob") == [(draft["id"], "void", 0)]


def test_each_customer_has_its_own_invoices(shop: Organization, stripe: Stripe) -> None:
    cleo, dan = linked(shop, stripe, "cleo"), linked(shop, stripe, "dan")
    unpaid = stripe.invoice(cleo, LINE, then=["finalize", "mark_uncollectible"])
    paid = stripe.invoice(dan, LINE, then=["finalize", "pay"])
    stripe.invoice(stripe.customer("stranger@example.com"), LINE, then=["finalize"])
    stripe.settle()

    assert invoices(shop, "cleo") == [(unpaid["id"], "uncollectible", 0)]
    assert invoices(shop, "dan") == [(paid["id"], "paid", 20)]
    listed = shop.get_done("invoices.list", status=["paid", "uncollectible"])["list"]
    ours = {one["stripe_id"]: one["customer_id"] for one in listed}
    assert ours.items() >= {unpaid["id"]: "cleo", paid["id"]: "dan"}.items()


def report(stack: Stack, kind: str, about: dict[str, Any], secret: str) -> httpx.Response:
    """Send a report that `secret` signs."""
    event = {"id": "evt_1", "object": "event", "type": kind, "data": {"object": about}}
    body = json.dumps(event)
    signature = WebhookSignature.generate_signature_header(body, secret, int(time.time()))
    address = f"{stack.base_url}/webhooks/stripe"
    return httpx.post(address, content=body, headers={"stripe-signature": signature}, timeout=60)


def test_a_report_with_a_wrong_signature_is_refused(stack: Stack) -> None:
    refused = report(stack, "invoice.paid", {"id": "in_1", "object": "invoice"}, "whsec_wrong")
    unsigned = httpx.post(f"{stack.base_url}/webhooks/stripe", content="{}", timeout=60)

    for answer in (refused, unsigned):
        assert answer.status_code == 400
        assert answer.json()["code"] == "invalid_signature"


def test_a_report_that_is_not_for_us_is_taken_and_ignored(stack: Stack) -> None:
    about = {"id": "ch_1", "object": "charge"}

    answer = report(stack, "charge.succeeded", about, stack.secrets.webhook_secret)

    assert (answer.status_code, answer.json()) == (200, {"received": True})
