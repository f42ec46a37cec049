"""What ends by itself ends once: found by whoever looks, or written down by the job."""

from typing import Any

import pytest

from orchard.store import keys
from orchard.store.table import Table
from tests.builders import a_customer, a_feature, a_plan, left
from tests.conftest import START, TENANT, Call, Clock
from tests.jobs.conftest import Job
from tests.streams import recording

DAY = 86_400_000
FRIDAY = START + 3 * DAY
KEY = keys.balance(TENANT, "user_1", "messages")


@pytest.fixture(autouse=True)
def _customer(call: Call) -> None:
    a_feature(call)
    a_plan(call, "free", auto_enable=True)
    a_customer(call)


def lent(call: Call, amount: float, ends_at: int = FRIDAY) -> None:
    body = {"customer_id": "user_1", "feature_id": "messages", "add_to_balance": amount}
    assert call("balances.update", {**body, "ends_at": ends_at}).status == 200


def track(call: Call, value: float) -> None:
    body = {"customer_id": "user_1", "feature_id": "messages", "value": value}
    assert call("balances.track", body).status == 200


def stored(table: Table) -> Any:
    item = table.get(KEY)
    assert item is not None
    return item


def changes(call: Call, table: Table) -> list[Any]:
    """What time did, as it is told."""
    recording.catch_up(table)
    answered = call("changes.list", {"customer_id": "user_1", "action": "balances.reset"})
    assert answered.status == 200, answered
    found: list[Any] = answered.body["list"]
    return found


def test_the_job_ends_what_nobody_looks_at(
    call: Call, clock: Clock, table: Table, run: Job
) -> None:
    lent(call, 50)
    lent(call, -30, FRIDAY + 1)
    track(call, 90)
    clock.advance(days=3)

    assert run("reset_balances")["Reset"] == 1
    (row,) = stored(table)["rows"]
    assert [one["amount"] for one in row["withheld"]] == [30]
    assert stored(table)["listing_sk"].startswith(f"{FRIDAY + 1:015}")

    clock.advance(ms=1)
    assert run("reset_balances")["Reset"] == 1
    (row,) = stored(table)["rows"]
    assert (row["balance"], "withheld" in row) == (30, False)
    assert "listing_pk" not in stored(table)
    assert run("reset_balances")["Reset"] == 0
    assert left(call) == (30, 70)


def test_the_end_is_told_as_the_work_of_time(
    call: Call, clock: Clock, table: Table, run: Job
) -> None:
    lent(call, -30)
    clock.advance(days=3)
    run("reset_balances")

    (told,) = changes(call, table)

    (balance,) = told["balances"]
    ((before,), (after,)) = (
        side["sources"].values() for side in (balance["before"], balance["after"])
    )
    assert (before["balance"], [one["amount"] for one in before["withheld"]]) == (70, [30])
    assert (after["balance"], after["withheld"]) == (100, [])
    assert (balance["before"]["remaining"], balance["after"]["remaining"]) == (70, 100)
    assert told["timestamp"] == FRIDAY


def test_who_uses_a_balance_first_ends_what_has_ended(
    call: Call, clock: Clock, table: Table, run: Job
) -> None:
    lent(call, -30)
    lent(call, 50)
    clock.advance(days=3, seconds=20)
    track(call, 85)

    (told,) = changes(call, table)

    assert told["actor"]["type"] == "time"
    assert told["timestamp"] == FRIDAY
    assert left(call) == (15, 85)
    assert run("reset_balances")["Reset"] == 0
    events = call("events.list", {"customer_id": "user_1"}).body["list"]
    assert [one["value"] for one in events] == [85]


def test_use_up_to_the_end_falls_to_what_was_added(
    call: Call, clock: Clock, table: Table, run: Job
) -> None:
    """Counted before the end, settled after it."""
    lent(call, 50)
    clock.advance(days=3, ms=-1)
    track(call, 120)
    assert stored(table)["pending"] == 120
    clock.advance(ms=1)

    run("reset_balances")

    assert left(call) == (0, 100)
    track(call, 5)
    assert left(call) == (0, 100)
