"""Edits with an end while everybody goes on: nothing is lost, and what ends leaves no trace."""

import random
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from orchard.domain.quantity import total
from orchard.domain.row import Row
from orchard.store import customers
from orchard.store.table import Table
from tests.builders import a_customer, a_feature, a_grant, a_plan, lifetime
from tests.concurrency.test_races import at_once, patiently, taken
from tests.concurrency.worlds import assert_sound
from tests.conftest import START, Call, Clock, session_of
from tests.harness import Response

pytestmark = pytest.mark.concurrency

DAY = 86_400_000
BODY = {"customer_id": "user_1", "feature_id": "messages"}
TRACKERS, TRACKS = 6, 8


def tracked(call: Call, answers: list[Response], seed: int) -> None:
    choose = random.Random(seed)
    for _ in range(TRACKS):
        value = Decimal(choose.randint(1, 300)) / 100
        answers.append(patiently(partial(call, "balances.track", {**BODY, "value": value})))


def held(table: Table, clock: Clock) -> list[Row]:
    account = customers.require(session_of(table, clock.now), "user_1")
    for item in account.items:
        if "pending" in item:
            assert_sound(item)
    return [row for one in account.state(clock.now).values() for row in one.own]


def lent(call: Call, amount: int, days: int) -> None:
    fields: dict[str, Any] = {"add_to_balance": amount, "ends_at": START + days * DAY}
    answered = patiently(partial(call, "balances.update", {**BODY, **fields}))
    assert answered.status == 200, answered


def test_edits_with_an_end_commute_with_usage_and_with_each_other(
    call: Call, table: Table, clock: Clock
) -> None:
    a_feature(call)
    a_plan(call, "free", lifetime("messages", 400), auto_enable=True)
    a_customer(call)
    a_grant(call, 300)
    tracks: list[Response] = []
    edits = [(50, 1), (-40, 2), (30, 3), (-70, 4), (-5, 5)]
    work: list[Callable[[], object]] = [
        *(partial(tracked, call, tracks, seed) for seed in range(TRACKERS)),
        *(partial(lent, call, amount, days) for amount, days in edits),
    ]
    at_once(work)

    rows, used = held(table, clock), taken(tracks)
    assert total(row.balance for row in rows) == 700 - used + sum(amount for amount, _ in edits)
    listed = call("overrides.list", {}).body["list"]
    assert [one["ends_at"] for one in listed] == [START + days * DAY for _amount, days in edits]

    paid = total(row.consumed for row in rows if row.addition)
    clock.advance(days=5)
    assert total(row.balance for row in held(table, clock)) == 700 - used + paid
