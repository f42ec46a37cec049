"""The operator's command that handles parked records again."""

import importlib
from contextlib import suppress
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from orchard.domain.customer import Customer
from orchard.errors import Unavailable
from orchard.gateways import bus
from orchard.store import keys, parked
from orchard.store.rollups import mark, source
from orchard.store.session import Session
from orchard.store.statements import Delete, Item, Put, load
from orchard.store.stored import Stored
from orchard.store.table import Table
from orchard.usecases import alerts, parking, replaying
from tests.conftest import TENANT, Clock
from tests.jobs.conftest import Deadline
from tests.streams import recording
from tests.streams.conftest import INTERNAL, at, count, grant, row
from tests.streams.conftest import customer as customer  # noqa: PLC0414 - a fixture
from tests.streams.deliveries import OTHER, another, lived, plainly, walked, written
from tests.streams.recording import Record

#: As many seeded runs of trouble.
RUNS = 3


def replay(asks: int = 10**9, **request: Any) -> dict[str, Any]:
    handler = importlib.import_module("jobs.replay_parked").handler
    return dict(handler(request, Deadline(asks)))


def day_of(records: list[Record]) -> str:
    return parked.day_of(int(records[0]["dynamodb"]["ApproximateCreationDateTime"] * 1000))


class Mistake:
    """A fault of our code that some values of usage bring to light, until it is mended."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.values: set[int] = set()
        self._notices = alerts.notices
        monkeypatch.setattr(alerts, "notices", self.notices)

    def notices(self, tenant: str, stored: Any, passage: Any) -> Any:
        if stored.last.get("value") in self.values:
            raise ValueError(stored)
        return self._notices(tenant, stored, passage)


@pytest.fixture
def mistake(monkeypatch: pytest.MonkeyPatch) -> Mistake:
    return Mistake(monkeypatch)


@pytest.fixture
def tracked(session: Session, customer: Customer, clock: Clock) -> list[Record]:
    """Uses of 1, 2, 3 and 4, which nobody has been told of yet."""
    del customer
    grant(session, "messages", row())
    for value in (1, 2, 3, 4):
        clock.advance(seconds=60)
        count(at(session, clock), value)
    return recording.told(recording.records(session.table))


def values(table: Table) -> list[Decimal]:
    found = recording.partition(table, keys.ledger(TENANT, INTERNAL))
    return [item["value"] for item in found if "value" in item]


def sums(table: Table) -> list[tuple[Decimal, Decimal]]:
    found = recording.partition(table, keys.usage(TENANT, INTERNAL))
    return [(item["count"], item["sum"]) for item in found]


def test_what_was_parked_is_written_down_when_the_mistake_is_mended(
    table: Table, tracked: list[Record], mistake: Mistake
) -> None:
    mistake.values = {2, 3}
    recording.deliver(tracked)
    assert (values(table), sums(table)) == ([1, 4], [(2, 5), (2, 5)])
    mistake.values = {3}

    answer = replay(day=day_of(tracked))

    assert (answer["replayed"], answer["failed"], answer["left"]) == (1, 1, 0)
    (failure,) = answer["failures"]
    assert failure["item"] == list(keys.balance(TENANT, "user_1", "messages"))
    assert failure["reason"].startswith("ValueError in notices")
    assert (values(table), sums(table)) == ([1, 2, 4], [(3, 7), (3, 7)])
    (waiting,) = parked.of_day(table, day_of(tracked))
    assert waiting.id == failure["id"]
    mistake.values = set()
    assert replay(day=day_of(tracked))["replayed"] == 1
    assert (values(table), sums(table)) == ([1, 2, 3, 4], [(4, 10), (4, 10)])
    assert replay(day=day_of(tracked)) == {
        "replayed": 0,
        "failed": 0,
        "left": 0,
        "next": None,
        "failures": [],
        "dry_run": False,
    }


def test_nothing_is_left_of_a_record_that_was_replayed(
    table: Table, tracked: list[Record], mistake: Mistake
) -> None:
    tracked[3]["dynamodb"]["OldImage"]["unknown"] = {"S": "x" * 500_000}
    mistake.values = {2}
    recording.deliver(tracked)
    (waiting,) = parked.of_day(table, day_of(tracked))
    pieces = keys.parked(waiting.id, 0, "").pk
    assert len(recording.partition(table, pieces)) == waiting.pieces == 2

    mistake.values = set()
    assert replay(day=day_of(tracked))["replayed"] == 1

    assert values(table) == [1, 2, 3, 4]
    assert recording.partition(table, pieces) == []
    assert recording.partition(table, waiting.key.pk) == []


def test_a_dry_run_writes_nothing(table: Table, tracked: list[Record], mistake: Mistake) -> None:
    mistake.values = {2, 3}
    recording.deliver(tracked)
    mistake.values = {3}
    before = list(parked.of_day(table, day_of(tracked)))

    answer = replay(day=day_of(tracked), dry_run=True)

    assert (answer["replayed"], answer["failed"], answer["dry_run"]) == (1, 1, True)
    assert list(parked.of_day(table, day_of(tracked))) == before
    assert values(table) == [1, 4]


def test_a_run_stops_in_time_and_the_next_goes_on(
    table: Table, tracked: list[Record], mistake: Mistake
) -> None:
    mistake.values = {1, 2, 3, 4}
    recording.deliver(tracked)
    mistake.values = {1}
    day = day_of(tracked)

    first = replay(asks=1, day=day)
    assert (first["replayed"], first["failed"], first["left"]) == (1, 1, 2)
    # What failed needs not be tried again to get on.
    second = replay(asks=1, day=day, after=first["next"])

    assert (second["replayed"], second["failed"], second["left"]) == (2, 0, 0)
    assert second["next"] is None
    assert values(table) == [2, 3, 4]


def test_a_run_that_ends_in_time_does_not_count_all_that_is_left(
    tracked: list[Record], mistake: Mistake, monkeypatch: pytest.MonkeyPatch
) -> None:
    mistake.values = {1, 2, 3, 4}
    recording.deliver(tracked)
    monkeypatch.setattr(replaying, "_MOST_LEFT", 2)

    first = replay(asks=0, day=day_of(tracked), dry_run=True)
    rest = replay(day=day_of(tracked), dry_run=True, after=first["next"])

    assert (first["left"], first["failed"] + rest["failed"]) == (2, 4)


def test_records_of_many_days_are_replayed_oldest_first(
    table: Table, tracked: list[Record], mistake: Mistake
) -> None:
    for number, record in enumerate(tracked):
        record["dynamodb"]["ApproximateCreationDateTime"] = 1_788_220_800 + number * 86_400
    mistake.values = {1, 2, 3}
    recording.deliver(tracked)
    mistake.values = set()

    first = replay(asks=0, **{"from": "2026-09-01", "to": "2026-09-05"})
    assert (first["replayed"], first["left"]) == (1, 2)
    after = replay(**{"from": "2026-09-01", "to": "2026-09-05", "after": first["next"]})

    assert after["replayed"] == 2
    assert values(table) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        ({}, "Say which day"),
        ({"day": "2026-09-01", "from": "2026-09-01", "to": "2026-09-01"}, "Say which day"),
        ({"from": "2026-09-01"}, "Say which day"),
        ({"from": "2026-09-02", "to": "2026-09-01"}, "`from` must not be after `to`"),
        ({"from": "2020-09-02", "to": "2026-09-01"}, "at most 400 days"),
        ({"day": "yesterday"}, "day: has characters that are not allowed"),
        ({"day": "2026-02-30"}, "2026-02-30 is no day"),
        ({"day": "2026-09-01", "after": "me"}, "after: has characters that are not allowed"),
        ({"day": "2026-09-01", "dry_run": "yes"}, "dry_run: must be a boolean"),
    ],
)
def test_a_wrong_input_is_answered(table: Table, request_: dict[str, Any], says: str) -> None:
    del table

    answer = replay(**request_)

    assert answer["code"] == "invalid_inputs"
    assert says in answer["message"]


def test_a_table_that_does_not_answer_is_said_so_and_nothing_is_lost(
    aws: Table, table: Table, tracked: list[Record], mistake: Mistake
) -> None:
    del table
    with another(aws, "stubborn") as stubborn:
        known(stubborn)
        mistake.values = {2, 3}
        recording.deliver(tracked)
        mistake.values = set()
        stubborn.left = 6

        assert replay(day=day_of(tracked))["code"] == "service_unavailable"

        stubborn.left = 10**9
        replay(day=day_of(tracked))
        assert values(stubborn) == [1, 2, 3, 4]
        assert sums(stubborn) == [(4, 10), (4, 10)]


def test_a_record_that_only_could_not_be_told_of_is_told_of_later(
    table: Table, session: Session, customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    del customer
    grant(session, "messages", row(5))
    count(session, 5)
    records = recording.told(recording.records(table))
    told: list[Any] = []

    def refuse(entries: Any) -> None:
        raise TypeError(entries)

    monkeypatch.setattr(bus, "publish", refuse)
    recording.deliver(records)
    monkeypatch.setattr(bus, "publish", told.extend)
    assert sums(table) == [(1, 5), (1, 5)]

    assert replay(day=day_of(records))["replayed"] == 1

    assert [one["detail_type"] for one in told] == [alerts.LIMIT]
    assert sums(table) == [(1, 5), (1, 5)]


def test_nothing_is_written_of_a_customer_that_was_deleted_since(
    table: Table, tracked: list[Record], mistake: Mistake
) -> None:
    mistake.values = {2}
    recording.deliver(tracked)
    mistake.values = set()
    table.delete(Delete(keys.pointer(TENANT, INTERNAL)))

    assert replay(day=day_of(tracked))["replayed"] == 1

    assert values(table) == [1, 3, 4]
    assert list(parked.of_day(table, day_of(tracked))) == []


def test_an_image_that_does_not_even_name_its_use_is_counted_once_it_is_understood(
    aws: Table, table: Table, tracked: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    del table
    with another(aws, "opaque") as opaque:
        known(opaque)
        told = parking.uses_told

        def puzzled(written: Any) -> Any:
            if written.new["last"].get("value") == 2:
                raise LookupError
            return told(written)

        with monkeypatch.context() as puzzling:
            puzzling.setattr(parking, "uses_told", puzzled)
            mistake = Mistake(puzzling)
            mistake.values = {2}
            recording.deliver(tracked)
        assert sums(opaque) == [(3, 8), (3, 8)]

        for left in range(12):
            opaque.left = left
            replay(day=day_of(tracked))
        opaque.left = 10**9
        replay(day=day_of(tracked))

        assert sums(opaque) == [(4, 10), (4, 10)]


@pytest.mark.parametrize("refusing", ["HOUR", "DAY"])
def test_a_sum_that_refuses_even_a_note_is_right_in_the_end(
    aws: Table, table: Table, tracked: list[Record], refusing: str
) -> None:
    del table
    with another(aws, "refusing") as refuser:
        known(refuser)
        refuser.refuses = lambda verb, request: (
            verb == "update_item" and refusing in request["Key"]["sk"]["S"]
        )
        recording.deliver(tracked[:4])
        refuser.refuses = None
        recording.deliver(tracked[4:])

        for left in range(20):
            refuser.left = left
            replay(day=day_of(tracked))
        refuser.left = 10**9
        replay(day=day_of(tracked))

        assert (values(refuser), sums(refuser)) == ([1, 2, 3, 4], [(4, 10), (4, 10)])


def known(table: Table) -> None:
    """Let a table that gets the history of another one know its customers."""
    for internal_id in (INTERNAL, OTHER.internal_id):
        key = keys.pointer(TENANT, internal_id)
        table.put(Put({"pk": key.pk, "sk": key.sk, "hot_id": "here"}))


@pytest.fixture(scope="module")
def history(aws: Table) -> list[Record]:
    return lived(aws)


@pytest.fixture(scope="module")
def expected(aws: Table, history: list[Record]) -> list[Item]:
    return plainly(aws, history)


class Trouble:
    """Writes that fail for good, each in its own way, until all is mended."""

    WAYS = ("understand", "write", "HOUR", "DAY")

    def __init__(self, choose: Random, history: list[Record]) -> None:
        self.ways: dict[str, str] = {}
        self.counts: dict[tuple[str, int], str] = {}
        images = [load(record["dynamodb"].get("NewImage", {})) for record in history]
        for image in images:
            if "seq" in image and choose.random() < 1 / 3:
                way = choose.choice(self.WAYS)
                self.ways[image["last"]["id"]] = way
                fed = source(image["hot_id"], image["feature_id"], None)
                self.counts[mark(fed), int(image["seq"])] = way

    def mend(self) -> None:
        self.ways.clear()
        self.counts.clear()

    def understands(self, stored: Stored) -> bool:
        return self.ways.get(stored.last["id"]) != "understand"

    def refuses(self, verb: str, request: dict[str, Any]) -> bool:
        if verb == "batch_write_item":
            (puts,) = request["RequestItems"].values()
            ids = [one["PutRequest"]["Item"].get("id", {}).get("S") for one in puts]
            return any(self.ways.get(one) == "write" for one in ids)
        names = request.get("ExpressionAttributeNames", {})
        return "#s0" in names and "#token" not in names and self._miscounts(request, names)

    def _miscounts(self, request: dict[str, Any], names: dict[str, str]) -> bool:
        given = request["ExpressionAttributeValues"]
        return any(
            way in request["Key"]["sk"]["S"]
            and names.get(f"#s{index}") == fed
            and int(given[f":first{index}"]["N"]) <= seq <= int(given[f":last{index}"]["N"])
            for (fed, seq), way in self.counts.items()
            for index in range(len(names))
        )


@pytest.mark.parametrize("seed", range(RUNS))
def test_whatever_fails_and_whenever_it_is_replayed_every_use_is_counted_once(
    aws: Table,
    history: list[Record],
    expected: list[Item],
    seed: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    choose = Random(seed)
    trouble = Trouble(choose, history)
    notices = alerts.notices

    def mistaken(tenant: str, stored: Stored, passage: Any) -> Any:
        if not trouble.understands(stored):
            raise ValueError(stored)
        return notices(tenant, stored, passage)

    monkeypatch.setattr(alerts, "notices", mistaken)
    with another(aws, "troubled") as table:
        known(table)
        table.refuses = trouble.refuses
        batches = walked(choose, history)
        mended = choose.randrange(len(batches) + 1)
        for number, batch in enumerate(batches):
            if number == mended:
                trouble.mend()
            for left in (choose.randint(0, 40), 10**9):
                table.left = left
                with suppress(Unavailable):
                    recording.deliver(batch)
                table.left = choose.choice([3, 9, 15, 10**9])
                replay(asks=choose.randint(0, 5), day=day_of(history))
        trouble.mend()
        table.left = 10**9
        assert replay(day=day_of(history))["left"] == 0
        assert list(parked.of_day(table, day_of(history))) == []
        assert written(table) == expected
