"""What balances showed over time is what their readers saw, however the stream delivers."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from orchard.store.table import Table
from orchard.triggers import connection
from orchard.usecases import resets
from tests import harness
from tests.builders import a_customer, a_feature, a_plan
from tests.conftest import START, Call, Clock, forget, mint
from tests.streams import recording
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
        self.call("balances.update", {**subject(who), field: abs(value)})

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
        for at, who, seen in life.looks:
            answered = call("balances.history", {**subject(who), "at": at})
            assert answered.status == 200, answered
            assert {name: answered.body[name] for name in SHOWN} == seen, (at - START, who)
