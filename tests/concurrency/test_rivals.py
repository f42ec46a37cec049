"""Whoever acts between two calls of the table, the outcome is that of one after the other.

Each scenario is done with what rivals do before or after it. Then they act before each of its
calls in turn: the outcome must be one of those.
"""

import re
from collections.abc import Callable, Iterator
from itertools import compress, count, product
from operator import not_
from typing import Any

import pytest

from tests.concurrency.faults import rival
from tests.concurrency.scenarios import SCENARIOS, Scenario
from tests.concurrency.worlds import THOROUGH, Picture, World
from tests.conftest import START, Call

pytestmark = pytest.mark.concurrency

DAY = 86_400_000

type Asked = list[tuple[str, dict[str, Any]]]
LOCK = {"enabled": True, "lock_id": "lock", "expires_at": START + DAY}
#: What rivals ask for, all of it between the same two calls; and, by words in their names, the
#: scenarios that they meddle with.
RIVALS: dict[str, tuple[Asked, str]] = {
    "uses": (
        [
            ("balances.track", {"feature_id": "messages", "value": 3}),
            ("balances.track", {"feature_id": "words", "value": 2, "entity_id": "e1"}),
            ("balances.track", {"feature_id": "chat", "value": 1}),
        ],
        "",
    ),
    "a grant": (
        [("balances.create", {"feature_id": "chat", "included_grant": 5})],
        "credits|two|batch|customer|plan|entity|grant|deleted|levelled",
    ),
    "an edit": (
        [("balances.update", {"feature_id": "messages", "add_to_balance": -20})],
        "limit|fit|lock|edit|set|due|refund|uses|batch",
    ),
    "an entity": (
        [("entities.create", {"entity_id": "e3", "feature_id": "seats"})],
        "entit|shares|plan|customer|deleted|batch",
    ),
    "a lock": (
        [("balances.check", {"feature_id": "words", "required_balance": 1, "lock": LOCK})],
        "lock",
    ),
}
CASES = [
    pytest.param(scenario, asked, id=f"{name}, {other}")
    for name, scenario in SCENARIOS.items()
    for other, (asked, words) in RIVALS.items()
    if re.search(words, name)
][:: 1 if THOROUGH else 10]


def asking(call: Call, operation: str, body: dict[str, Any]) -> Callable[[], object]:
    def ask() -> None:
        answered = call(operation, {"customer_id": "user_1", **body})
        # The customer may have another id by now, or be gone; the lock may be held.
        assert answered.status in (200, 404, 409), answered

    return ask


def serial(world: World, scenario: Scenario, acts: list[Callable[[], object]]) -> Iterator[Picture]:
    """The outcomes of one after the other: each act comes before or after the scenario."""
    for is_before in product((True, False), repeat=len(acts)):
        world.back()
        for act in compress(acts, is_before):
            act()
        scenario.act(world.stage)
        for act in compress(acts, map(not_, is_before)):
            act()
        yield world.pictured()


@pytest.mark.parametrize(("scenario", "asked"), CASES)
def test_rivals_come_before_or_after(
    call: Call, world: World, scenario: Scenario, asked: Asked
) -> None:
    for step in scenario.given:
        step(world.stage)
    # What comes now is younger than what was there.
    world.stage.clock.advance(ms=1)
    world.keep()
    acts = [asking(call, *one) for one in asked]
    wanted = list(serial(world, scenario, acts))

    for position in count():
        world.back()
        world.client.arrange(position, rival(lambda: [act() for act in acts]))
        scenario.act(world.stage)
        came = world.client.clear()
        if not came:
            break
        assert world.pictured() in wanted, position
