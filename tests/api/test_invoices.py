"""invoices.list: filters, order, pages and refusals."""

import base64
import json
from functools import partial
from typing import Any

import pytest

from orchard.store.table import Table
from tests import harness
from tests.conftest import START, Call, Clock, mint
from tests.pretended_stripe import Stripe, linked


@pytest.fixture
def invoices(call: Call, stripe: Stripe, clock: Clock) -> dict[str, list[str]]:
    """Five invoices of each of two customers, taking turns a minute apart; oldest first."""
    customers = {name: linked(call, stripe, name) for name in ("user_1", "user_2")}
    made: dict[str, list[str]] = {name: [] for name in customers}
    for steps in ((), ("finalize",), ("finalize", "pay"), ("finalize", "void"), ("finalize",)):
        for name, customer in customers.items():
            clock.advance(seconds=60)
            invoice = stripe.invoice(customer)
            stripe.step(invoice, *steps)
            made[name].append(invoice)
            stripe.deliver(stripe.reports("invoice.created")[-1])
    return made


def shown(call: Call, **body: Any) -> list[str]:
    answered = call("invoices.list", body)
    assert answered.status == 200, answered
    return [row["stripe_id"] for row in answered.body["list"]]


def refused(call: Call, **body: Any) -> tuple[int, str, str]:
    answered = call("invoices.list", body)
    return answered.status, answered.body["code"], answered.body["message"]


def test_a_row_has_every_field_of_the_contract(call: Call, stripe: Stripe) -> None:
    customer = linked(call, stripe)
    line = {"description": "Pro", "amount": 1600, "metadata": {"orchard_plan_id": "pro"}}
    invoice = stripe.invoice(customer, lines=[line])
    stripe.step(invoice, "finalize", "pay")
    stripe.deliver(stripe.reports()[0])

    (row,) = call("invoices.list", {"customer_id": "user_1"}).body["list"]

    address = row.pop("hosted_invoice_url")
    assert address.startswith("https://api.example.com/invoices/hosted_invoice_url/inv_")
    assert row.pop("id").startswith("inv_")
    assert row == {
        "customer_id": "user_1",
        "entity_id": None,
        "plan_ids": ["pro"],
        "stripe_id": invoice,
        "processor_type": "stripe",
        "status": "paid",
        "total": 16,
        "amount_paid": 16,
        "refunded_amount": 0,
        "currency": "usd",
        "created_at": START,
    }


def test_the_invoices_of_a_customer_come_newest_first(
    call: Call, invoices: dict[str, list[str]]
) -> None:
    assert shown(call, customer_id="user_1") == invoices["user_1"][::-1]


def test_the_invoices_of_all_customers_come_newest_first(
    call: Call, invoices: dict[str, list[str]]
) -> None:
    pairs = zip(invoices["user_1"], invoices["user_2"], strict=True)

    assert shown(call) == [one for pair in pairs for one in pair][::-1]


def test_each_invoice_of_the_tenant_names_its_customer(
    call: Call, invoices: dict[str, list[str]]
) -> None:
    rows = call("invoices.list").body["list"]

    for row in rows:
        assert row["stripe_id"] in invoices[row["customer_id"]]


@pytest.mark.parametrize("body", [{}, {"customer_id": "user_1"}])
@pytest.mark.parametrize("limit", [1, 3, 5])
@pytest.mark.usefixtures("invoices")
def test_pages_hold_everything_once(call: Call, body: dict[str, Any], limit: int) -> None:
    seen: list[str] = []
    cursor = ""
    while cursor is not None:
        page = call("invoices.list", {**body, "limit": limit, "start_cursor": cursor}).body
        assert len(page["list"]) <= limit
        seen += [row["stripe_id"] for row in page["list"]]
        cursor = page["next_cursor"]

    assert seen == shown(call, **body)


@pytest.mark.parametrize("limit", [1, 2])
@pytest.mark.parametrize("body", [{}, {"customer_id": "user_1"}])
@pytest.mark.usefixtures("invoices")
def test_pages_of_a_filtered_list_hold_everything_once(
    call: Call, body: dict[str, Any], limit: int
) -> None:
    wanted = {**body, "status": ["open", "paid"]}
    seen: list[str] = []
    cursor = ""
    while cursor is not None:
        page = call("invoices.list", {**wanted, "limit": limit, "start_cursor": cursor}).body
        seen += [row["stripe_id"] for row in page["list"]]
        cursor = page["next_cursor"]

    assert seen == shown(call, **wanted)
    assert len(seen) == (3 if body else 6)


def test_invoices_of_the_same_second_are_all_on_some_page(call: Call, stripe: Stripe) -> None:
    customer = linked(call, stripe)
    made = [stripe.invoice(customer) for _ in range(5)]
    for event in stripe.reports():
        stripe.deliver(event)

    first = call("invoices.list", {"limit": 3}).body
    second = call("invoices.list", {"limit": 3, "start_cursor": first["next_cursor"]}).body

    seen = [row["stripe_id"] for row in first["list"] + second["list"]]
    assert seen == sorted(made, reverse=True)
    assert second["next_cursor"] is None


def test_an_invoice_made_while_pages_are_read_moves_nothing(
    call: Call, stripe: Stripe, clock: Clock, invoices: dict[str, list[str]]
) -> None:
    first = call("invoices.list", {"customer_id": "user_1", "limit": 2}).body
    clock.advance(seconds=60)
    customer = stripe.reports("customer.created")[0]["data"]["object"]["id"]
    stripe.invoice(customer)
    stripe.deliver(stripe.reports("invoice.created")[-1])

    rest = {"customer_id": "user_1", "start_cursor": first["next_cursor"]}

    assert shown(call, **rest) == invoices["user_1"][2::-1]


def test_a_cursor_has_the_documented_form(call: Call, invoices: dict[str, list[str]]) -> None:
    cursor = call("invoices.list", {"limit": 1}).body["next_cursor"]

    content = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    assert content == {"v": 0, "id": invoices["user_2"][-1], "t": START + 600_000}


@pytest.mark.parametrize(
    ("status", "places"),
    [
        (["draft"], [0]),
        (["open"], [4, 1]),
        (["paid"], [2]),
        (["void"], [3]),
        (["uncollectible"], []),
        (["paid", "open"], [4, 2, 1]),
        ([], [4, 3, 2, 1, 0]),
    ],
)
def test_only_invoices_of_the_states_asked_for_are_shown(
    call: Call, invoices: dict[str, list[str]], status: list[str], places: list[int]
) -> None:
    wanted = [invoices["user_1"][place] for place in places]

    assert shown(call, customer_id="user_1", status=status) == wanted
    of_tenant = shown(call, status=status)
    assert [one for one in of_tenant if one in invoices["user_1"]] == wanted
    assert len(of_tenant) == 2 * len(wanted)


@pytest.mark.usefixtures("invoices")
def test_only_invoices_of_the_processors_asked_for_are_shown(call: Call) -> None:
    assert len(shown(call, processor_types=["stripe"])) == 10
    assert len(shown(call, processor_types=["stripe", "revenuecat"])) == 10
    assert shown(call, processor_types=["revenuecat"]) == []
    assert len(shown(call, processor_types=["stripe"], status=["paid"])) == 2


def test_a_customer_is_found_by_its_internal_id_too(
    call: Call, invoices: dict[str, list[str]]
) -> None:
    body = {"customer_id": "user_1", "with_autumn_id": True}
    internal_id = call("customers.get", body).body["autumn_id"]

    assert shown(call, customer_id=internal_id) == invoices["user_1"][::-1]


def test_a_customer_without_an_id_is_shown_as_null(call: Call, stripe: Stripe) -> None:
    created = call(
        "customers.get_or_create",
        {"customer_id": None, "email": "ada@example.com", "with_autumn_id": True},
    ).body
    stripe_id = stripe.customer(name="Ada")
    link = {"customer_id": created["autumn_id"], "stripe_id": stripe_id}
    assert call("customers.update", link).status == 200
    stripe.invoice(stripe_id)
    stripe.deliver(stripe.reports()[0])

    for body in ({}, {"customer_id": created["autumn_id"]}):
        (row,) = call("invoices.list", body).body["list"]
        assert row["customer_id"] is None


def test_a_deleted_customer_takes_its_invoices_along(
    call: Call, invoices: dict[str, list[str]]
) -> None:
    assert call("customers.delete", {"customer_id": "user_1"}).status == 200

    assert shown(call) == invoices["user_2"][::-1]
    assert shown(call, limit=2) == invoices["user_2"][:-3:-1]
    assert refused(call, customer_id="user_1")[:2] == (404, "customer_not_found")

    # A new customer under the same id is somebody else.
    call("customers.get_or_create", {"customer_id": "user_1"})
    assert shown(call, customer_id="user_1") == []


def test_nothing_to_show_is_an_empty_page(call: Call) -> None:
    assert call("invoices.list").body == {"list": [], "next_cursor": None}


def test_an_unknown_customer_is_not_found(call: Call) -> None:
    assert refused(call, customer_id="nobody") == (
        404,
        "customer_not_found",
        "Customer nobody not found",
    )


def test_an_entity_needs_its_customer(call: Call) -> None:
    status, code, message = refused(call, entity_id="seat_1")

    assert (status, code) == (400, "invalid_inputs")
    assert message == "entity_id needs customer_id: entities are told apart within a customer"


@pytest.mark.usefixtures("invoices")
def test_an_unknown_entity_is_not_found(call: Call) -> None:
    assert refused(call, customer_id="user_1", entity_id="seat_1")[:2] == (404, "entity_not_found")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"status": ["lost"]}, "status.0: must be one of: draft, open, paid, void, uncollectible"),
        ({"status": "paid"}, "status: must be an array (received string)"),
        ({"processor_types": ["paypal"]}, "processor_types.0: must be one of: stripe, revenuecat"),
        ({"limit": 0}, "limit: must be between 1 and 5000"),
        ({"limit": 5001}, "limit: must be between 1 and 5000"),
        ({"limit": "many"}, "limit: must be a number (received string)"),
        ({"customer_id": ""}, "customer_id: can't be an empty string"),
        ({"start_cursor": 1}, "start_cursor: must be a string (received number)"),
    ],
)
def test_a_wrong_field_is_named(call: Call, body: dict[str, Any], message: str) -> None:
    assert refused(call, **body) == (400, "invalid_inputs", message)


def test_a_page_may_hold_a_thousand_at_most(call: Call) -> None:
    assert shown(call, limit=1000) == []
    assert refused(call, limit=1001) == (
        400,
        "invalid_request",
        "limit 1001 exceeds max of 1000 for this org",
    )


@pytest.mark.parametrize("cursor", ["nonsense", "e30", "W10", "ZZ==", "{}"])
def test_what_is_no_cursor_is_refused(call: Call, cursor: str) -> None:
    assert refused(call, start_cursor=cursor)[:2] == (400, "invalid_cursor")


def test_a_cursor_of_another_list_still_marks_a_time(
    call: Call, invoices: dict[str, list[str]]
) -> None:
    content = {"v": 0, "id": "someone else's", "t": START + 300_000}
    cursor = base64.urlsafe_b64encode(json.dumps(content).encode()).decode()

    assert shown(call, customer_id="user_1", start_cursor=cursor) == invoices["user_1"][2::-1]


def test_environments_do_not_see_each_other(table: Table, invoices: dict[str, list[str]]) -> None:
    live: Call = partial(harness.call, key=mint(table, "live"))

    assert len(invoices) == 2
    assert shown(live) == []
