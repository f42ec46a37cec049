"""Whatever happens between two calls of the table, an operation is made once and made whole.

Each scenario runs without interruption first. Then it runs again and again, each time with another
call going wrong, and is repeated by its client until it succeeds: the outcome must be the same.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import Any

import pytest

from orchard.domain import balance
from orchard.domain.holding import NOTHING
from orchard.domain.row import Row
from orchard.gateways import queue
from orchard.store import keys, stored
from orchard.store.keys import Key
from orchard.store.statements import Item, load
from orchard.store.table import Table
from tests.concurrency.faults import Fault, Faulty
from tests.concurrency.scenarios import GIVEN, SCENARIOS, Scenario, Stage, catalogue, restart
from tests.conftest import Call, Clock
from tests.harness import Response

pytestmark = pytest.mark.concurrency

type Picture = list[Any]
LOSSES = (Fault.REQUEST_LOST, Fault.ANSWER_LOST)
MADE_ID = re.compile(r"\b(cus_ent|cus_prod|cus|ety|evt|chg)_[0-9A-Za-z]{20,}")
#: Attributes that differ from run to run, or with the number of writes.
BY_CHANCE = {"version", "last", "seq", "listing_sk"}
#: What says so little that it is not looked at: marks, and what the catalogue notes of its use.
PASSED_OVER = ("KEY", "MARKER", "FEATURE", "PLAN", "CATALOG")


class World:
    """A table that can be put back to what it was."""

    def __init__(self, table: Table, call: Call, clock: Clock) -> None:
        self.client = Faulty(table.client)
        self.stage = Stage(call, clock)
        self._real = table.client
        self._table = table
        self._kept: tuple[list[Any], int] = ([], 0)

    def keep(self) -> None:
        """Remember how things are."""
        self._kept = self._items(), self.stage.clock.now

    def back(self) -> None:
        """Put things back, and let a process begin and answer its first request."""
        items, self.stage.clock.now = self._kept
        wanted, present = _by_key(items), _by_key(self._items())
        self._table.delete_many([key for key in present if key not in wanted])
        changed = [one for key, one in wanted.items() if present.get(key) != one]
        self._table.put_many([load(item) for item in changed])
        restart()
        self.stage.done("balances.check", {"feature_id": "words"})

    def pictured(self) -> Picture:
        """All that is stored, without what differs by chance."""
        shown = [self._shown(item) for item in map(load, self._items())]
        return sorted((one for one in shown if one is not None), key=repr)

    def _items(self) -> list[Any]:
        found: list[Any] = self._real.scan(TableName=self._table.name, ConsistentRead=True)["Items"]
        return found

    def _shown(self, item: Item) -> object:
        if keys.is_balance(item["sk"]):
            assert_sound(item)
            one = stored.load(item)
            now = self.stage.clock.now
            holding = one.current(now)
            rows = tuple(_anonymous(row) for row in holding.rows)
            seen = holding._replace(rows=rows)
            return None if seen == NOTHING else (one.hot_id, one.place, one.resets_at <= now, seen)
        if item["sk"].startswith(PASSED_OVER):
            return None
        known = {name: value for name, value in item.items() if name not in BY_CHANCE}
        return plain(json.dumps(known, default=str, sort_keys=True))


def _by_key(items: list[Any]) -> dict[Key, Any]:
    return {Key(item["pk"]["S"], item["sk"]["S"]): item for item in items}


def _anonymous(row: Row) -> Row:
    carried = tuple(one._replace(id="") for one in row.rollovers)
    return row._replace(id="", customer_plan_id=None, rollovers=carried)


def assert_sound(item: Item) -> None:
    """What lets usage be counted blindly agrees with what the balance holds."""
    one = stored.load(item)
    counter = balance.counter(one.holding)
    assert one.headroom == counter.headroom - one.pending
    assert (one.due_at, one.plain) == (counter.due_at, counter.plain)
    assert one.resets_at == counter.resets_at
    assert ("due_shard" in item) == (one.resets_at != balance.NEVER)


def plain(text: str) -> str:
    """Text without the ids that differ from run to run."""
    return MADE_ID.sub(r"\1", text)


def said(answered: Response | None) -> str:
    return "" if answered is None else plain(json.dumps(answered.body, sort_keys=True))


@pytest.fixture
def world(table: Table, call: Call, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(table, call, clock)
    monkeypatch.setattr(table, "client", world.client)
    monkeypatch.setattr(queue, "send", _into(world.stage.messages))
    catalogue(call)
    for step in GIVEN:
        step(world.stage)
    return world


def _into(messages: list[str]) -> Callable[[Sequence[str]], int]:
    def send(bodies: Sequence[str]) -> int:
        messages.extend(bodies)
        return len(bodies)

    return send


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_an_interrupted_operation_is_made_once_and_whole(world: World, scenario: Scenario) -> None:
    for step in scenario.given:
        step(world.stage)
    world.keep()
    before = world.pictured()
    answer = scenario.act(world.stage)
    wanted = world.pictured()
    assert wanted != before

    for fault, is_keyed in plans(scenario):
        for position in count():
            world.back()
            world.client.arrange(fault, position)
            world.stage.key = "key" if is_keyed else None
            answered = scenario.act(world.stage)
            world.stage.key = None
            was_made = world.client.clear()
            case = fault, position, is_keyed, answered
            assert world.pictured() == wanted, case
            assert is_repetition(answered, fault) or said(answered) == said(answer), case
            if not was_made:
                break


def plans(scenario: Scenario) -> Iterable[tuple[Fault, bool]]:
    """What can go wrong, each with an idempotency key or without.

    A client without one that gets no answer can't know: what it repeats may happen twice.
    """
    if not scenario.is_keyed:
        return [(fault, False) for fault in Fault]
    return [*((fault, True) for fault in Fault), *((fault, False) for fault in LOSSES)]


def is_repetition(answered: Response | None, fault: Fault) -> bool:
    """Whether a client whose process died is told that it was done before."""
    code = None if answered is None else answered.body.get("code")
    return fault.kills and code == "duplicate_idempotency_key"
