"""However the stream delivers, the same is written down; and what can't be is set aside."""

import copy
import importlib
import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchard.domain import edits, sources
from orchard.domain.customer import Customer
from orchard.domain.edits import Edit
from orchard.domain.holding import Holding, Place
from orchard.errors import Unavailable
from orchard.store import balances, customers, keys, moves
from orchard.store.session import Session
from orchard.store.statements import Item
from orchard.store.stored import Owner
from orchard.store.table import Table
from orchard.triggers import connection
from orchard.usecases import resets
from tests import harness
from tests.conftest import START, TENANT, Clock, session_of
from tests.streams import recording
from tests.streams.conftest import HOT, INTERNAL, at, count, grant, row, taken, usage
from tests.streams.recording import Record

DAY = 86_400_000
OTHER = Customer("cus_2", "other", START)


class Interrupted(Table):
    """A table that stops answering after some writes."""

    left = 10**9

    def _call(self, verb: str, **arguments: Any) -> Any:
        if verb != "query":
            self.left -= 1
        if self.left < 0:
            raise Unavailable("The table did not answer")
        return super()._call(verb, **arguments)


def settle(session: Session, hot_id: str, value: int | str, feature_id: str = "messages") -> None:
    stored = balances.get(session, hot_id, Place(feature_id))
    assert stored is not None
    holding = taken(stored, session.now, value)
    session.commit(balances.settled(stored, holding, usage(session, value, feature_id)))


def live(session: Session) -> None:
    """Some busy days of two customers: tracks, refunds, an edit, resets, a move."""
    customer = Customer(INTERNAL, HOT, START)
    for one in (customer, OTHER):
        session.commit(*customers.creation(session, one, (), session.stamp("create")))
    daily = row(20, interval="day", next_reset_at=START + DAY)
    grant(session, "messages", daily, row(50, id="cus_ent_2"))
    grant(session, "words", row(10))
    owner, last = Owner("other", "cus_2"), session.stamp("grant")
    session.commit(balances.created(session, owner, Place("messages"), Holding((row(9),)), last))
    for hour in range(4):
        now = session_of(session.table, START + hour * 3_500_000)
        count(now, hour + 1)
        count(now, "0.5", timestamp=START - hour)
        settle(now, HOT, 7, "words")
        settle(now, "other", 3)
    settle(now, HOT, "-2.25")
    stored = balances.get(now, HOT, Place("messages"))
    assert stored is not None
    held = stored.current(now.now)
    edited = edits.edited(sources.of(held.rows, stored.place, held.controls), Edit(add=Decimal(30)))
    holding = held._replace(rows=tuple(source.row for source in edited))
    now.commit(balances.settled(stored, holding, now.stamp("edit")))
    later = session_of(session.table, START + DAY)
    settle(later, HOT, 21)
    resets.run(session.table, START + 2 * DAY, lambda found, work: ([*map(work, found)], 0))
    account = customers.require(later, HOT)
    moved = customer._replace(id="moved", version=2)
    later.commit(*moves.moved(later, account, moved, later.stamp("rename")))
    settle(later, "moved", 2)
    settle(later, "moved", 2, "words")


@pytest.fixture(scope="module")
def history(aws: Table) -> list[Record]:
    """The stream of a table in which some things happened."""
    with another(aws, "lived") as table:
        live(session_of(table, START))
        return recording.told(recording.records(table))


@contextmanager
def another(aws: Table, name: str) -> Iterator[Interrupted]:
    """A further table, which the consumer is connected to."""
    harness.create_table(aws.client, name)
    table = Interrupted(aws.client, name)
    connection.use(table)
    try:
        yield table
    finally:
        connection.forget()
        aws.client.delete_table(TableName=name)


def by_item(records: list[Record]) -> list[list[Record]]:
    items: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in records:
        place = record["dynamodb"]["Keys"]
        items[place["pk"]["S"], place["sk"]["S"]].append(record)
    return list(items.values())


def written(table: Table) -> list[Item]:
    return [
        item
        for internal_id in (INTERNAL, "cus_2")
        for pk in (keys.ledger(TENANT, internal_id), keys.usage(TENANT, internal_id))
        for item in recording.partition(table, pk)
    ]


@pytest.fixture(scope="module")
def expected(aws: Table, history: list[Record]) -> list[Item]:
    """What is written when every record comes once and alone."""
    with another(aws, "expected") as table:
        for record in history:
            recording.deliver([record])
        return written(table)


@st.composite
def walks(draw: st.DrawFn, history: list[Record]) -> list[list[Record]]:
    """Batches in which each item's records first come in order, and any stretch may come again."""
    queues = [list(records) for records in by_item(history)]
    for queue in queues:
        for _again in range(draw(st.integers(0, 2))):
            end = draw(st.integers(1, len(queue)))
            start = draw(st.integers(0, end - 1))
            queue[end:end] = queue[start:end]
    delivered = []
    while queues:
        queue = queues[draw(st.integers(0, len(queues) - 1))]
        some = draw(st.integers(1, len(queue)))
        delivered += queue[:some]
        del queue[:some]
        queues = [one for one in queues if one]
    batches = []
    while delivered:
        size = draw(st.integers(1, 30))
        batches.append(delivered[:size])
        delivered = delivered[size:]
    return batches


@settings(max_examples=10, deadline=None, suppress_health_check=[*HealthCheck])
@given(data=st.data(), interruptions=st.lists(st.integers(0, 12), max_size=6))
def test_any_delivery_leaves_the_same_lines_and_sums(
    aws: Table,
    history: list[Record],
    expected: list[Item],
    data: st.DataObject,
    interruptions: list[int],
) -> None:
    with another(aws, "again") as table:
        for batch in data.draw(walks(history)):
            table.left = interruptions.pop() if interruptions else table.left
            with suppress(Unavailable):
                recording.deliver(batch)
            table.left = 10**9
            recording.deliver(batch)
        assert written(table) == expected


def test_the_history_holds_what_it_should(expected: list[Item]) -> None:
    kinds = {item["kind"] for item in expected if "kind" in item}
    assert kinds == {"create", "grant", "edit", "reset", "rename"}
    assert sum("value" in item for item in expected) == 20
    days = [item for item in expected if item.get("grain") == "DAY"]
    assert sum(item["count"] for item in days) == 20


def test_a_batch_takes_few_writes(interrupted: Interrupted, history: list[Record]) -> None:
    busy = [one for one in history if one["dynamodb"]["Keys"]["pk"]["S"].endswith("other")]

    recording.deliver(busy[:4])
    spent = 10**9 - interrupted.left

    # A create, a grant and two uses: one batch of lines, one hour and one day.
    assert spent == 3


class Deadline:
    """A function that has this much time left."""

    def __init__(self, left_ms: int) -> None:
        self.left_ms = left_ms

    def get_remaining_time_in_millis(self) -> int:
        return self.left_ms


@pytest.fixture
def interrupted(aws: Table, table: Table) -> Iterator[Interrupted]:
    del table
    with another(aws, "interrupted") as interrupted:
        yield interrupted


def many(history: list[Record], number: int) -> list[Record]:
    """Records of as many items."""
    made = []
    for index in range(number):
        record = copy.deepcopy(history[0])
        record["dynamodb"]["Keys"]["pk"]["S"] += str(index)
        record["dynamodb"]["NewImage"]["internal_id"]["S"] = f"cus_many_{index}"
        record["dynamodb"]["SequenceNumber"] = f"seq-{index}"
        made.append(record)
    return made


def test_a_table_that_does_not_answer_fails_the_batch(
    interrupted: Interrupted, history: list[Record]
) -> None:
    interrupted.left = 0

    with pytest.raises(Unavailable):
        recording.deliver(history)


def test_what_was_written_before_a_failure_is_not_delivered_again(
    interrupted: Interrupted, history: list[Record]
) -> None:
    interrupted.left = 2

    answer = recording.deliver(many(history, 120))

    assert answer == {"batchItemFailures": [{"itemIdentifier": "seq-50"}]}


def test_nothing_more_is_begun_when_the_time_is_nearly_up(
    interrupted: Interrupted, history: list[Record]
) -> None:
    del interrupted

    answer = recording.deliver(many(history, 60), Deadline(14_000))

    assert answer == {"batchItemFailures": [{"itemIdentifier": "seq-50"}]}
    assert recording.deliver(many(history, 60), Deadline(30_000)) == {"batchItemFailures": []}


def test_a_record_that_cannot_be_handled_is_parked_and_stops_nothing(
    session: Session, customer: Customer, caplog: pytest.LogCaptureFixture, clock: Clock
) -> None:
    del customer
    grant(session, "messages", row())
    for value in (1, 2, 3):
        count(at(session, clock), value, properties='{"secret":"s3cret"}')
    records = recording.told(recording.records(session.table))
    del records[3]["dynamodb"]["NewImage"]["rows"]

    answer = recording.deliver(records)

    assert answer == {"batchItemFailures": []}
    lines = recording.partition(session.table, keys.ledger(TENANT, INTERNAL))
    assert {item["value"] for item in lines if "value" in item} == {1, 3}
    (item,) = recording.partition(session.table, keys.parked(_today(records), 0, "").pk)
    assert json.loads(item["record"]) == records[3]
    assert item["reason"].startswith("KeyError in load")
    (logged,) = [vars(one) for one in caplog.records if one.levelname == "ERROR"]
    assert logged["sequence_number"] == records[3]["dynamodb"]["SequenceNumber"]
    assert "s3cret" not in repr(logged)


def test_a_record_parked_again_replaces_itself(session: Session, customer: Customer) -> None:
    del customer
    records = recording.told(recording.records(session.table))
    del records[0]["dynamodb"]["NewImage"]["last"]

    recording.deliver(records)
    recording.deliver(records)

    found = recording.partition(session.table, keys.parked(_today(records), 0, "").pk)
    assert len(found) == 1


def test_a_record_too_large_to_park_keeps_its_key(session: Session, customer: Customer) -> None:
    del customer
    records = recording.told(recording.records(session.table))
    records[0]["dynamodb"]["NewImage"]["last"] = {"S": "x" * 400_000}

    recording.deliver(records)

    (item,) = recording.partition(session.table, keys.parked(_today(records), 0, "").pk)
    change = json.loads(item["record"])["dynamodb"]
    assert change["Keys"] == records[0]["dynamodb"]["Keys"]
    assert "NewImage" not in change


def test_a_line_that_the_table_refuses_is_parked_and_the_others_are_written(
    session: Session, customer: Customer
) -> None:
    del customer
    grant(session, "messages", row())
    count(session, 1, properties="{}")
    count(session, 2)
    records = recording.told(recording.records(session.table))
    # An event under a key that no item can have.
    records[2]["dynamodb"]["NewImage"]["last"]["M"]["id"]["S"] = "evt_" + "x" * 1100

    assert recording.deliver(records) == {"batchItemFailures": []}

    lines = recording.partition(session.table, keys.ledger(TENANT, INTERNAL))
    assert [item["value"] for item in lines if "value" in item] == [2]
    assert len(recording.partition(session.table, keys.parked(_today(records), 0, "").pk)) == 1


def test_parked_records_are_a_metric(
    session: Session,
    customer: Customer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    del customer
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "false")
    records = recording.told(recording.records(session.table))
    del records[0]["dynamodb"]["NewImage"]["last"]

    recording.deliver(records)

    printed = capsys.readouterr().out.splitlines()
    (metric,) = [json.loads(line) for line in printed if "_aws" in line]
    assert metric["ParkedRecords"] == [1.0]
    assert metric["service"] == "orchard"
    assert metric["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Orchard"


def test_the_sample_is_a_delivery_of_one_track(table: Table) -> None:
    handler = importlib.import_module("streams.ledger").handler

    assert handler(harness.sample("streams/ledger"), None) == {"batchItemFailures": []}

    (event,) = recording.partition(table, keys.ledger(TENANT, "cus_3IhdaaaaaaaaaaaaaaaaaaaaaaaA"))
    assert event["value"] == 3


def test_the_filter_of_the_template_lets_through_what_has_a_history() -> None:
    changes = harness.template()["Resources"]["Ledger"]["Properties"]["Events"]["Changes"]
    (wanted,) = changes["Properties"]["FilterCriteria"]["Filters"]
    prefix, exact = json.loads(wanted["Pattern"])["dynamodb"]["Keys"]["sk"]["S"]

    assert keys.is_customer(exact)
    assert keys.is_balance(prefix["prefix"])
    assert keys.customer(TENANT, HOT).sk == exact
    assert keys.balance(TENANT, HOT, "a").sk.startswith(prefix["prefix"])


def _today(records: list[Record]) -> str:
    """The day under which these are parked."""
    stamp = records[0]["dynamodb"]["ApproximateCreationDateTime"]
    return datetime.fromtimestamp(stamp, UTC).date().isoformat()
