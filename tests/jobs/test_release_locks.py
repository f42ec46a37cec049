"""The job that releases locks which ran out."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from orchard.store import due, keys, locks
from orchard.store.keys import Key
from orchard.store.session import Session
from orchard.store.statements import Update
from orchard.store.table import Table
from orchard.usecases import releases
from tests.builders import a_customer, a_feature, a_plan, balance, left, monthly
from tests.conftest import START, Call, Clock
from tests.jobs.conftest import Job
from tests.streams import recording

HOUR, DAY = 3_600_000, 86_400_000
ONE = {"LocksReleased": 1, "LocksFailed": 0, "LocksLag": 0}
NONE = {"LocksReleased": 0, "LocksFailed": 0, "LocksLag": 0}


@pytest.fixture(autouse=True)
def _customer(call: Call) -> None:
    a_feature(call)
    a_plan(call, "free", monthly("messages", 10), auto_enable=True)
    a_customer(call)


def lock(call: Call, required: float = 4, lock_id: str = "job_1", **fields: Any) -> None:
    wanted = {"lock_id": lock_id, "enabled": True, "expires_at": START + HOUR, **fields}
    wanted = {name: value for name, value in wanted.items() if value is not None}
    body = {"customer_id": "user_1", "feature_id": "messages", "required_balance": required}
    answered = call("balances.check", {**body, "lock": wanted})
    assert (answered.status, answered.body["allowed"]) == (200, True), answered


def finalize(call: Call, action: str, **more: Any) -> int:
    body = {"lock_id": "job_1", "action": action, **more}
    return call("balances.finalize", body).status


def use(call: Call, value: float, customer_id: str = "user_1") -> None:
    body = {"customer_id": customer_id, "feature_id": "messages", "value": value}
    assert call("balances.track", body).status == 200


def test_what_ran_out_is_given_back_and_what_did_not_stays(
    call: Call, clock: Clock, run: Job
) -> None:
    lock(call, 4)
    lock(call, 3, "job_2", expires_at=START + 2 * HOUR)
    clock.now = START + HOUR - 1
    assert run("release_locks") == NONE

    clock.now = START + HOUR + 250
    assert run("release_locks") == {**ONE, "LocksLag": 250}
    assert left(call) == (7, 3)


def test_a_lock_without_an_end_is_released_after_a_day(call: Call, clock: Clock, run: Job) -> None:
    lock(call, 4, expires_at=None)
    clock.now = START + DAY - 1
    assert run("release_locks") == NONE

    clock.now = START + DAY
    assert run("release_locks") == ONE
    assert left(call) == (10, 0)


def test_a_lock_that_was_settled_is_not_released(call: Call, clock: Clock, run: Job) -> None:
    lock(call, 4)
    assert finalize(call, "confirm", override_value=3) == 200
    clock.now = START + HOUR

    assert run("release_locks") == NONE
    assert left(call) == (7, 3)


def test_what_was_released_can_be_settled_no_more(call: Call, clock: Clock, run: Job) -> None:
    lock(call, 4)
    clock.now = START + HOUR
    run("release_locks")

    assert finalize(call, "confirm") == 400
    assert finalize(call, "release") == 400
    assert left(call) == (10, 0)


def test_a_second_run_finds_nothing_to_do(call: Call, clock: Clock, run: Job) -> None:
    lock(call, 4)
    use(call, 5)
    clock.now = START + HOUR

    assert run("release_locks") == ONE
    assert run("release_locks") == NONE
    assert left(call) == (5, 5)


def test_a_release_is_an_event_that_says_who_made_it(
    call: Call, clock: Clock, run: Job, table: Table
) -> None:
    lock(call, 4)
    clock.now = START + HOUR
    run("release_locks")

    recording.catch_up(table)
    events = call("events.list", {"customer_id": "user_1"}).body["list"]
    assert [(event["value"], event["timestamp"]) for event in events] == [
        (-4, START + HOUR),
        (4, START),
    ]
    item = table.get(keys.balance("org/sandbox", "user_1", "messages"))
    assert item is not None
    assert item["last"]["by"] == "job:release_locks"


def test_a_source_that_was_reset_since_gets_nothing_twice(
    call: Call, clock: Clock, run: Job
) -> None:
    renewal = balance(call)["next_reset_at"]
    clock.now = renewal - HOUR
    lock(call, 4, expires_at=renewal + HOUR)
    clock.now = renewal + HOUR
    use(call, 3)

    assert run("release_locks") == ONE
    assert left(call) == (7, 3)


def test_a_customer_that_was_renamed_gets_back_what_it_reserved(
    call: Call, clock: Clock, run: Job
) -> None:
    lock(call, 4)
    body = {"customer_id": "user_1", "new_customer_id": "user_2"}
    assert call("customers.update", body).status == 200
    clock.now = START + HOUR

    assert run("release_locks") == ONE
    assert balance(call, customer_id="user_2")["remaining"] == 10


def test_a_lock_of_a_deleted_customer_is_dropped(call: Call, clock: Clock, run: Job) -> None:
    lock(call, 4)
    assert call("customers.delete", {"customer_id": "user_1"}).status == 200
    a_customer(call)
    use(call, 6)
    clock.now = START + HOUR

    assert run("release_locks") == ONE
    assert run("release_locks") == NONE
    assert left(call) == (4, 6)


def test_a_bad_lock_is_logged_with_its_key_and_the_others_go_on(
    call: Call, session: Session, clock: Clock, run: Job, caplog: pytest.LogCaptureFixture
) -> None:
    lock(call, 4, expires_at=START + 1)
    lock(call, 3, "job_2")
    bad = locks.key_of(session, "job_1")
    session.table.update(Update(bad, "SET taken = :taken", {":taken": "?"}))
    clock.now = START + HOUR

    assert run("release_locks") == {**ONE, "LocksFailed": 1}

    assert left(call) == (6, 4)
    failures = [vars(one) for one in caplog.records if one.levelname == "ERROR"]
    assert [one["key"] for one in failures] == [bad]


def test_a_run_stops_in_time_and_the_next_goes_on(call: Call, clock: Clock, run: Job) -> None:
    for number in range(5):
        lock(call, 1, f"job_{number}")
    clock.now = START + HOUR

    assert run("release_locks", asks=2)["LocksReleased"] == 2
    assert left(call) == (7, 3)
    assert run("release_locks")["LocksReleased"] == 3
    assert run("release_locks") == NONE
    assert left(call) == (10, 0)


class Beaten(Table):
    """A table in which somebody else is quicker, between each read of an item and the write."""

    rivals: list[Callable[[], object]]

    def get(self, key: Key) -> Any:
        item = super().get(key)
        if self.rivals:
            self.rivals.pop()()
        return item


def beaten(session: Session, *rivals: Callable[[], object]) -> Beaten:
    table = Beaten(session.table.client, session.table.name)
    table.rivals = list(rivals)
    return table


def test_two_runs_at_once_release_once(call: Call, session: Session, clock: Clock) -> None:
    lock(call, 4)
    use(call, 5)
    key = locks.key_of(session, "job_1")
    now = clock.advance(seconds=3600)
    rival = beaten(session, lambda: releases.release(session.table, key, now))

    assert releases.release(rival, key, now) is None
    assert left(call) == (5, 5)


def test_usage_beside_a_release_is_kept(call: Call, session: Session, clock: Clock) -> None:
    lock(call, 4)
    key = locks.key_of(session, "job_1")
    now = clock.advance(seconds=3600)
    rival = beaten(session, lambda: use(call, 5), lambda: use(call, 1))

    assert releases.release(rival, key, now) == 0
    assert left(call) == (4, 6)


def test_a_run_that_dies_before_it_writes_leaves_the_lock_to_the_next(
    call: Call, session: Session, clock: Clock, run: Job
) -> None:
    """What is given back and the end of the lock are one write: there is no state between."""
    lock(call, 4)
    key = locks.key_of(session, "job_1")
    now = clock.advance(seconds=3600)

    def die() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        releases.release(beaten(session, die), key, now)
    assert left(call) == (6, 4)

    assert run("release_locks") == ONE
    assert left(call) == (10, 0)
    assert list(due.locks(session.table, now + DAY)) == []


def test_an_id_that_was_taken_anew_meanwhile_is_left_alone(
    call: Call, session: Session, clock: Clock
) -> None:
    lock(call, 4)
    key = locks.key_of(session, "job_1")
    now = clock.advance(seconds=3600)
    rival = beaten(session, lambda: lock(call, 7, expires_at=now + HOUR))

    assert releases.release(rival, key, now) is None
    assert left(call) == (3, 7)


def test_the_numbers_are_metrics(
    call: Call,
    clock: Clock,
    run: Job,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    lock(call, 4)
    clock.advance(seconds=3600, ms=40)
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "false")

    run("release_locks")

    printed = capsys.readouterr().out.splitlines()
    (metric,) = [json.loads(line) for line in printed if "_aws" in line]
    found = {name: metric[name] for name in NONE}
    assert found == {"LocksReleased": [1.0], "LocksFailed": [0.0], "LocksLag": [40.0]}
    units = {one["Name"]: one["Unit"] for one in metric["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    assert units == {"LocksReleased": "Count", "LocksFailed": "Count", "LocksLag": "Milliseconds"}
