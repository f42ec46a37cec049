"""Real records of the stream, delivered in all the ways that DynamoDB may: the same is written.

All kinds of traffic at once leave their records in the stream of AWS's own engine. They are
and delivered once and in order; and again: some stretches twice, in other batches, some items long
after the others, in order for each item alone, and the consumer killed between any two calls.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from random import Random
from typing import Any
from uuid import uuid4

import pytest

from orchard.domain.quantity import ZERO
from orchard.errors import Unavailable
from orchard.gateways import bus
from orchard.store import customers, parked
from orchard.store.rollups import Use
from orchard.store.stored import Stored
from orchard.store.table import Table
from orchard.triggers import connection
from orchard.usecases import alerts, ledger, parking
from tests import harness
from tests.builders import a_customer, a_feature
from tests.concurrency import traffic
from tests.concurrency.faults import Fault, Faulty, Killed, trouble
from tests.concurrency.test_races import at_once
from tests.concurrency.traffic import CUSTOMERS, Book, Caller
from tests.conftest import Call, Clock, session_of
from tests.harness import handler, sample
from tests.streams import recording
from tests.streams.deliveries import walked, written
from tests.streams.recording import Record

pytestmark = [pytest.mark.concurrency, pytest.mark.stream]

THREADS, CALLS, SEEDS = 6, 8, 2
HOUR = 3_600


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was put on the bus."""
    notices: list[Any] = []
    monkeypatch.setattr(bus, "publish", notices.extend)
    return notices


def live(call: Call, clock: Clock, messages: list[str]) -> None:
    """Tracks, checks, locks, edits, credits, entities and batches at once; hours that end."""
    traffic.offer(call)
    traffic.welcome(call)
    assert call("balances.batch_track", traffic.batch(1)).status == 200
    book = Book()
    callers = [Caller(call, clock, book, seed) for seed in range(THREADS)]
    for _hour in range(2):
        work: list[Callable[[], object]] = [partial(caller.go, CALLS // 2) for caller in callers]
        work += [partial(traffic.deliver, one) for one in messages]
        at_once(work)
        clock.advance(seconds=HOUR)
        handler("jobs.reset_balances")(sample("jobs/reset_balances"), None)
    gone = {"customer_id": CUSTOMERS[0], "entity_id": "e2"}
    assert call("entities.delete", gone).status == 200
    moved = {"customer_id": CUSTOMERS[1], "new_customer_id": "moved"}
    assert call("customers.update", moved).status == 200
    used = {"customer_id": "moved", "feature_id": "messages", "value": 2}
    assert call("balances.track", used).status == 200


@pytest.fixture
def another(client: Any, table: Table) -> Iterator[Callable[[], tuple[Table, Faulty]]]:
    """Make a table that the consumer writes to, with a client that can fail."""
    made: list[str] = []

    def make() -> tuple[Table, Faulty]:
        made.append(f"ledger-{uuid4().hex}")
        harness.create_table(client, made[-1])
        faulty = Faulty(client)
        target = Table(faulty, made[-1])  # type: ignore[arg-type]
        connection.use(target)
        return target, faulty

    yield make
    connection.use(table)
    for name in made:
        client.delete_table(TableName=name)


@pytest.fixture
def records(
    call: Call, table: Table, clock: Clock, told: list[Any], messages: list[str]
) -> list[Record]:
    """What the consumer is to be given of all this."""
    live(call, clock, messages)
    assert told == []
    return recording.told(recording.records(table))


def test_however_the_stream_delivers_the_same_is_written(
    records: list[Record],
    table: Table,
    clock: Clock,
    told: list[Any],
    another: Callable[[], tuple[Table, Faulty]],
) -> None:
    day = parked.day_of(int(records[0]["dynamodb"]["ApproximateCreationDateTime"] * 1000))
    session = session_of(table, clock.now)
    known = ["moved" if one == CUSTOMERS[1] else one for one in CUSTOMERS]
    internal_ids = [customers.locate(session, one).internal_id for one in known]
    plain, _client = another()
    for start in range(0, len(records), 100):
        assert recording.deliver(records[start : start + 100]) == {"batchItemFailures": []}
    expected = written(plain, internal_ids)
    notices = {one["detail"]["id"] for one in told}
    assert sum("deductions" in line for line in expected) > THREADS * CALLS / 2
    assert any(line.get("kind") == "reset" for line in expected)

    assert_named(records)
    for seed in range(SEEDS):
        told.clear()
        target, faulty = another()
        deliver(Random(seed), faulty, records)
        assert written(target, internal_ids) == expected
        assert {one["detail"]["id"] for one in told} == notices
        assert list(parked.of_day(target, day)) == []


def test_replays_that_meet_each_other_and_the_stream_count_each_use_once(
    call: Call, table: Table, clock: Clock, told: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    a_feature(call, "messages")
    a_customer(call, "user_1")
    for value in range(1, 13):
        clock.advance(seconds=HOUR / 4)
        used = {"customer_id": "user_1", "feature_id": "messages", "value": value}
        assert call("balances.track", {**used, "overage_behavior": "overflow"}).status == 200
    records = recording.told(recording.records(table))
    internal_id = customers.locate(session_of(table, clock.now), "user_1").internal_id
    with monkeypatch.context() as mistaken:
        mistaken.setattr(alerts, "notices", refusing_odd_values(alerts.notices))
        recording.deliver(records)
    day = parked.day_of(int(records[0]["dynamodb"]["ApproximateCreationDateTime"] * 1000))
    assert len(list(parked.of_day(table, day))) == 6
    replay = partial(handler("jobs.replay_parked"), {"day": day}, None)

    answers = at_once([replay, replay, replay, partial(recording.deliver, records)])

    assert all("code" not in one for one in answers)
    assert list(parked.of_day(table, day)) == []
    sums = [one for one in written(table, [internal_id]) if "grain" in one]
    for grain in ("HOUR", "DAY"):
        assert sum(one["sum"] for one in sums if one["grain"] == grain) == 78
        assert sum(one["count"] for one in sums if one["grain"] == grain) == 12
    assert told == []


def refusing_odd_values(notices: Callable[..., Any]) -> Callable[..., Any]:
    def refuse(tenant: str, stored: Stored, passage: Any) -> Any:
        if stored.last.get("value", 0) % 2:
            raise ValueError(stored)
        return notices(tenant, stored, passage)

    return refuse


def deliver(choose: Random, faulty: Faulty, records: Sequence[Record]) -> None:
    """Let the consumer have the records in one of the orders that may be, until it has them."""
    for batch in walked(choose, records, longest=100):
        for _death in range(choose.randint(0, 1)):
            faulty.arrange(choose.randint(0, 30), trouble(choose.choice(list(Fault))))
            with suppress(Killed, Unavailable):
                recording.deliver(batch)
            faulty.clear()
        assert recording.deliver(batch) == {"batchItemFailures": []}


def assert_named(records: Sequence[Record]) -> None:
    """An image that can't be told any more still names the uses that it made."""
    for made in map(parking.written, records):
        uses = ledger.entry(made).uses
        if uses:
            broken = {name: value for name, value in (made.new or {}).items() if name != "rows"}
            named = parking.uses_told(made._replace(new=broken))
            assert [_bare(one) for one in named] == [_bare(one) for one in uses]


def _bare(use: Use) -> Use:
    return use._replace(value=ZERO, deducted=ZERO)
