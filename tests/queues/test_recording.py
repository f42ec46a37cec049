"""What lies in the queue is recorded once, whatever is delivered how often."""

from typing import Any

import pytest

from orchard.errors import Unavailable
from orchard.store import keys
from orchard.store.table import Table
from orchard.triggers import connection
from orchard.usecases import bulk
from tests.bench.requests import cost_of
from tests.builders import a_customer, a_feature, a_grant, balance, left
from tests.conftest import TENANT, Call, Clock
from tests.harness import sample
from tests.queues.conftest import Deadline, Queue
from tests.streams import recording as stream

ITEM = {"customer_id": "user_1", "feature_id": "messages"}


@pytest.fixture(autouse=True)
def _offer(call: Call, queue: Queue) -> None:
    del queue
    a_feature(call, event_names=["sent"])
    a_customer(call)
    a_grant(call, 100)


def customer(table: Table, customer_id: str) -> Any:
    return table.get(keys.customer(TENANT, customer_id))


def batch(call: Call, *items: dict[str, Any]) -> None:
    answered = call("balances.batch_track", list(items))
    assert answered.status == 200, answered


def test_a_batch_is_recorded(call: Call, queue: Queue) -> None:
    a_customer(call, "user_2")
    a_grant(call, 10, customer_id="user_2")

    batch(call, {**ITEM, "value": 0.1}, {**ITEM, "customer_id": "user_2"}, {**ITEM, "value": 0.2})

    assert left(call) == (100, 0)
    assert queue.deliver() == []
    assert left(call) == (99.7, 0.3)
    assert balance(call, customer_id="user_2")["usage"] == 1
    assert queue.bodies() == []


def test_an_asynchronous_track_is_recorded_with_its_key(call: Call, queue: Queue) -> None:
    body = {**ITEM, "value": 4, "async": True, "idempotency_key": "k1"}

    assert call("balances.track", body).status == 202
    queue.deliver()

    assert left(call) == (96, 4)


def test_an_event_name_counts_for_every_feature_that_lists_it(call: Call, queue: Queue) -> None:
    a_feature(call, "words", event_names=["sent"])
    a_grant(call, 10, "words")

    batch(call, {"customer_id": "user_1", "event_name": "sent", "value": 3})
    queue.deliver()

    assert left(call) == (97, 3)
    assert left(call, "words") == (7, 3)


def test_a_message_that_comes_again_adds_nothing(call: Call, queue: Queue, clock: Clock) -> None:
    batch(call, {**ITEM, "value": 3}, {**ITEM, "value": -1}, {**ITEM, "event_name": None})
    (record,) = queue.receive(queue.url)

    queue.deliver()
    clock.advance(days=20)
    queue.put(record["body"])
    queue.deliver()

    assert left(call) == (97, 3)


def test_a_key_that_is_repeated_is_dropped(call: Call, queue: Queue) -> None:
    item = {**ITEM, "value": 3, "idempotency_key": "k1"}

    batch(call, item, item)
    batch(call, item)
    call("balances.track", {**item, "idempotency_key": "k2"})

    assert queue.deliver() == []
    assert left(call) == (94, 6)


def test_a_use_that_is_refused_is_dropped_and_the_others_count(call: Call, queue: Queue) -> None:
    batch(
        call,
        {**ITEM, "customer_id": "nobody"},
        {**ITEM, "value": 1000, "overage_behavior": "reject"},
        {**ITEM, "value": 5},
    )

    assert queue.deliver() == []
    assert left(call) == (95, 5)


def test_every_use_leaves_its_own_event_with_the_time_of_its_request(
    call: Call, queue: Queue, table: Table, clock: Clock
) -> None:
    a_grant(call, 3)
    first = {**ITEM, "value": 101, "properties": {"model": "small"}, "timestamp": clock.now - 5}
    call("balances.batch_track", [first, ITEM, {**ITEM, "skip_event": True}, {**ITEM, "value": -2}])
    queued = {one["event_id"] for message in queue.bodies() for one in message["items"]}
    accepted = clock.now
    clock.advance(seconds=90)

    queue.deliver()
    stream.catch_up(table)
    stream.catch_up(table)

    listed = call("events.list", {"customer_id": "user_1"}).body["list"]
    assert {one["id"] for one in listed} < queued
    told = {one["value"]: one for one in listed}
    assert told.keys() == {101, 1, -2}
    assert [told[value]["timestamp"] for value in (101, 1, -2)] == [
        accepted - 5,
        accepted,
        accepted,
    ]
    assert told[101]["properties"] == {"model": "small"}
    assert sum(one["value"] for one in told[101]["deductions"]) == 101
    assert [one["value"] for one in told[1]["deductions"]] == [1]
    assert sum(one["value"] for one in told[-2]["deductions"]) == -2
    assert left(call)[0] == 2


def test_uses_in_one_write_are_all_counted_by_hour_and_day(
    call: Call, queue: Queue, table: Table
) -> None:
    a_customer(call, "user_2")
    batch(call, *[{**ITEM, "value": 2}] * 30, {**ITEM, "customer_id": "user_2", "value": 4})
    batch(call, {**ITEM, "value": 0.5})
    queue.deliver()

    stream.catch_up(table)
    stream.catch_up(table)

    found = {}
    for customer_id in ("user_1", "user_2"):
        internal = customer(table, customer_id)["internal_id"]
        rollups = stream.partition(table, keys.usage(TENANT, internal))
        found[customer_id] = {(one["count"], one["sum"], one["deducted"]) for one in rollups}
    assert found == {"user_1": {(31, 60.5, 60.5)}, "user_2": {(1, 4, 0)}}


def test_many_uses_of_one_feature_take_few_writes(call: Call, queue: Queue, table: Table) -> None:
    batch(call, *[ITEM] * 50)

    cost = cost_of(table, queue.deliver)

    assert cost.verbs == ("GetItem", "TransactWriteItems")
    assert left(call) == (50, 50)


def test_the_same_batch_counts_alike_together_and_one_by_one(
    call: Call, queue: Queue, table: Table
) -> None:
    """Caps, refunds and refusals in one write leave what single tracks would."""
    a_customer(call, "user_2")
    a_grant(call, 100, customer_id="user_2")
    values = [60, 30, 50, -20, 15, 90, -1, 0.25, 1000, -3]
    rules = ["cap", "reject", "reject", "cap", "cap", "reject", "cap", "cap", "overflow", "cap"]
    uses = [
        {"feature_id": "messages", "value": value, "overage_behavior": rule}
        for value, rule in zip(values, rules, strict=True)
    ]

    batch(call, *({"customer_id": "user_1", **use} for use in uses))
    assert queue.deliver() == []
    for use in uses:
        call("balances.track", {"customer_id": "user_2", **use})

    other = balance(call, customer_id="user_2")
    assert left(call) == (other["remaining"], other["usage"])
    stream.catch_up(table)
    listed = [
        [(one["value"], sum(paid["value"] for paid in one["deductions"] or ())) for one in page]
        for page in (
            call("events.list", {"customer_id": customer_id}).body["list"]
            for customer_id in ("user_1", "user_2")
        )
    ]
    assert sorted(listed[0]) == sorted(listed[1])


def test_a_clock_that_is_a_little_behind_loses_nothing(
    call: Call, queue: Queue, clock: Clock
) -> None:
    batch(call, {**ITEM, "value": 5})
    clock.advance(ms=-40)

    assert queue.deliver() == []
    assert left(call) == (95, 5)


def test_a_table_that_does_not_answer_delays_a_message(
    call: Call, queue: Queue, table: Table
) -> None:
    class Silent(Table):
        def _call(self, verb: str, **arguments: Any) -> Any:
            if verb == "transact_write_items":
                raise Unavailable("The table did not answer")
            return super()._call(verb, **arguments)

    batch(call, {**ITEM, "value": 5})
    connection.use(Silent(table.client, table.name))
    assert len(queue.deliver()) == 1

    connection.use(table)
    assert queue.deliver() == []
    assert left(call) == (95, 5)


@pytest.mark.parametrize("body", ["no JSON", "[]", "{}", '{"items": []}'])
def test_a_message_that_makes_no_sense_ends_among_the_dead_letters(
    call: Call, queue: Queue, body: str
) -> None:
    queue.put(body)
    batch(call, {**ITEM, "value": 5})

    assert len(queue.deliver()) == 1
    for _ in range(10):
        queue.deliver()

    assert left(call) == (95, 5)
    assert queue.bodies() == []
    assert [one["body"] for one in queue.receive(queue.dead)] == [body]


def test_a_use_that_breaks_the_code_holds_up_no_other(
    call: Call, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = bulk.record

    def broken(session: Any, group: Any, events: Any) -> Any:
        if group.name == "words":
            raise RuntimeError("broken")
        return original(session, group, events)

    a_feature(call, "words")
    batch(call, {**ITEM, "feature_id": "words"}, {**ITEM, "value": 5})
    monkeypatch.setattr(bulk, "record", broken)
    assert len(queue.deliver()) == 1
    assert left(call) == (95, 5)

    monkeypatch.undo()
    monkeypatch.setenv("TRACK_QUEUE_URL", queue.url)
    monkeypatch.setattr("orchard.triggers.clock.now", lambda: 1_788_220_900_000)
    assert queue.deliver() == []
    assert left(call) == (95, 5)


def test_a_function_that_runs_out_of_time_leaves_the_rest_for_later(
    call: Call, queue: Queue
) -> None:
    for _ in range(3):
        batch(call, ITEM)

    assert len(queue.deliver(Deadline(1))) == 2
    assert left(call) == (99, 1)
    assert queue.deliver() == []
    assert left(call) == (97, 3)


def test_the_sample_message_is_recorded(call: Call, queue: Queue) -> None:
    a_customer(call, "user_a17")
    a_grant(call, 10, customer_id="user_a17")
    queue.put(sample("queues/track")["Records"][0]["body"])

    assert queue.deliver() == []
    assert balance(call, customer_id="user_a17")["usage"] == 3


def test_the_log_tells_of_a_message_but_not_what_it_holds(
    call: Call, queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    batch(call, {**ITEM, "properties": {"secret": "xyzzy"}}, {**ITEM, "customer_id": "nobody"})
    queue.put('{"items": [{"secret": "xyzzy"}]}')
    caplog.clear()

    queue.deliver()

    told = {one.getMessage(): vars(one) for one in caplog.records}
    assert told.keys() == {"message", "message failed"}
    assert told["message"]["result"] == {"recorded": 1, "dropped": {"customer_not_found": 1}}
    assert told["message"]["request_id"] == "sample-request"
    assert "xyzzy" not in caplog.text + str(told)
