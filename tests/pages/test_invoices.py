"""The permanent addresses of invoices: where they lead, and whom they lead nowhere."""

from typing import Any

import pytest

from tests import harness
from tests.conftest import START, Call, Clock
from tests.pretended_stripe import Stripe, linked

HOSTED, PDF = "hosted_invoice_url", "pdf"
DAY = 86_400


def visit(invoice_id: str, kind: str = HOSTED) -> dict[str, Any]:
    """Open an address as a browser does, without a key."""
    event = harness.sample("pages/invoices")
    event["routeKey"] = f"GET /invoices/{kind}/{{invoice_id}}"
    event["rawPath"] = f"/invoices/{kind}/{invoice_id}"
    event["pathParameters"] = {"invoice_id": invoice_id}
    answered: dict[str, Any] = harness.handler("pages.invoices")(event, None)
    return answered


def location(invoice_id: str, kind: str = HOSTED) -> str:
    answered = visit(invoice_id, kind)
    assert answered["statusCode"] == 302, answered
    return str(answered["headers"]["location"])


def listed(call: Call) -> dict[str, Any]:
    (row,) = call("invoices.list").body["list"]
    return dict(row)


@pytest.fixture
def invoice(call: Call, stripe: Stripe) -> str:
    """An open invoice; its id at Stripe."""
    made = stripe.invoice(linked(call, stripe))
    stripe.step(made, "finalize")
    stripe.deliver(stripe.reports()[-1])
    return made


def addresses(stripe: Stripe, invoice: str) -> tuple[str, str]:
    token = stripe.double.account.get("invoice", invoice)["token"]
    return f"{stripe.double.url}/i/{token}", f"{stripe.double.url}/i/{token}/pdf"


def test_the_address_that_is_shown_leads_to_the_page(
    call: Call, stripe: Stripe, invoice: str
) -> None:
    shown = listed(call)

    assert shown["hosted_invoice_url"] == (
        f"https://api.example.com/invoices/hosted_invoice_url/{shown['id']}"
    )
    assert (location(shown["id"]), location(shown["id"], PDF)) == addresses(stripe, invoice)


@pytest.mark.usefixtures("invoice")
def test_a_customer_and_a_list_show_the_same_address(call: Call) -> None:
    viewed = call("customers.get", {"customer_id": "user_1", "expand": ["invoices"]}).body

    assert [one["hosted_invoice_url"] for one in viewed["invoices"]] == [
        listed(call)["hosted_invoice_url"]
    ]


@pytest.mark.usefixtures("invoice")
def test_a_domain_of_ones_own_is_shown(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLIC_BASE_URL", "https://billing.example.org/")

    address = listed(call)["hosted_invoice_url"]

    assert address.startswith("https://billing.example.org/invoices/hosted_invoice_url/inv_")


def test_an_address_that_ran_out_is_fetched_anew(
    call: Call, stripe: Stripe, clock: Clock, invoice: str
) -> None:
    shown, before = listed(call)["id"], addresses(stripe, invoice)
    stripe.double.account.get("invoice", invoice)["token"] = "later"
    clock.advance(seconds=7 * DAY - 1)
    assert location(shown) == before[0]

    clock.advance(seconds=1)

    assert location(shown) == f"{stripe.double.url}/i/later"
    assert location(shown, PDF) == f"{stripe.double.url}/i/later/pdf"


def test_while_stripe_does_not_answer_the_stored_address_has_to_do(
    call: Call, stripe: Stripe, clock: Clock, invoice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown, stored = listed(call)["id"], addresses(stripe, invoice)[0]
    clock.advance(days=40)
    monkeypatch.setenv("STRIPE_API_BASE", "http://127.0.0.1:9")

    assert location(shown) == stored


IMPORTED = {"customer_id": "user_1", "status": "paid", "total": 1, "created_at": START}


def test_an_imported_invoice_leads_to_what_was_given(call: Call) -> None:
    call("customers.get_or_create", {"customer_id": "user_1"})
    given = {"a": "https://billing.example.com/1?x=y", "b": None}
    body = [
        {**IMPORTED, "stripe_id": name, "hosted_invoice_url": text} for name, text in given.items()
    ]
    rows = call("invoices.insert", {"invoices": body}).body["invoices"]

    assert [visit(row["id"])["statusCode"] for row in rows] == [302, 404]
    assert location(rows[0]["id"]) == given["a"]


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "https://example.com/\r\nset-cookie: a=b"]
)
def test_an_invoice_is_not_imported_with_an_address_that_is_no_web_page(
    call: Call, address: str
) -> None:
    call("customers.get_or_create", {"customer_id": "user_1"})
    imported = {**IMPORTED, "stripe_id": "a", "hosted_invoice_url": address}

    refused = call("invoices.insert", {"invoices": [imported]})

    assert refused.status == 400
    assert "hosted_invoice_url" in refused.body["message"]
    assert call("invoices.list", {"customer_id": "user_1"}).body["list"] == []


@pytest.mark.usefixtures("table", "clock")
@pytest.mark.parametrize(
    "invoice_id", ["inv_" + "0" * 27, "inv_", "in_1", "", "x" * 3000, "inv_" + "#" * 27]
)
@pytest.mark.parametrize("kind", [HOSTED, PDF])
def test_what_is_no_invoice_is_not_found(invoice_id: str, kind: str) -> None:
    answered = visit(invoice_id, kind)

    assert answered["statusCode"] == 404
    assert answered["body"] == '{"message":"There is no such invoice","code":"invoice_not_found"}'


def test_a_draft_has_no_page(call: Call, stripe: Stripe) -> None:
    stripe.invoice(linked(call, stripe))
    stripe.deliver(stripe.reports()[-1])
    shown = listed(call)

    assert shown["hosted_invoice_url"] is None
    assert visit(shown["id"])["statusCode"] == 404


@pytest.mark.usefixtures("invoice")
def test_the_page_of_a_deleted_customer_is_closed_at_once(call: Call) -> None:
    shown = listed(call)["id"]
    assert call("customers.delete", {"customer_id": "user_1"}).status == 200

    assert visit(shown)["statusCode"] == 404


@pytest.mark.usefixtures("invoice")
def test_our_own_fault_is_a_500_that_tells_nothing(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = listed(call)["id"]
    monkeypatch.delenv("TABLE_NAME")
    event = harness.sample("pages/invoices")
    event["pathParameters"] = {}

    answered = harness.handler("pages.invoices")(event, None)

    assert (answered["statusCode"], shown in answered["body"]) == (500, False)
