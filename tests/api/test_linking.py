"""Customers and their Stripe customers: linked, followed, created, deleted; nothing half done."""

import pytest

from local import processes
from orchard.gateways import stripe_client
from tests.builders import a_customer
from tests.conftest import Call
from tests.pretended_stripe import SECRETS, Stripe, linked

KEY = {"idempotency-key": "K"}


@pytest.fixture
def broken_stripe(stripe: Stripe, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing answers where Stripe should be."""
    del stripe
    monkeypatch.setenv("STRIPE_API_BASE", f"http://127.0.0.1:{processes.free_port()}")
    stripe_client.forget()


def at_stripe(call: Call, stripe_id: str) -> str | None:
    """The customer that a report for this Stripe customer would find."""
    found = call("customers.list", {"processors": ["stripe"]}).body["list"]
    return next((one["id"] for one in found if one["stripe_id"] == stripe_id), None)


def test_a_linked_customer_shows_its_processor(call: Call, stripe: Stripe) -> None:
    stripe_id = linked(call, stripe)

    view = call("customers.get", {"customer_id": "user_1"}).body
    assert view["stripe_id"] == stripe_id
    assert view["processors"] == {"stripe": {"id": stripe_id}}
    assert at_stripe(call, stripe_id) == "user_1"


@pytest.mark.parametrize("nothing", [None, ""])
def test_a_link_is_dropped(call: Call, stripe: Stripe, nothing: str | None) -> None:
    stripe_id = linked(call, stripe)

    view = call("customers.update", {"customer_id": "user_1", "stripe_id": nothing}).body
    assert (view["stripe_id"], "processors" in view) == (None, False)
    a_customer(call, "user_2")
    body = {"customer_id": "user_2", "stripe_id": stripe_id}
    assert call("customers.update", body).body["stripe_id"] == stripe_id


@pytest.mark.usefixtures("stripe")
def test_a_stripe_customer_must_exist_to_be_linked(call: Call) -> None:
    a_customer(call)

    answered = call("customers.update", {"customer_id": "user_1", "stripe_id": "cus_none"})
    assert (answered.status, answered.body["code"]) == (400, "stripe_error")
    assert answered.body["message"].startswith("(Stripe Error) No such customer")
    assert call("customers.get", {"customer_id": "user_1"}).body["stripe_id"] is None


def test_a_stripe_customer_belongs_to_one_customer(call: Call, stripe: Stripe) -> None:
    stripe_id = linked(call, stripe)
    a_customer(call, "user_2")

    answered = call("customers.update", {"customer_id": "user_2", "stripe_id": stripe_id})
    assert (answered.status, answered.body["code"]) == (409, "invalid_request")
    made = call("customers.get_or_create", {"customer_id": "user_3", "stripe_id": stripe_id})
    assert (made.status, made.body["code"]) == (409, "invalid_request")
    assert call("customers.get", {"customer_id": "user_3"}).status == 404


def test_a_new_name_reaches_stripe_and_a_cleared_one_too(call: Call, stripe: Stripe) -> None:
    linked(call, stripe)

    for name in ("Ada King", None):
        call("customers.update", {"customer_id": "user_1", "name": name})
        changed = stripe.reports("customer.updated")[-1]["data"]["object"]
        assert (changed["name"] or None) == name


def unseen(call: Call, **fields: str) -> None:
    """A linked customer of whom Stripe can't be asked what it pays for already: it is there."""
    body = {"customer_id": "user_1", "stripe_id": "cus_known", **fields}
    assert call("customers.get_or_create", body).status == 503


def test_a_name_that_stripe_does_not_take_is_not_stored(
    call: Call, stripe: Stripe, broken_stripe: None
) -> None:
    del broken_stripe
    unseen(call, name="Ada")

    answered = call("customers.update", {"customer_id": "user_1", "name": "Eve"}, headers=KEY)
    assert answered.status == 503
    assert call("customers.get", {"customer_id": "user_1"}).body["name"] == "Ada"
    assert not stripe.reports("customer.updated")


def test_a_stripe_customer_is_created_once(call: Call, stripe: Stripe) -> None:
    body = {"customer_id": "user_1", "name": "Ada", "create_in_stripe": True}

    views = [call("customers.get_or_create", body).body for _ in range(3)]
    assert len({view["stripe_id"] for view in views}) == 1
    assert views[0]["stripe_id"].startswith("cus_")
    assert len(stripe.reports("customer.created")) == 1


def test_a_key_is_free_again_when_stripe_failed(
    call: Call, stripe: Stripe, parameter_store: object
) -> None:
    """The customer stays, as creating it again would find it; the repetition goes on."""
    body = {"customer_id": "user_1", "create_in_stripe": True}
    name = "/orchard/stripe/sandbox/secret_key"
    parameter_store.delete_parameter(Name=name)  # type: ignore[attr-defined]  # a client of moto
    assert call("customers.get_or_create", body, headers=KEY).body["code"] == "stripe_error"

    value = SECRETS["sandbox/secret_key"]
    parameter_store.put_parameter(Name=name, Value=value, Type="SecureString")  # type: ignore[attr-defined]  # same
    stripe_client.forget()
    answers = [call("customers.get_or_create", body, headers=KEY) for _ in range(2)]
    assert [answer.status for answer in answers] == [200, 409]
    assert len(stripe.reports("customer.created")) == 1


def test_stripe_is_left_alone_when_a_customer_is_deleted(call: Call, stripe: Stripe) -> None:
    linked(call, stripe)

    answered = call("customers.delete", {"customer_id": "user_1"}).body
    assert (answered["success"], answered["receipt"]["stripe"]["outcome"]) == (True, "kept")
    assert stripe.reports("customer.deleted") == []


def test_it_is_deleted_there_on_request(call: Call, stripe: Stripe) -> None:
    linked(call, stripe)
    body = {"customer_id": "user_1", "delete_in_stripe": True}

    answered = call("customers.delete", body).body
    assert (answered["success"], answered["receipt"]["stripe"]["outcome"]) == (True, "done")
    assert len(stripe.reports("customer.deleted")) == 1


def test_a_failure_of_stripe_is_told_and_deletes_nothing_yet(
    call: Call, stripe: Stripe, broken_stripe: None
) -> None:
    del stripe, broken_stripe
    unseen(call)
    body = {"customer_id": "user_1", "delete_in_stripe": True}

    answered = call("customers.delete", body, headers=KEY)
    assert (answered.status, answered.body["success"]) == (200, False)
    assert answered.body["receipt"]["stripe"]["outcome"] == "retried"
    assert call("customers.get", {"customer_id": "user_1"}).body["status"] == "deleting"
