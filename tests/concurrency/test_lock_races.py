"""Locks that many want to take, settle or release at once: one of them does."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from orchard.store import keys
from orchard.store.table import Table
from orchard.usecases import releases
from tests.builders import a_customer, a_feature, a_grant, a_plan, left
from tests.concurrency.test_races import BODY, at_once, patiently
from tests.conftest import START, Call, Clock
from tests.harness import Response

pytestmark = pytest.mark.concurrency

THREADS, HOUR = 16, 3_600_000
ENDS = START + HOUR
type Work = Callable[[], Response]


@pytest.fixture(autouse=True)
def _customer(call: Call) -> None:
    a_feature(call)
    a_plan(call, "free", auto_enable=True)
    a_customer(call)


def locking(call: Call, value: float = 30) -> Work:
    lock = {"enabled": True, "lock_id": "lock", "expires_at": ENDS}
    body = {**BODY, "required_balance": value, "lock": lock}
    return partial(patiently, partial(call, "balances.check", body))


def finalizing(call: Call, action: str, **more: Any) -> Work:
    body = {"lock_id": "lock", "action": action, **more}
    return partial(patiently, partial(call, "balances.finalize", body))


def tracking(call: Call, value: float = 1) -> Work:
    return partial(patiently, partial(call, "balances.track", {**BODY, "value": value}))


def statuses(work: list[Work]) -> Counter[int]:
    return Counter(answer.status for answer in at_once(work))


def release(table: Table, now: int) -> dict[str, int]:
    """Run the job that releases what ran out, at a time of its own."""

    def each(due: Any, work: Any) -> tuple[list[Any], int]:
        return [work(key) for key in due], 0

    return releases.run(table, now, each)


def is_free(table: Table) -> bool:
    """Whether no lock waits for anything."""
    found = table.client.query(
        TableName=table.name,
        IndexName="due",
        KeyConditionExpression="due_shard = :shard",
        ExpressionAttributeValues={":shard": {"S": keys.LOCK_SHARD}},
    )
    return not found["Items"]


def test_one_of_many_takes_a_lock_and_reserves_once(call: Call) -> None:
    assert statuses([locking(call)] * THREADS) == {200: 1, 409: THREADS - 1}
    assert left(call) == (70, 30)


def test_one_of_many_takes_a_lock_though_they_reserve_different_things(call: Call) -> None:
    names = [f"f{number}" for number in range(8)]
    for name in names:
        a_feature(call, name)
        a_grant(call, 100, name)
    lock = {"enabled": True, "lock_id": "lock"}
    bodies = [{**BODY, "feature_id": name, "required_balance": 30, "lock": lock} for name in names]

    answers = statuses([partial(patiently, partial(call, "balances.check", one)) for one in bodies])

    assert answers == {200: 1, 409: 7}
    assert sorted(left(call, name)[1] for name in names) == [0] * 7 + [30]


def test_one_of_many_settles_a_lock(call: Call, table: Table) -> None:
    locking(call)()
    tracks = [tracking(call)] * 8
    work = [finalizing(call, "release"), finalizing(call, "confirm")] * (THREADS // 2)

    answers = at_once([*work, *tracks])

    assert Counter(one.status for one in answers) == {200: 1 + 8, 400: THREADS - 1}
    (winner,) = (place for place, one in enumerate(answers[:THREADS]) if one.status == 200)
    assert left(call)[1] == 8 + (30 if winner % 2 else 0)
    assert is_free(table)


def test_a_lock_is_confirmed_for_more_or_less_beside_other_traffic(
    call: Call, table: Table
) -> None:
    for value, more in ((45, 15), (10, -20)):
        before = left(call)[1]
        locking(call)()
        confirm = finalizing(call, "confirm", override_value=value)

        assert statuses([confirm, *[tracking(call, 0.5)] * 10]) == {200: 11}

        assert left(call)[1] == before + 30 + more + 5
    assert is_free(table)


def test_a_lock_that_runs_out_is_released_or_settled_but_not_both(
    call: Call, table: Table, clock: Clock
) -> None:
    """The clock of the job is ahead of that of whoever confirms in the last moment."""
    for _ in range(6):
        clock.now = START
        used = left(call)[1]
        locking(call, 10)()
        clock.now = ENDS - 1
        confirm: Callable[[], object] = finalizing(call, "confirm", override_value=4)
        jobs: list[Callable[[], object]] = [partial(release, table, ENDS)] * 2

        answered = next(one for one in at_once([confirm, *jobs]) if isinstance(one, Response))

        assert answered.status in (200, 400)
        assert left(call)[1] == used + (4 if answered.status == 200 else 0)
        assert is_free(table)


def test_a_lock_is_taken_again_by_one_once_it_ran_out(
    call: Call, table: Table, clock: Clock
) -> None:
    locking(call)()
    clock.now = ENDS
    lock = {"enabled": True, "lock_id": "lock"}
    body = {**BODY, "required_balance": 20, "lock": lock}
    again: Work = partial(patiently, partial(call, "balances.check", body))
    job: Callable[[], object] = partial(release, table, ENDS)

    answers = at_once([*[again] * 8, job, job])

    told = Counter(one.status for one in answers if isinstance(one, Response))
    assert told == {200: 1, 409: 7}
    assert left(call) == (80, 20)
