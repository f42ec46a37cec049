"""What balances showed over time is what their readers saw, however the stream delivers."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from itertools import batched
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from orchard.domain.customer import Customer
from orchard.domain.history import Point
from orchard.domain.holding import Place
from orchard.store import balances, customers, history, keys, moves
from orchard.store.history import Owned
from orchard.store.session import Session
from orchard.store.statements import Put
from orchard.store.table import Table
from orchard.triggers import connection
from orchard.usecases import resets
from tests import harness
from tests.bench.requests import cost_of
from tests.builders import a_customer, a_feature, a_plan
from tests.conftest import START, TENANT, Call, Clock, forget, mint, session_of
from tests.streams import recording
from tests.streams.conftest import HOT, INTERNAL, count, grant, row, usage
from tests.streams.recording import Record

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
SHOWN = ("granted", "remaining", "usage", "unlimited")
ENTITIES = ("e1", "e2")


@contextmanager
def another(aws: Table, name: str) -> Iterator[Call]:
    """A further table with a catalogue and a customer, and `call` for it."""
    harness.create_table(aws.client, name)
    table = Table(aws.client, name)
    forget()
    connection.use(table)
    try:
        call = partial(harness.call, key=mint(table, "sandbox"))
        begin(call)
        yield call
    finally:
        forget()
        aws.client.delete_table(TableName=name)


def begin(call: Call) -> None:
    a_feature(call)
    a_feature(call, "seats", consumable=False)
    carried = {"max": 30, "expiry_duration_type": "month", "expiry_duration_length": 1}
    daily = {"feature_id": "messages", "included": 20, "reset": {"interval": "day"}}
    a_plan(
        call,
        "free",
        {**daily, "rollover": carried},
        {**daily, "included": 5, "entity_feature_id": "seats"},
        {"feature_id": "seats", "included": 5},
        auto_enable=True,
    )
    a_customer(call)


def subject(entity_id: str | None) -> dict[str, Any]:
    body = {"customer_id": "user_1", "feature_id": "messages"}
    return body if entity_id is None else {**body, "entity_id": entity_id}


class Life:
    """A customer to which things happen, while somebody keeps looking at its balance."""

    def __init__(self, call: Call, clock: Clock) -> None:
        self.call, self.clock = call, clock
        self.alive: set[str] = set()
        self.looks: list[tuple[int, str | None, dict[str, Any]]] = []

    def does(self, verb: str, who: str | None, value: int) -> None:
        who = who if who in self.alive else None
        getattr(self, verb)(who, value)

    def track(self, who: str | None, value: int) -> None:
        self.call("balances.track", {**subject(who), "value": value})

    def edit(self, who: str | None, value: int) -> None:
        field = ("remaining", "add_to_balance", "usage", "included_grant")[value % 4]
        ends = {"ends_at": self.clock.now + abs(value) * HOUR} if value % 3 == 0 else {}
        self.call("balances.update", {**subject(who), field: abs(value), **ends})

    def date(self, who: str | None, value: int) -> None:
        name = "expires_at" if value % 2 else "next_reset_at"
        self.call("balances.update", {**subject(who), name: self.clock.now + abs(value) * HOUR})

    def grant(self, who: str | None, value: int) -> None:
        body: dict[str, Any] = {**subject(who), "included_grant": abs(value)}
        kinds: list[dict[str, Any]] = [
            {"expires_at": self.clock.now + (abs(value) + 1) * HOUR},
            {"reset": {"interval": "hour"}},
            {"reset": {"interval": "day"}, "rollover": {"max": 7, "length": 1}},
            {"unlimited": True, "expires_at": self.clock.now + 9 * HOUR, "included_grant": None},
        ]
        self.call("balances.create", body | kinds[value % 4])

    def delete(self, who: str | None, value: int) -> None:
        self.call("balances.delete", {**subject(who), "recalculate_balances": value % 2 == 0})

    def join(self, _who: str | None, value: int) -> None:
        entity_id = ENTITIES[value % 2]
        body = {"customer_id": "user_1", "entity_id": entity_id, "feature_id": "seats"}
        self.call("entities.create", body)
        self.alive.add(entity_id)

    def leave(self, who: str | None, _value: int) -> None:
        if who is not None:
            self.call("entities.delete", {"customer_id": "user_1", "entity_id": who})
            self.alive.discard(who)
            # Nobody can ask for an entity that is gone; one made anew is another.
            self.looks = [look for look in self.looks if look[1] != who]

    def job(self, _who: str | None, _value: int) -> None:
        resets.run(connection.table(), self.clock.now, lambda due, work: ([*map(work, due)], 0))

    def wait(self, who: str | None, value: int) -> None:
        """Time passes, and somebody looks."""
        self.clock.advance(ms=abs(value) * HOUR)
        self.look(who)

    def look(self, who: str | None) -> None:
        for one in {None, who}:
            answered = self.call("balances.check", subject(one))
            balance = answered.body["balance"] or dict.fromkeys(SHOWN)
            self.looks.append((self.clock.now, one, {name: balance[name] for name in SHOWN}))
        self.clock.advance(ms=1)


VERBS = ["track", "track", "track", "edit", "date", "grant", "delete", "join", "leave", "job"]
steps = st.tuples(
    st.sampled_from([*VERBS, "wait", "wait"]),
    st.sampled_from([None, *ENTITIES]),
    st.integers(-12, 30),
)


@st.composite
def deliveries(draw: st.DrawFn, records: list[Record]) -> list[list[Record]]:
    """Batches in the order of the stream, of which some come again, whole or in part."""
    batches = []
    left = list(records)
    while left:
        size = draw(st.integers(1, 20))
        batches.append(left[:size])
        for _again in range(draw(st.integers(0, 1))):
            first = draw(st.integers(0, size))
            batches.append(left[first : size - draw(st.integers(0, 3))])
        del left[:size]
    return [batch for batch in batches if batch]


@settings(
    max_examples=3,
    deadline=None,
    suppress_health_check=[*HealthCheck],
    phases=[Phase.explicit, Phase.generate],
)
@given(data=st.data(), happened=st.lists(steps, min_size=15, max_size=30))
def test_the_past_is_what_was_seen(
    aws: Table, clock: Clock, data: st.DataObject, happened: list[tuple[str, str | None, int]]
) -> None:
    clock.now = START
    with another(aws, "lived") as call:
        life = Life(call, clock)
        for verb, who, value in happened:
            life.does(verb, who, value)
            life.look(who if who in life.alive else None)
        for batch in data.draw(deliveries(recording.told(recording.records(connection.table())))):
            assert recording.deliver(batch) == {"batchItemFailures": []}
        life.clock.advance(days=2)
        # Each is asked for by itself; a dozen of all are enough at a time.
        for at, who, seen in data.draw(st.permutations(life.looks))[:12]:
            answered = call("balances.history", {**subject(who), "at": at})
            assert answered.status == 200, answered
            assert {name: answered.body[name] for name in SHOWN} == seen, (at - START, who)


OWNED = Owned(TENANT, INTERNAL, "messages")


def used(session: Session, *seconds: int) -> list[Record]:
    """Records of a grant and of uses of 1, 2, 3, ... whose clocks say so many seconds."""
    grant(session, "messages", row(1000))
    for value, second in enumerate(seconds, 1):
        count(session_of(session.table, START + second * 1000), value)
    return recording.told(recording.records(session.table))


def usages(session: Session, *seconds: float) -> list[int | None]:
    instants = [START + int(second * 1000) for second in seconds]
    found = history.figures(session.table, OWNED, instants)
    return [None if one is None else int(one.usage) for one in found]


def points(table: Table) -> list[Point]:
    """All points in the order of the writes, wherever they are kept."""
    found = (point for stretch in history.newest(table, OWNED) for point in stretch.points)
    return sorted(found, key=lambda point: (point.seq, point.time))


@pytest.mark.parametrize("size", [1, 2, 3, 10])
def test_concurrent_clocks_may_disagree(session: Session, size: int) -> None:
    """A write is seen only after those that it follows, whatever its own clock said."""
    records = used(session, 10, 30, 20, 25, 40)
    for some in batched(records, size, strict=False):
        recording.deliver(some)

    assert usages(session, 9, 10, 29.9, 30, 39.9, 40) == [0, 1, 1, 10, 10, 15]


@pytest.mark.parametrize("missing", [(2,), (3,), (1, 3, 4), (5,), (2, 3), (6,)])
@pytest.mark.parametrize("size", [1, 2, 10])
def test_what_was_set_aside_takes_its_place(
    session: Session, missing: tuple[int, ...], size: int
) -> None:
    """The first record is the grant; what comes late may come again, in any batches."""
    records = used(session, 10, 20, 30, 40, 50, 60)
    late = [records[number] for number in missing]
    for some in batched([one for one in records if one not in late], 3, strict=False):
        recording.deliver(some)
    for again in (*batched(late, size, strict=False), late, records):
        recording.deliver(again)

    assert usages(session, 0, 10, 20, 30, 40, 50, 60) == [0, 1, 3, 6, 10, 15, 21]
    assert [point.seq for point in points(session.table)] == [1, 2, 3, 4, 5, 6, 7]


def test_a_repetition_of_some_writes_hides_none_that_came_since(session: Session) -> None:
    records = used(session, 10, 20, 30, 40)
    recording.deliver(records)
    before = points(session.table)

    for some in (records[:2], records[1:4], records):
        recording.deliver(some)

    assert points(session.table) == before


def test_where_a_customer_went_may_be_told_first(session: Session, clock: Clock) -> None:
    customer = Customer(INTERNAL, HOT, START)
    session.commit(*customers.creation(session, customer, (), session.stamp("create")))
    old = used(session, 10, 20)
    clock.advance(seconds=25)
    now = session_of(session.table, clock.now)
    moved = customer._replace(id="moved", version=2)
    last = now.stamp("rename")
    now.commit(*moves.moved(now, customers.require(now, HOT), moved, last))
    then = session_of(session.table, START + 30_000)
    balances.count(then, "moved", Place("messages"), Decimal(5), usage(then, 5))
    every = recording.told(recording.records(session.table))

    recording.deliver([record for record in every if record not in old])
    recording.deliver(old)

    assert usages(session, 0, 10, 20, 25, 30) == [0, 1, 3, 3, 8]


def test_a_write_fills_one_that_was_being_filled(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two replays of different records may meet in one stretch: neither is lost."""
    records = used(session, 10, 20, 30, 40)
    recording.deliver([records[0], records[4]])
    put, rivals = Table.put, [records[2]]

    def outrun(table: Table, statement: Put) -> None:
        while rivals:
            recording.deliver([rivals.pop()])
        put(table, statement)

    monkeypatch.setattr(Table, "put", outrun)
    recording.deliver([records[1], records[3]])

    assert usages(session, 10, 20, 30, 40) == [1, 3, 6, 10]


def test_a_use_costs_the_consumer_one_read_more(session: Session) -> None:
    records = used(session, 10, 20)
    recording.deliver(records[:2])

    cost = cost_of(session.table, lambda: recording.deliver(records[2:]))

    # Where the past ends, then the event with its point, then an hour and a day.
    assert cost.verbs == ("Query", "BatchWriteItem", "UpdateItem", "UpdateItem")
    assert cost.read_units == 1


def test_a_stretch_is_forgotten_after_the_next_can_tell_of_it(session: Session) -> None:
    records = used(session, 10)
    recording.deliver(records)

    (stretch,) = recording.partition(session.table, keys.history(TENANT, INTERNAL))

    assert stretch["ttl"] == (START + 10_000 + 402 * DAY) // 1000
