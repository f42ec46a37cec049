"""Why something was changed: said in the body, or in headers."""

from typing import Any
from urllib.parse import quote

import httpx
import pytest
from autumn_sdk import Autumn

from orchard.store import keys
from orchard.store.statements import Item
from orchard.store.table import Table
from tests.builders import a_customer, a_feature, a_grant, a_plan
from tests.conftest import TENANT, Call, Clock
from tests.streams import recording

WHY = {"reason": "Refund after the outage", "reference": "TICKET-7"}
#: What each operation needs apart from its cause.
CHANGES: dict[str, dict[str, Any]] = {
    "balances.create": {"feature_id": "messages", "included_grant": 5},
    "balances.update": {"feature_id": "messages", "add_to_balance": 5},
    "balances.set": {"balances": [{"feature_id": "messages", "balance": 3}]},
    "balances.set_usage": {"feature_id": "messages", "value": 3},
    "balances.recalculate": {"feature_id": "messages"},
    "balances.delete": {"feature_id": "messages"},
    "customers.get_or_create": {"name": "Ada"},
    "customers.update": {"name": "Ada"},
    "entities.create": {"entity_id": "seat_2", "feature_id": "seats"},
    "entities.update": {
        "entity_id": "seat_1",
        "billing_controls": {"overage_allowed": [{"feature_id": "messages", "enabled": True}]},
    },
    "entities.delete": {"entity_id": "seat_1"},
    "billing.attach": {"plan_id": "extra"},
}
#: Those that say under which id the change is listed.
SPEAKING = [name for name in CHANGES if name.startswith("balances")]


@pytest.fixture(autouse=True)
def customer(call: Call) -> None:
    """A customer with a seat, and with a debt in one of two sources, which could be levelled."""
    a_feature(call)
    a_feature(call, "seats", consumable=False)
    a_plan(call, "extra", {"feature_id": "messages", "included": 5})
    a_customer(call, "user_1")
    a_grant(call, 100, balance_id="a")
    a_grant(call, 10, balance_id="b")
    debt = {"feature_id": "messages", "balance_id": "b", "remaining": -5}
    assert call("balances.update", {"customer_id": "user_1", **debt}).status == 200
    seat = {"entity_id": "seat_1", "feature_id": "seats"}
    assert call("entities.create", {"customer_id": "user_1", **seat}).status == 200


def change(call: Call, operation: str, **sent: Any) -> Any:
    headers = sent.pop("headers", None)
    body = {"customer_id": "user_1", **CHANGES[operation], **sent}
    answer = call(operation, body, headers=headers)
    assert answer.status == 200, answer.body
    return answer.body


def newest(table: Table) -> list[Item]:
    """All lines of the last change."""
    recording.catch_up(table)
    customer = table.get(keys.customer(TENANT, "user_1"))
    assert customer is not None
    found = recording.partition(table, keys.ledger(TENANT, customer["internal_id"]))
    changes = [item for item in found if item["sk"].startswith("CHANGE")]
    return [item for item in changes if item["id"] == changes[-1]["id"]]


def causes(lines: list[Item]) -> set[tuple[Any, Any]]:
    return {(line["reason"], line["reference"]) for line in lines}


@pytest.mark.parametrize("operation", CHANGES)
def test_whatever_changes_something_takes_a_reason_and_a_reference(
    call: Call, table: Table, clock: Clock, operation: str
) -> None:
    clock.advance(seconds=5)

    change(call, operation, **WHY)

    lines = newest(table)
    assert causes(lines) == {("Refund after the outage", "TICKET-7")}
    assert {line["at"] for line in lines} == {clock.now}


@pytest.mark.parametrize("operation", ["customers.get_or_create", "balances.update"])
def test_headers_say_it_for_clients_that_send_no_further_fields(
    call: Call, table: Table, clock: Clock, operation: str
) -> None:
    clock.advance(seconds=5)
    headers = {"x-orchard-reason": quote("Größe 100% geändert"), "x-orchard-reference": "order 9"}

    change(call, operation, headers=headers)

    assert causes(newest(table)) == {("Größe 100% geändert", "order 9")}


def test_the_body_wins_over_the_headers_field_by_field(
    call: Call, table: Table, clock: Clock
) -> None:
    clock.advance(seconds=5)
    headers = {"x-orchard-reason": "from the header", "x-orchard-reference": "A-1"}

    change(call, "balances.update", reason="from the body", reference=None, headers=headers)

    assert causes(newest(table)) == {("from the body", "A-1")}


def test_a_percent_sign_that_encodes_nothing_stands_for_itself(
    call: Call, table: Table, clock: Clock
) -> None:
    clock.advance(seconds=5)

    change(call, "balances.update", headers={"x-orchard-reason": "50% off, 5%"})

    assert causes(newest(table)) == {("50% off, 5%", None)}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("x-orchard-reason", "x" * 1001, "reason: must have at most 1000 characters"),
        ("x-orchard-reference", "x" * 256, "reference: must have at most 255 characters"),
        ("x-orchard-reason", "%ff%fe", "x-orchard-reason: must be percent-encoded UTF-8"),
    ],
)
def test_a_header_that_holds_no_cause_is_refused(
    call: Call, name: str, text: str, message: str
) -> None:
    body = {"customer_id": "user_1", "name": "Ada"}

    refused = call("customers.update", body, headers={name: text})

    assert (refused.status, refused.body["code"]) == (400, "invalid_inputs")
    assert refused.body["message"] == message
    assert call("customers.get", {"customer_id": "user_1"}).body["name"] is None


@pytest.mark.parametrize(("field", "most"), [("reason", 1000), ("reference", 255)])
def test_a_cause_has_a_length(call: Call, field: str, most: int) -> None:
    body = {"customer_id": "user_1", "name": "Ada"}

    assert call("customers.update", {**body, field: "ü" * (most + 1)}).status == 400
    assert call("customers.update", {**body, field: "ü" * most}).status == 200


def test_headers_mean_nothing_to_what_changes_nothing(call: Call) -> None:
    headers = {"x-orchard-reason": "%ff"}

    assert call("customers.get", {"customer_id": "user_1"}, headers=headers).status == 200


@pytest.mark.parametrize("operation", SPEAKING)
def test_an_edit_answers_the_id_of_its_change(
    call: Call, table: Table, clock: Clock, operation: str
) -> None:
    clock.advance(seconds=5)

    body = change(call, operation)

    assert body == {"success": True, "change_id": newest(table)[-1]["id"]}


def test_an_edit_that_changes_nothing_has_no_change(call: Call) -> None:
    body = change(call, "balances.update", add_to_balance=0)

    assert body == {"success": True, "change_id": None}


def test_who_is_made_on_the_way_is_made_for_the_same_cause(call: Call, table: Table) -> None:
    a_plan(call, auto_enable=True)
    body = {"customer_id": "user_2", "feature_id": "messages", "value": 3, **WHY}

    assert call("balances.set_usage", body).status == 200

    recording.catch_up(table)
    made = table.get(keys.customer(TENANT, "user_2"))
    assert made is not None
    assert (made["last"]["reason"], made["last"]["reference"]) == tuple(WHY.values())


def test_the_official_client_says_it_in_headers_and_takes_the_longer_answer(
    call: Call, key: str, table: Table, clock: Clock
) -> None:
    def answered(request: httpx.Request) -> httpx.Response:
        operation = request.url.path.rpartition("/")[2]
        sent = {name.lower(): text for name, text in request.headers.items()}
        answer = call(operation, request.content.decode(), headers=sent)
        return httpx.Response(answer.status, json=answer.body)

    http = httpx.Client(transport=httpx.MockTransport(answered))
    autumn = Autumn(secret_key=key, server_url="http://orchard.test", client=http)
    clock.advance(seconds=5)
    why = {"x-orchard-reason": quote("Für Ada"), "x-orchard-reference": "T-1"}

    done = autumn.balances.update(
        customer_id="user_1", feature_id="messages", add_to_balance=5, http_headers=why
    )

    assert done.success
    assert causes(newest(table)) == {("Für Ada", "T-1")}
