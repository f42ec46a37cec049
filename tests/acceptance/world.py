"""What the cases play in: one tenant, one customer, a clock, and the operations to call."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from orchard.store.table import Table
from tests.conftest import Call, Clock
from tests.harness import Response

CUSTOMER = "user_1"
DAY = 86_400_000


class Bus:
    """An event bus, and what was put on it: read from the requests, as no rule delivers here."""

    def __init__(self) -> None:
        self.put: list[dict[str, Any]] = []

    def hear(self, params: dict[str, Any], **_rest: Any) -> None:
        """Note the entries of a request that is about to be sent."""
        self.put += params["Entries"]


class World:
    """Operations, the time, the last answer, and what others were told."""

    def __init__(self, call: Call, clock: Clock, table: Table) -> None:
        self.call = call
        self.clock = clock
        self.table = table
        self.bus = Bus()
        #: Time passes before each call, so that what is made later is younger.
        self.ticking = True
        self.answer: Any = None

    def ask(self, operation: str, body: Any, headers: dict[str, str] | None = None) -> Response:
        """Call an operation a moment later."""
        if self.ticking:
            self.clock.advance(ms=1)
        return self.call(operation, body, headers=headers)

    def done(self, operation: str, **body: Any) -> Any:
        """Call an operation that must succeed; return and remember its answer."""
        answered = self.ask(operation, body)
        assert answered.status == 200, (operation, body, answered)
        self.answer = answered.body
        return answered.body


type Step = Callable[[World], object]


@dataclass(frozen=True)
class Ask:
    """A call about the customer, to be made when its turn comes."""

    operation: str
    body: dict[str, Any]
    headers: dict[str, str] | None = None

    def __call__(self, world: World) -> None:
        answered = world.ask(self.operation, self.body, self.headers)
        assert answered.status == 200, (self, answered)
        world.answer = answered.body


def case(name: str, *steps: Step) -> Any:
    """Return one row: its number, perhaps a word for the variant, and what happens in turn."""
    return pytest.param(steps, id=name)


def play(world: World, steps: tuple[Step, ...]) -> None:
    """Take the steps of a case in turn."""
    for step in steps:
        step(world)


def seen(world: World, feature_id: str, entity: str | None) -> Any:
    """The balance that the customer, or the entity, shows; a check must show the same."""
    body = {"customer_id": CUSTOMER} | ({"entity_id": entity} if entity else {})
    held = world.call("entities.get" if entity else "customers.get", body)
    assert held.status == 200, held
    shown = held.body["balances"].get(feature_id)
    checked = world.call("balances.check", {**body, "feature_id": feature_id})
    assert checked.status == 200, checked
    # A check of a feature that credits pay for may answer with the credits.
    if (checked.body["balance"] or {}).get("feature_id") in (feature_id, None):
        assert checked.body["balance"] == shown, (checked.body["balance"], shown)
    return shown
