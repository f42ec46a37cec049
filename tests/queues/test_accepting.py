"""Usage that is recorded later: what is accepted, what is refused, and what is queued."""

import json
from decimal import Decimal
from typing import Any

import pytest

from orchard.errors import Unavailable
from orchard.gateways import aws
from tests.builders import a_feature
from tests.conftest import START, TENANT, Call
from tests.queues.conftest import Queue

ITEM = {"customer_id": "user_1", "feature_id": "messages"}


@pytest.fixture(autouse=True)
def _offer(call: Call, queue: Queue) -> None:
    del queue
    a_feature(call, event_names=["sent"])


def test_a_batch_is_queued_with_what_its_request_knows(call: Call, queue: Queue) -> None:
    items = [{**ITEM, "value": 0.1, "properties": {"size": 1.5}}, {**ITEM, "timestamp": 5}]

    answered = call("balances.batch_track", items)

    assert (answered.status, answered.body) == (200, {"success": True})
    (message,) = queue.bodies()
    first, second = message.pop("items")
    assert message == {
        "tenant": TENANT,
        "environment": "sandbox",
        "actor": "key:tests",
        "request_id": "sample-request",
        "accepted_at": START,
    }
    assert first.pop("event_id").startswith("evt_")
    assert first == {**ITEM, "value": "0.1", "properties": {"size": 1.5}, "timestamp": START}
    assert second["timestamp"] == 5


@pytest.mark.parametrize(
    ("version", "status"),
    [("2.3", 200), ("1.4", 200), ("2025-04-17", 200), ("2.4.0", 202), ("2.5", 202)],
)
def test_a_batch_has_the_status_that_clients_of_the_version_expect(
    call: Call, queue: Queue, version: str, status: int
) -> None:
    del queue

    answered = call("balances.batch_track", [ITEM], headers={"x-api-version": version})

    assert (answered.status, answered.body) == (status, {"success": True})


@pytest.mark.parametrize("value", ["0.1234567891", "-3", "1000000000000000", "0", "1e-10"])
def test_an_amount_is_queued_exactly(call: Call, queue: Queue, value: str) -> None:
    body = f'[{{"customer_id": "user_1", "feature_id": "messages", "value": {value}}}]'

    assert call("balances.batch_track", body).status == 200

    (message,) = queue.bodies()
    assert Decimal(message["items"][0]["value"]) == Decimal(value)


@pytest.mark.parametrize("body", ["", "{", "null", '{"customer_id": "user_1"}', '"text"'])
def test_a_body_that_is_no_array_is_refused(call: Call, body: str) -> None:
    answered = call("balances.batch_track", body)

    assert (answered.status, answered.body["code"]) == (400, "invalid_inputs")
    assert answered.body["message"].startswith("body: must be an array (received ")


@pytest.mark.parametrize("count", [0, 1001])
def test_a_batch_has_one_to_a_thousand_items(call: Call, queue: Queue, count: int) -> None:
    answered = call("balances.batch_track", [ITEM] * count)

    assert (answered.status, answered.body["code"]) == (400, "invalid_inputs")
    assert answered.body["message"].startswith("body: must have at ")
    assert queue.bodies() == []


@pytest.mark.parametrize(
    ("item", "sentence"),
    [
        ({**ITEM, "value": "much"}, "[1].value: must be a number (received string)"),
        ({"feature_id": "messages"}, "[1].customer_id: is required"),
        ("text", "[1]: must be an object (received string)"),
        ({"customer_id": "user_1"}, "[1]: Either feature_id or event_name must be provided"),
        (
            {**ITEM, "timestamp": START + 1},
            "[1].timestamp: must be a past time in milliseconds",
        ),
        (
            {**ITEM, "lock": {"lock_id": 5, "enabled": True}},
            "[1].lock.lock_id: must be a string (received number)",
        ),
    ],
)
def test_one_bad_item_refuses_the_batch_and_is_named(
    call: Call, queue: Queue, item: Any, sentence: str
) -> None:
    answered = call("balances.batch_track", [ITEM, item])

    assert (answered.status, answered.body["code"]) == (400, "invalid_inputs")
    assert answered.body["message"] == sentence
    assert queue.bodies() == []


def test_of_very_many_faults_some_are_named(call: Call) -> None:
    answered = call("balances.batch_track", [{}] * 1000)

    assert answered.body["message"].endswith("; and 950 more")


def test_what_can_only_be_refused_later_is_refused_now(call: Call, queue: Queue) -> None:
    item = {"customer_id": "user_1", "event_name": "sent", "overage_behavior": "reject"}

    answered = call("balances.batch_track", [item])

    assert (answered.status, answered.body["code"]) == (400, "invalid_request")
    assert queue.bodies() == []


@pytest.mark.parametrize(
    ("name", "code"),
    [({"feature_id": "calls"}, "feature_not_found"), ({"event_name": "seen"}, "invalid_request")],
)
def test_an_unknown_name_refuses_the_whole_batch(
    call: Call, queue: Queue, name: dict[str, str], code: str
) -> None:
    answered = call("balances.batch_track", [ITEM, {"customer_id": "user_1", **name}])

    assert (answered.status, answered.body["code"]) == (404, code)
    assert queue.bodies() == []


def test_a_feature_made_a_moment_ago_is_known(call: Call, queue: Queue) -> None:
    call("balances.batch_track", [ITEM])
    a_feature(call, "words")

    assert call("balances.batch_track", [{**ITEM, "feature_id": "words"}]).status == 200
    assert len(queue.bodies()) == 2


def test_customers_are_kept_together_and_in_order(call: Call, queue: Queue) -> None:
    padding = {"text": "é" * 1500}
    items = [
        {"customer_id": f"user_{number % 7}", "feature_id": "messages", "value": number}
        | {"properties": padding}
        for number in range(140)
    ]

    assert call("balances.batch_track", items).status == 200

    found = [one["items"] for one in queue.bodies()]
    sizes = [len(record["body"]) for record in queue.receive(queue.url)]
    assert len(found) > 1
    assert max(sizes) <= 250_000
    for customer in range(7):
        holding = [one for one in found if any(i["customer_id"] == f"user_{customer}" for i in one)]
        assert len(holding) == 1
        values = [int(i["value"]) for i in holding[0] if i["customer_id"] == f"user_{customer}"]
        assert values == list(range(customer, 140, 7))


def test_more_of_one_customer_than_a_message_holds_fills_messages(call: Call, queue: Queue) -> None:
    items = [{**ITEM, "value": number, "properties": {"t": "x" * 9000}} for number in range(60)]

    assert call("balances.batch_track", items).status == 200

    counts = sorted(len(one["items"]) for one in queue.bodies())
    assert sum(counts) == 60
    assert len(counts) == 3


def test_properties_that_grow_beyond_a_message_are_refused(call: Call, queue: Queue) -> None:
    body = json.dumps([{**ITEM, "properties": {"n": [0] * 800}}]).replace("0", "1e300")

    answered = call("balances.batch_track", body)

    assert (answered.status, answered.body["code"]) == (400, "invalid_request")
    assert queue.bodies() == []


def test_a_queue_that_does_not_answer_is_told(
    call: Call, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACK_QUEUE_URL", queue.url + "-gone")

    answered = call("balances.batch_track", [ITEM])

    assert (answered.status, answered.body["code"]) == (503, "internal_error")
    assert answered.headers["retry-after"] == "1"


def test_a_batch_that_is_queued_in_part_says_so_and_its_repetition_is_the_same(
    call: Call, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    big = {"t": "x" * 9000}
    items = [
        {"customer_id": f"user_{number % 3}", "feature_id": "messages", "properties": big}
        for number in range(60)
    ]
    key = {"idempotency-key": "once"}
    original = aws.call
    sent: list[int] = []

    def failing(*arguments: Any, **named: Any) -> Any:
        sent.append(1)
        if len(sent) == 2:
            raise Unavailable("lost")
        return original(*arguments, **named)

    monkeypatch.setattr(aws, "call", failing)

    first = call("balances.batch_track", items, headers=key)
    half = {i["event_id"] for one in queue.bodies() for i in one["items"]}
    second = call("balances.batch_track", items, headers=key)
    third = call("balances.batch_track", items, headers=key)

    whole = {i["event_id"] for one in queue.bodies() for i in one["items"]}
    assert (first.status, second.status, third.status) == (503, 200, 409)
    assert 0 < len(half) < 60
    assert len(whole) == 60


def test_an_asynchronous_track_is_answered_with_what_is_known(call: Call, queue: Queue) -> None:
    body = {"customer_id": "user_1", "event_name": "sent", "value": 2.5, "async": True}

    answered = call("balances.track", {**body, "entity_id": "seat_1"})

    assert answered.status == 202
    assert answered.body == {
        "customer_id": "user_1",
        "entity_id": "seat_1",
        "event_name": "sent",
        "value": 2.5,
        "balance": None,
    }
    assert len(queue.bodies()) == 1


def test_an_asynchronous_track_claims_its_key_at_once(call: Call, queue: Queue) -> None:
    body = {**ITEM, "async": True, "idempotency_key": "k1"}

    statuses = [call("balances.track", body).status for _ in range(2)]

    assert statuses == [202, 409]
    assert len(queue.bodies()) == 1


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"feature_id": "calls"}, 404),
        ({"timestamp": START + 1}, 400),
        ({"lock": {"lock_id": "a", "enabled": True}}, 400),
        ({"value": "1"}, 400),
    ],
)
def test_an_asynchronous_track_is_checked_first(
    call: Call, queue: Queue, fields: dict[str, Any], status: int
) -> None:
    assert call("balances.track", {**ITEM, "async": True, **fields}).status == status
    assert queue.bodies() == []
