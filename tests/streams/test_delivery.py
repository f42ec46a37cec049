"""However the stream delivers, the same is written down; and what can't be is set aside."""

import copy
import importlib
import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchard.domain.customer import Customer
from orchard.errors import Unavailable
from orchard.store import keys, parked
from orchard.store.session import Session
from orchard.store.statements import Item
from orchard.store.table import Table
from tests import harness
from tests.conftest import TENANT, Clock
from tests.streams import recording
from tests.streams.conftest import HOT, INTERNAL, at, count, grant, row
from tests.streams.deliveries import Interrupted, another, lived, plainly, walks, written
from tests.streams.recording import Record


@pytest.fixture(scope="module")
def history(aws: Table) -> list[Record]:
    """The stream of a table in which some things happened."""
    return lived(aws)


@pytest.fixture(scope="module")
def expected(aws: Table, history: list[Record]) -> list[Item]:
    """What is written when every record comes once and alone."""
    return plainly(aws, history)


@settings(max_examples=5, deadline=None, suppress_health_check=[*HealthCheck])
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


def test_looking_for_what_cannot_be_handled_stops_in_time_and_keeps_what_is_done(
    interrupted: Interrupted, history: list[Record]
) -> None:
    records = many(history, 3)
    del records[1]["dynamodb"]["NewImage"]["last"]

    # The whole can't be written, the first alone can: that far it is done.
    assert recording.deliver(records, Deadline(14_000)) == {
        "batchItemFailures": [{"itemIdentifier": "seq-1"}]
    }
    assert recording.deliver(records[1:], Deadline(30_000)) == {"batchItemFailures": []}

    (waiting,) = parked.of_day(interrupted, _today(records))
    assert waiting.id.endswith("seq-1")
    written_of = [keys.ledger(TENANT, f"cus_many_{number}") for number in range(3)]
    assert [len(recording.partition(interrupted, pk)) for pk in written_of] == [1, 0, 1]


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
    (waiting,) = parked.of_day(session.table, _today(records))
    assert parked.record(session.table, waiting) == records[3]
    assert waiting.reason.startswith("KeyError in load")
    assert waiting.place == keys.balance(TENANT, HOT, "messages")
    (logged,) = [vars(one) for one in caplog.records if one.levelname == "ERROR"]
    assert logged["sequence_number"] == records[3]["dynamodb"]["SequenceNumber"]
    assert "s3cret" not in repr(logged)


def test_a_record_parked_again_replaces_itself(session: Session, customer: Customer) -> None:
    del customer
    records = recording.told(recording.records(session.table))
    del records[0]["dynamodb"]["NewImage"]["last"]

    recording.deliver(records)
    recording.deliver(records)

    (waiting,) = parked.of_day(session.table, _today(records))
    assert parked.record(session.table, waiting) == records[0]


def test_a_record_larger_than_an_item_is_kept_whole(session: Session, customer: Customer) -> None:
    del customer
    records = recording.told(recording.records(session.table))
    letters = "".join(Random(1).choices("".join(map(chr, range(1, 0x250))), k=350_000))
    records[0]["dynamodb"]["NewImage"]["last"] = {"S": letters}

    recording.deliver(records)

    (waiting,) = parked.of_day(session.table, _today(records))
    assert waiting.pieces > 1
    assert parked.record(session.table, waiting) == records[0]


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
    assert len(list(parked.of_day(session.table, _today(records)))) == 1


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
    prefix, top_ups, exact = json.loads(wanted["Pattern"])["dynamodb"]["Keys"]["sk"]["S"]

    assert keys.is_customer(exact)
    assert keys.is_balance(prefix["prefix"])
    assert keys.top_up(TENANT, HOT, "a").sk.startswith(top_ups["prefix"])
    assert keys.customer(TENANT, HOT).sk == exact
    assert keys.balance(TENANT, HOT, "a").sk.startswith(prefix["prefix"])


def _today(records: list[Record]) -> str:
    """The day under which these are parked."""
    stamp = records[0]["dynamodb"]["ApproximateCreationDateTime"]
    return datetime.fromtimestamp(stamp, UTC).date().isoformat()
