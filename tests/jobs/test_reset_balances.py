"""The job that resets balances which nobody touches."""

import json
from decimal import Decimal
from typing import Any

import pytest

from orchard.domain.balance import NEVER
from orchard.domain.holding import Holding, Place
from orchard.domain.row import RolloverRule, Row
from orchard.store import balances, due, keys
from orchard.store.keys import Key
from orchard.store.session import Session
from orchard.store.statements import Update
from orchard.store.stored import Owner, Stored, load
from orchard.store.table import Table
from orchard.usecases import resets
from tests.conftest import START, TENANT, Clock, session_of
from tests.jobs.conftest import Job

DAY = 86_400_000


def daily(balance: int | str = 40, **fields: Any) -> Row:
    given: dict[str, Any] = {"id": "cus_ent_1", "created_at": START, "interval": "day"} | fields
    given.setdefault("next_reset_at", START + DAY)
    return Row(**{"allowance": Decimal(100), "balance": Decimal(balance), **given})


def grant(session: Session, hot_id: str, *rows: Row, feature_id: str = "messages") -> Key:
    owner, place = Owner(hot_id, f"cus_{hot_id}"), Place(feature_id)
    put = balances.created(session, owner, place, Holding(rows), session.stamp("grant"))
    session.commit(put)
    return Key(put.item["pk"], put.item["sk"])


def read(table: Table, key: Key) -> Stored:
    item = table.get(key)
    assert item is not None
    return load(item)


def spoil(table: Table, key: Key) -> None:
    """Make an item that no code of ours would write."""
    table.update(Update(key, "SET #rows = :rows", {":rows": "?"}, names={"#rows": "rows"}))


def test_what_is_due_is_reset_and_what_is_not_stays(
    session: Session, clock: Clock, run: Job
) -> None:
    owing = grant(session, "a", daily(40, adjustment=Decimal(7)))
    later = grant(session, "b", daily(40, next_reset_at=START + 2 * DAY))
    clock.advance(days=1, ms=250)

    assert run("reset_balances") == {"Reset": 1, "ResetFailed": 0, "ResetLag": 250}

    (row,) = read(session.table, owing).rows
    assert (row.balance, row.adjustment, row.next_reset_at) == (100, 0, START + 2 * DAY)
    assert read(session.table, later).rows == (daily(40, next_reset_at=START + 2 * DAY),)


def test_a_reset_says_who_made_it(session: Session, clock: Clock, run: Job) -> None:
    key = grant(session, "a", daily())
    clock.advance(days=1)

    run("reset_balances")

    last = read(session.table, key).last
    assert (last["kind"], last["by"], last["at"]) == ("reset", "job:reset_balances", clock.now)


def test_missed_periods_are_one_reset(session: Session, clock: Clock, run: Job) -> None:
    rule = RolloverRule(None, None, 1)
    key = grant(session, "a", daily(40, rollover=rule))
    clock.advance(days=9, seconds=1)

    run("reset_balances")

    (row,) = read(session.table, key).rows
    assert row.next_reset_at == START + 10 * DAY
    assert [rollover.balance for rollover in row.rollovers] == [40]
    assert read(session.table, key).headroom == 140


def test_a_second_run_finds_nothing_to_do(session: Session, clock: Clock, run: Job) -> None:
    key = grant(session, "a", daily())
    clock.advance(days=1)
    run("reset_balances")
    version = read(session.table, key).version

    assert run("reset_balances")["Reset"] == 0
    assert read(session.table, key).version == version


def test_pending_usage_is_settled_before_the_reset(
    session: Session, clock: Clock, run: Job
) -> None:
    key = grant(session, "a", daily(40, rollover=RolloverRule(None, None, 1)))
    last = session.stamp("track", "evt_")
    balances.count(session, "a", Place("messages"), Decimal(15), last)
    clock.advance(days=1)

    run("reset_balances")

    stored = read(session.table, key)
    assert stored.pending == 0
    assert [rollover.balance for rollover in stored.rows[0].rollovers] == [25]


def test_a_balance_whose_sources_all_expired_is_due_no_more(
    session: Session, clock: Clock, run: Job
) -> None:
    key = grant(session, "a", daily(next_reset_at=None, expires_at=START + DAY))
    clock.advance(days=1)

    assert run("reset_balances")["Reset"] == 1

    stored = read(session.table, key)
    assert (stored.rows, stored.headroom, stored.due_at) == ((), 0, NEVER)
    assert list(due.balances(session.table, START + 999 * DAY)) == []


def test_a_bad_item_is_logged_with_its_key_and_the_others_go_on(
    session: Session, clock: Clock, run: Job, caplog: pytest.LogCaptureFixture
) -> None:
    bad = grant(session, "bad", daily(next_reset_at=START + 1))
    spoil(session.table, bad)
    shard = keys.due_shard_of(bad)
    behind = [
        grant(session, name, daily())
        for name in map(str, range(40))
        if keys.due_shard_of(keys.balance(TENANT, name, "messages")) == shard
    ]
    clock.advance(days=1)

    assert run("reset_balances")["ResetFailed"] == 1

    assert len(behind) > 1
    assert all(read(session.table, key).rows[0].balance == 100 for key in behind)
    failures = [vars(one) for one in caplog.records if one.levelname == "ERROR"]
    assert [one["key"] for one in failures] == [bad]


def test_a_crowded_shard_does_not_hold_up_the_others(session: Session) -> None:
    for name in range(30):
        grant(session, str(name), daily())

    found = list(due.balances(session.table, START + DAY))
    first = [keys.due_shard_of(key) for key in found[: keys.DUE_SHARDS]]

    assert len(found) == 30
    assert len(set(first)) == len(first)


def test_a_run_stops_in_time_and_the_next_goes_on(session: Session, clock: Clock, run: Job) -> None:
    for name in range(5):
        grant(session, str(name), daily())
    clock.advance(days=1)

    assert run("reset_balances", asks=2)["Reset"] == 2
    assert run("reset_balances")["Reset"] == 3
    assert run("reset_balances")["Reset"] == 0


class Beaten(Table):
    """A table in which somebody else is quicker, between each read of an item and the write."""

    rivals: list[Any]

    def get(self, key: Key) -> Any:
        item = super().get(key)
        if self.rivals:
            self.rivals.pop()()
        return item


def test_a_rival_reset_is_not_repeated(session: Session, clock: Clock) -> None:
    key = grant(session, "a", daily())
    now = clock.advance(days=1)
    beaten = Beaten(session.table.client, session.table.name)
    beaten.rivals = [lambda: resets.reset(session.table, key, now)]

    assert resets.reset(beaten, key, now) is None

    assert read(session.table, key).version == 2


def early_use(session: Session, key: Key, now: int, value: int) -> Beaten:
    """A table in which usage is counted beside a reset, by a function whose clock is behind."""
    beaten = Beaten(session.table.client, session.table.name)

    def count() -> None:
        early = session_of(session.table, now - 1)
        last = early.stamp("track", "evt_")
        balances.count(early, "a", Place("messages"), Decimal(value), last)

    assert read(session.table, key).headroom >= value
    beaten.rivals = [count]
    return beaten


def test_usage_beside_a_reset_counts_after_it(session: Session, clock: Clock) -> None:
    key = grant(session, "a", daily(40))
    now = clock.advance(days=1)

    resets.reset(early_use(session, key, now, 15), key, now)

    stored = read(session.table, key)
    assert (stored.rows[0].balance, stored.pending, stored.headroom) == (100, 15, 85)


def test_usage_that_an_expiry_leaves_no_room_for_is_settled_first(
    session: Session, clock: Clock
) -> None:
    expiring = daily(40, next_reset_at=None, expires_at=START + DAY)
    key = grant(
        session, "a", expiring, daily(50, id="cus_ent_2", interval="one_off", next_reset_at=None)
    )
    now = clock.advance(days=1)

    resets.reset(early_use(session, key, now, 60), key, now)

    stored = read(session.table, key)
    assert [(row.id, row.balance) for row in stored.rows] == [("cus_ent_2", 30)]
    assert (stored.pending, stored.headroom) == (0, 30)


def test_a_balance_that_was_removed_meanwhile_is_passed_over(
    session: Session, clock: Clock
) -> None:
    key = grant(session, "a", daily())
    now = clock.advance(days=1)
    session.table.delete_many([key])

    assert resets.reset(session.table, key, now) is None


def test_the_numbers_are_metrics(
    session: Session,
    clock: Clock,
    run: Job,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "false")
    grant(session, "a", daily())
    clock.advance(days=1, ms=40)

    run("reset_balances")

    printed = capsys.readouterr().out.splitlines()
    (metric,) = [json.loads(line) for line in printed if "_aws" in line]
    assert (metric["Reset"], metric["ResetFailed"], metric["ResetLag"]) == ([1.0], [0.0], [40.0])
    units = {one["Name"]: one["Unit"] for one in metric["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    assert units == {"Reset": "Count", "ResetFailed": "Count", "ResetLag": "Milliseconds"}
