"""A customer that was changed at Stripe: its name and address follow, and nothing is cleared."""

from typing import Any

import pytest
import requests

from orchard.store.table import Table
from tests.builders import a_customer
from tests.conftest import Call, Clock
from tests.pretended_stripe import Stripe, linked
from tests.streams import recording

ID = {"customer_id": "user_1"}


def changed(stripe: Stripe, customer: str, **fields: str) -> dict[str, Any]:
    """Change the customer in Stripe's own dashboard; return the report."""
    answered = requests.post(
        f"{stripe.double.url}/v1/customers/{customer}",
        data=fields,
        headers={"authorization": "Bearer sk_test_pretended"},
        timeout=10,
    )
    assert answered.status_code == 200, answered.text
    return stripe.reports("customer.updated")[-1]


def shown(call: Call) -> tuple[str | None, str | None]:
    body = call("customers.get", ID).body
    return body["name"], body["email"]


@pytest.fixture
def customer(call: Call, stripe: Stripe) -> str:
    stripe_id = stripe.customer(name="Ada", email="ada@example.com")
    a_customer(call, name="Ada", email="ada@example.com", stripe_id=stripe_id)
    return stripe_id


def test_what_was_changed_follows(call: Call, stripe: Stripe, customer: str) -> None:
    stripe.deliver(changed(stripe, customer, name="Ada King"))
    assert shown(call) == ("Ada King", "ada@example.com")

    stripe.deliver(changed(stripe, customer, email="king@example.com"))
    assert shown(call) == ("Ada King", "king@example.com")


def test_what_is_there_now_counts_whichever_report_comes(
    call: Call, stripe: Stripe, customer: str
) -> None:
    first = changed(stripe, customer, name="Bea")
    second = changed(stripe, customer, name="Cid")
    for event in (second, first, first):
        stripe.deliver(event)

    assert shown(call) == ("Cid", "ada@example.com")


def test_nothing_is_cleared(call: Call, stripe: Stripe, customer: str) -> None:
    stripe.deliver(changed(stripe, customer, name="", email=""))

    assert shown(call) == ("Ada", "ada@example.com")


def test_what_was_not_changed_there_stays_as_it_is_here(call: Call, stripe: Stripe) -> None:
    customer = linked(call, stripe)
    call("customers.update", {**ID, "name": "Ours"})
    requests.post(
        f"{stripe.double.url}/v1/customers/{customer}",
        data={"name": "Theirs"},
        headers={"authorization": "Bearer sk_test_pretended"},
        timeout=10,
    )

    stripe.deliver(changed(stripe, customer, description="Enterprise"))

    assert shown(call)[0] == "Ours"


def test_our_own_change_is_no_news(call: Call, stripe: Stripe, customer: str) -> None:
    call("customers.update", {**ID, "name": "Bea"})
    event = stripe.reports("customer.updated")[-1]
    changed(stripe, customer, name="Meanwhile")

    stripe.deliver(event)

    assert event["request"]["idempotency_key"].startswith("orchard:")
    assert shown(call)[0] == "Bea"


def test_the_change_is_told_with_its_actor(
    call: Call, stripe: Stripe, table: Table, clock: Clock, customer: str
) -> None:
    clock.advance(seconds=1)
    stripe.deliver(changed(stripe, customer, name="Bea"))
    recording.catch_up(table)

    (newest, *_) = call("changes.list", ID).body["list"]

    assert (newest["action"], newest["actor"]["type"]) == ("customers.update", "stripe")
    assert (newest["before"], newest["after"]) == ({"name": "Ada"}, {"name": "Bea"})


def test_an_address_stays_that_of_one_customer_without_an_id(call: Call, stripe: Stripe) -> None:
    for email in ("ada@example.com", "bea@example.com"):
        call("customers.get_or_create", {"customer_id": None, "email": email})
    ada = call(
        "customers.get_or_create",
        {"customer_id": None, "email": "ada@example.com", "with_autumn_id": True},
    ).body["autumn_id"]
    stripe_id = stripe.customer(name="Ada", email="ada@example.com")
    call("customers.update", {"customer_id": ada, "stripe_id": stripe_id})

    event = changed(stripe, stripe_id, name="Ada King", email="bea@example.com")

    assert stripe.deliver(event).status == 200
    view = call("customers.get", {"customer_id": ada}).body
    assert (view["name"], view["email"]) == ("Ada King", "ada@example.com")


@pytest.mark.usefixtures("table")
def test_a_customer_of_nobody_is_acknowledged(stripe: Stripe) -> None:
    event = changed(stripe, stripe.customer(name="Ada"), name="Bea")

    assert stripe.deliver(event).status == 200
