"""invoices.insert: each invoice once, all or nothing, and a repetition completes it."""

from typing import Any

import pytest

from orchard.store import invoices
from orchard.store.session import Session
from orchard.store.statements import Write
from orchard.store.table import Table
from tests.builders import a_customer, a_feature, a_plan
from tests.conftest import START, Call
from tests.pretended_stripe import Stripe, linked

KEY = {"idempotency-key": "once"}


@pytest.fixture(autouse=True)
def _customers(call: Call) -> None:
    a_feature(call)
    a_plan(call, "free", auto_enable=True)
    a_customer(call, customer_id="user_1")
    a_customer(call, customer_id="user_2")


def one(number: int = 1, **fields: Any) -> dict[str, Any]:
    return {
        "customer_id": "user_1",
        "stripe_id": f"in_legacy_{number}",
        "status": "paid",
        "total": 29.99,
        "created_at": START - number * 1000,
        **fields,
    }


def inserted(call: Call, *some: dict[str, Any]) -> list[dict[str, Any]]:
    answered = call("invoices.insert", {"invoices": list(some)})
    assert answered.status == 200, answered
    return list(answered.body["invoices"])


def refused(call: Call, *some: dict[str, Any]) -> tuple[int, str, str]:
    answered = call("invoices.insert", {"invoices": list(some)})
    return answered.status, answered.body["code"], answered.body["message"]


def listed(call: Call, **body: Any) -> list[dict[str, Any]]:
    return list(call("invoices.list", {**body, "limit": 1000}).body["list"])


def test_an_invoice_is_answered_and_listed_as_it_was_given(call: Call) -> None:
    given = {
        **one(),
        "plan_ids": ["free"],
        "amount_paid": 29.99,
        "refunded_amount": 5,
        "currency": "EUR",
        "processor_type": "revenuecat",
        "hosted_invoice_url": "https://billing.example.com/1?a=b c",
    }

    (row,) = inserted(call, given)

    assert row.pop("id").startswith("inv_")
    assert row == {**given, "currency": "eur"}
    (shown,) = listed(call, customer_id="user_1")
    assert {**shown, "id": ""} == {**row, "id": "", "entity_id": None}


def test_what_is_left_out_has_its_default(call: Call) -> None:
    (row,) = inserted(call, one())

    assert (row["plan_ids"], row["processor_type"], row["currency"]) == ([], "stripe", "usd")
    assert (row["amount_paid"], row["refunded_amount"]) == (None, 0)
    assert row["hosted_invoice_url"] is None
    assert "entity_id" not in row


def test_an_entity_is_kept_and_found_by(call: Call) -> None:
    a_feature(call, "seats", consumable=False)
    call("entities.create", {"customer_id": "user_1", "entity_id": "e1", "feature_id": "seats"})

    inserted(call, one(1, entity_id="e1"), one(2))

    (row,) = listed(call, customer_id="user_1", entity_id="e1")
    assert (row["stripe_id"], row["entity_id"]) == ("in_legacy_1", "e1")


def test_the_same_again_changes_nothing(call: Call) -> None:
    first = inserted(call, *(one(number) for number in range(5)))

    assert inserted(call, *(one(number) for number in range(5))) == first
    assert len(listed(call)) == 5


def test_a_known_invoice_keeps_its_id_and_takes_all_else(call: Call) -> None:
    (first,) = inserted(call, one(plan_ids=["free"], amount_paid=10, currency="eur"))
    changed = one(customer_id="user_2", total=7, status="void", created_at=START)

    (second,) = inserted(call, changed)

    assert second["id"] == first["id"]
    assert (second["plan_ids"], second["amount_paid"], second["currency"]) == ([], None, "usd")
    (row,) = listed(call)
    assert (row["customer_id"], row["total"], row["created_at"]) == ("user_2", 7, START)
    assert listed(call, customer_id="user_1") == []


def test_answers_come_in_the_order_of_the_request_however_many(call: Call) -> None:
    some = [one(number, total=number) for number in range(60)][::-1]

    rows = inserted(call, *some)

    assert [row["total"] for row in rows] == list(range(60))[::-1]
    assert len({row["id"] for row in rows}) == 60
    assert [row["stripe_id"] for row in listed(call)] == [f"in_legacy_{n}" for n in range(60)]


def test_an_internal_id_names_a_customer_too(call: Call) -> None:
    body = {"customer_id": "user_2", "with_autumn_id": True}
    internal_id = call("customers.get", body).body["autumn_id"]

    (row,) = inserted(call, one(customer_id=internal_id))

    assert row["customer_id"] == internal_id
    assert len(listed(call, customer_id="user_2")) == 1


def test_nothing_is_nothing(call: Call) -> None:
    assert inserted(call) == []


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"customer_id": "nobody"}, "customers nobody"),
        ({"customer_id": "cus_nobody"}, "customers cus_nobody"),
        ({"plan_ids": ["free", "gone"]}, "plans gone"),
        ({"entity_id": "seat_9"}, "entities seat_9"),
    ],
)
def test_one_unknown_name_lets_nothing_be_written(
    call: Call, wrong: dict[str, Any], named: str
) -> None:
    some = [one(number) for number in range(30)]

    assert refused(call, *some, one(99, **wrong)) == (
        400,
        "invalid_request",
        f"Nothing was inserted: unknown {named}",
    )
    assert listed(call) == []


def test_all_unknown_names_are_told_at_once_but_not_too_many(call: Call) -> None:
    some = [one(number, customer_id=f"n{number:02}", plan_ids=["x"]) for number in range(12)]

    message = refused(call, *some)[2]

    assert message.endswith(
        "unknown customers "
        + ", ".join([*(f"n{number:02}" for number in range(10)), "and 2 more"])
        + "; plans x"
    )


def test_an_invoice_twice_in_a_request_is_refused(call: Call) -> None:
    assert refused(call, one(1), one(2), one(1)) == (
        400,
        "invalid_inputs",
        "invoices: stripe_id in_legacy_1 is given more than once",
    )


def test_more_than_five_hundred_are_refused(call: Call) -> None:
    status, code, message = refused(call, *(one(number) for number in range(501)))

    assert (status, code) == (400, "invalid_inputs")
    assert message == "invoices: must have at most 500 entries"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("status", "lost"),
        ("hosted_invoice_url", "javascript:alert(1)"),
        ("total", "12"),
        ("created_at", -1),
        ("stripe_id", ""),
        ("currency", "euro"),
        ("processor_type", "paypal"),
    ],
)
def test_a_wrong_field_is_named(call: Call, field: str, value: object) -> None:
    status, code, message = refused(call, {**one(), field: value})

    assert (status, code) == (400, "invalid_inputs")
    assert message.startswith(f"invoices.0.{field}: ")


class Cut(Exception):
    """The process ends."""


@pytest.mark.parametrize("survived", range(3))
def test_a_repetition_after_a_crash_completes_what_is_missing(
    call: Call, table: Table, monkeypatch: pytest.MonkeyPatch, survived: int
) -> None:
    """Killed between two transactions: the key is free, and ids that were given stay."""
    some = [one(number) for number in range(60)]
    left = survived
    transact = table.transact

    def cut(writes: list[Write]) -> None:
        nonlocal left
        if left == 0:
            raise Cut
        left -= 1
        transact(writes)

    with monkeypatch.context() as patched:
        patched.setattr(table, "transact", cut)
        assert call("invoices.insert", {"invoices": some}, headers=KEY).status == 500
    partial = {row["stripe_id"]: row["id"] for row in listed(call)}
    assert len(partial) == 24 * survived

    answered = call("invoices.insert", {"invoices": some}, headers=KEY)

    assert answered.status == 200
    ids = {row["stripe_id"]: row["id"] for row in answered.body["invoices"]}
    assert ids == ids | partial
    assert {row["stripe_id"]: row["id"] for row in listed(call)} == ids
    assert call("invoices.insert", {"invoices": some}, headers=KEY).status == 409


def test_what_stripe_reports_takes_the_place_of_what_was_inserted(
    call: Call, stripe: Stripe, session: Session
) -> None:
    customer = linked(call, stripe, "user_1")
    made = stripe.invoice(customer)
    (first,) = inserted(call, one(stripe_id=made, customer_id="user_2", created_at=START + 5))

    stripe.step(made, "finalize")
    stripe.deliver(stripe.reports("invoice.")[-1])

    (row,) = listed(call)
    assert (row["id"], row["customer_id"], row["status"]) == (first["id"], "user_1", "open")
    assert row["hosted_invoice_url"].endswith(f"/invoices/hosted_invoice_url/{first['id']}")
    assert len(invoices.find(session, [made])) == 1


def test_an_inserted_invoice_does_not_wait_for_stripe(call: Call, stripe: Stripe) -> None:
    customer = linked(call, stripe, "user_1")
    made = stripe.invoice(customer)
    stripe.deliver(stripe.reports("invoice.created")[-1])

    (row,) = inserted(call, one(stripe_id=made, hosted_invoice_url="https://example.com/x"))

    assert row["hosted_invoice_url"] == "https://example.com/x"
    assert [shown["total"] for shown in listed(call)] == [29.99]
