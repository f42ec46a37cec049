"""Taking changes back while everybody goes on: each once, whole, and the sums are right."""

import random
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from itertools import count
from typing import Any

import pytest

from orchard.domain.quantity import total
from orchard.store import customers
from orchard.store.table import Table
from tests.builders import a_customer, a_feature, a_grant, a_plan, monthly
from tests.concurrency.faults import Fault, trouble
from tests.concurrency.scenarios import Scenario, Stage, ask
from tests.concurrency.test_crashes import acted, prepared
from tests.concurrency.test_races import at_once, patiently, taken
from tests.concurrency.worlds import World, assert_sound, said
from tests.conftest import Call, Clock, session_of
from tests.harness import Response
from tests.streams import recording

pytestmark = [pytest.mark.concurrency, pytest.mark.stream, pytest.mark.usefixtures("silence")]

ABOUT = {"customer_id": "user_1"}
BODY = {**ABOUT, "feature_id": "messages"}
TRACKERS, TRACKS = 8, 10


def changed(call: Call, operation: str, **fields: Any) -> str:
    answered = patiently(partial(call, operation, {**BODY, **fields}))
    assert answered.status == 200, answered
    return str(answered.body["change_id"])


def undone(call: Call, change_id: str) -> Response:
    return patiently(partial(call, "changes.undo", {**ABOUT, "change_id": change_id}))


def tracked(call: Call, answers: list[Response], seed: int) -> None:
    choose = random.Random(seed)
    for _ in range(TRACKS):
        cents = Decimal(choose.randint(1, 300)) / 100
        value = -cents / 10 if choose.random() < 0.1 else cents
        answers.append(patiently(partial(call, "balances.track", {**BODY, "value": value})))


def sum_of_balances(table: Table, clock: Clock) -> Decimal:
    """What is left of all sources, those below zero included."""
    account = customers.require(session_of(table, clock.now), "user_1")
    for item in account.items:
        if "pending" in item:
            assert_sound(item)
    held = account.state(clock.now).values()
    return total(row.balance for one in held for row in one.own)


def test_undoing_commutes_with_usage_and_other_changes(
    call: Call, table: Table, clock: Clock
) -> None:
    a_feature(call)
    a_plan(call, "free", monthly("messages", 2000), auto_enable=True)
    a_customer(call)
    a_grant(call, 300)
    edits = {
        changed(call, "balances.update", add_to_balance=amount): amount
        for amount in (100, -50, 30, -20, 7)
    }
    grants = {changed(call, "balances.create", included_grant=60): 60 for _ in range(2)}
    recording.catch_up(table)
    tracks: list[Response] = []
    undos: list[tuple[str, Response]] = []

    def undo(change_id: str) -> None:
        undos.append((change_id, undone(call, change_id)))

    work: list[Callable[[], object]] = [
        *(partial(tracked, call, tracks, seed) for seed in range(TRACKERS)),
        # Everyone is undone by two at once.
        *(partial(undo, change_id) for change_id in (*edits, *grants) for _ in range(2)),
        *(partial(changed, call, "balances.update", add_to_balance=9) for _ in range(4)),
    ]
    at_once(work)

    assert {answer.status for answer in tracks} == {200}
    said_of = Counter((one, answer.status, answer.body.get("code")) for one, answer in undos)
    assert said_of == {
        (change_id, status, code): 1
        for change_id in (*edits, *grants)
        for status, code in ((200, None), (409, "already_undone"))
    }
    assert sum_of_balances(table, clock) == 2300 + 4 * 9 - taken(tracks)
    # And back again: whoever undoes the undos has the changes again.
    recording.catch_up(table)
    before = sum_of_balances(table, clock)
    again = [str(answer.body["change_id"]) for _, answer in undos if answer.status == 200]
    more: list[Response] = []
    work = [
        *(partial(undone, call, one) for one in again),
        *(partial(tracked, call, more, seed) for seed in range(4)),
    ]
    at_once(work)
    assert {answer.status for answer in more} == {200}
    back = sum(edits.values()) + sum(grants.values())
    assert sum_of_balances(table, clock) == before + back - taken(more)


def test_a_deletion_that_is_undone_while_it_is_used_elsewhere_adds_up(
    call: Call, table: Table, clock: Clock
) -> None:
    a_feature(call)
    a_plan(call, "free", monthly("messages", 400), auto_enable=True)
    a_customer(call)
    changed(call, "balances.create", included_grant=250, balance_id="gift")
    call("balances.track", {**BODY, "value": 450})
    delete = changed(call, "balances.delete", balance_id="gift", recalculate_balances=True)
    recording.catch_up(table)
    tracks: list[Response] = []

    work: list[Callable[[], object]] = [
        *(partial(tracked, call, tracks, seed) for seed in range(8)),
        *(partial(undone, call, delete) for _ in range(3)),
    ]
    at_once(work)

    assert sum_of_balances(table, clock) == 650 - 450 - taken(tracks)


@pytest.mark.parametrize("fault", Fault)
def test_an_interrupted_undo_is_made_once_and_whole(
    world: World, table: Table, fault: Fault
) -> None:
    both = [{"feature_id": "messages", "balance": 500}, {"feature_id": "words", "balance": 7}]
    made: list[str] = []

    def change(stage: Stage) -> None:
        made.append(stage.ask("balances.set", {"balances": both}).body["change_id"])
        recording.catch_up(table)

    def undo(stage: Stage) -> Response:
        return stage.ask("changes.undo", {"change_id": made[0]})

    scenario = Scenario(undo, [change, ask("balances.track", feature_id="messages", value=30)])
    answer, wanted = prepared(world, scenario)
    assert answer is not None
    assert answer.status == 200

    for position in count():
        world.back()
        world.client.arrange(position, trouble(fault))
        answered = acted(world, scenario, is_keyed=position % 2 == 0)
        was_made = world.client.clear()
        assert world.pictured() == wanted, (position, answered)
        assert answered is not None
        codes = {"already_undone", "duplicate_idempotency_key"}
        assert said(answered) == said(answer) or answered.body["code"] in codes
        if not was_made:
            break
