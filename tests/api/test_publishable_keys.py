"""Publishable keys, which an application may show to anybody: what they open, and what not."""

import json
from typing import Any

import pytest

from orchard.domain import secrets
from orchard.store import keys
from orchard.store.table import Table
from orchard.triggers.auth import PUBLIC_ROUTES
from tests.builders import a_customer, a_feature, a_grant, left
from tests.conftest import Call, mint
from tests.harness import Response, handler, template
from tests.harness import call as call_with

CHECK = "POST /v1/check"
CUSTOMER = "GET /v1/customers/{customer_id}"
QUESTION = {"customer_id": "user_1", "feature_id": "messages"}


def routes() -> dict[str, str]:
    """Every route of the API with the operation that it leads to."""
    found = {}
    for resource in template()["Resources"].values():
        handled = resource.get("Properties", {}).get("Handler", "")
        if handled.startswith("api."):
            for event in resource["Properties"]["Events"].values():
                route = event["Properties"]
                operation = ".".join(handled.split(".")[1:3])
                found[f"{route['Method']} {route['Path']}"] = operation
    return found


ROUTES = routes()
CLOSED = sorted(set(ROUTES) - PUBLIC_ROUTES)


@pytest.fixture
def public(table: Table) -> str:
    return mint(table, "sandbox", "publishable")


@pytest.fixture
def customer(call: Call) -> None:
    a_feature(call)
    a_customer(call)
    a_grant(call, 100)


def asked(key: str, *, headers: dict[str, str] | None = None, **fields: Any) -> Response:
    body = QUESTION | fields
    return call_with("balances.check", body, key=key, route=CHECK, headers=headers)


def test_the_routes_that_are_open_exist() -> None:
    assert set(ROUTES) > PUBLIC_ROUTES


@pytest.mark.parametrize("route", ["POST /v1/check", "POST /v1/entitled"])
@pytest.mark.usefixtures("customer")
def test_it_opens_a_check(public: str, route: str) -> None:
    answered = call_with("balances.check", QUESTION, key=public, route=route)

    assert (answered.status, answered.body["allowed"]) == (200, True)
    assert answered.body["balance"]["remaining"] == 100


@pytest.mark.usefixtures("customer")
def test_it_opens_a_customer(public: str) -> None:
    path = {"customer_id": "user_1"}
    answered = call_with("customers.get", key=public, route=CUSTOMER, path=path)

    assert (answered.status, answered.body["id"]) == (200, "user_1")


@pytest.mark.parametrize("route", CLOSED)
def test_it_opens_nothing_else(public: str, route: str) -> None:
    answered = call_with(ROUTES[route], {}, key=public, route=route)

    assert (answered.status, answered.body) == (
        401,
        {"message": "Publishable keys are not accepted here", "code": "endpoint_not_public"},
    )


@pytest.mark.parametrize(
    "fields",
    [{"send_event": True}, {"lock": {"enabled": True, "lock_id": "lock"}}],
    ids=["send_event", "lock"],
)
@pytest.mark.usefixtures("customer")
def test_it_uses_nothing(call: Call, public: str, fields: dict[str, Any]) -> None:
    answered = asked(public, **fields)

    assert (answered.status, answered.body) == (
        400,
        {
            "message": "send_event and lock need a secret key",
            "code": "invalid_request",
            "env": "sandbox",
        },
    )
    assert left(call) == (100, 0)


@pytest.mark.parametrize("token", ["am_pk_test_" + "x" * 42, "am_pk_live_short", "am_pk_test"])
@pytest.mark.usefixtures("table")
def test_an_unknown_one_is_refused_by_its_own_code(token: str) -> None:
    answered = asked(token)

    assert (answered.status, answered.body["code"]) == (401, "invalid_publishable_key")
    assert answered.body["message"].startswith(f"Invalid publishable key: {token[:15]}")


def test_it_does_not_pass_for_the_secret_key_of_the_same_letters(public: str, key: str) -> None:
    for token in (public.replace("pk", "sk", 1), key.replace("sk", "pk", 1)):
        assert asked(token).status == 401


@pytest.mark.usefixtures("customer")
def test_its_environment_is_its_own(table: Table) -> None:
    answered = asked(mint(table, "live", "publishable"))

    assert (answered.status, answered.body["env"]) == (404, "live")


@pytest.mark.usefixtures("customer")
def test_strangers_cannot_use_up_the_idempotency_keys_of_the_server(
    call: Call, public: str
) -> None:
    headers = {"idempotency-key": "order_1"}

    assert [asked(public, headers=headers).status for _ in range(2)] == [200, 409]
    assert call("balances.track", QUESTION, headers=headers).status == 200


def test_an_operator_makes_one_and_it_is_stored_only_as_a_digest(table: Table) -> None:
    wanted = {"environment": "live", "name": "browser", "kind": "publishable"}
    made = handler("jobs.create_api_key")(wanted, None)

    assert made["key"].startswith("am_pk_live_")
    assert made["kind"] == "publishable"
    assert made["key"] not in json.dumps(table.client.scan(TableName=table.name)["Items"])
    assert asked(made["key"]).body["env"] == "live"


@pytest.mark.usefixtures("table")
def test_another_kind_of_key_is_not_made() -> None:
    wanted = {"environment": "live", "name": "browser", "kind": "public"}

    assert handler("jobs.create_api_key")(wanted, None)["code"] == "invalid_inputs"


def test_a_key_that_does_not_say_its_kind_is_secret(key: str, table: Table) -> None:
    place = keys.api_key(secrets.digest(key))
    table.client.update_item(
        TableName=table.name,
        Key={"pk": {"S": place.pk}, "sk": {"S": place.sk}},
        UpdateExpression="REMOVE kind",
    )

    assert call_with("customers.list", {}, key=key).status == 200
