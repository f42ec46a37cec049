"""What is seen of a customer: steps that look and compare."""

import json
from collections.abc import Callable
from typing import Any

from tests.acceptance.steps import check
from tests.acceptance.world import CUSTOMER, Step, World, seen
from tests.streams import recording


def shows(
    remaining: float,
    usage: float,
    feature_id: str = "messages",
    entity: str | None = None,
    **fields: Any,
) -> Step:
    """The balance has this much left and used."""

    def looked(world: World) -> None:
        shown = seen(world, feature_id, entity)
        expected = {"remaining": remaining, "usage": usage, **fields}
        assert {name: shown[name] for name in expected} == expected, shown

    return looked


def sources(
    *remaining: float | str, feature_id: str = "messages", entity: str | None = None, by: str = ""
) -> Step:
    """The sources of the balance, in the order in which they pay, have so much left.

    `by` reads another number of each source.
    """

    def looked(world: World) -> None:
        shown = seen(world, feature_id, entity)
        found = tuple(source[by or "remaining"] for source in shown["breakdown"])
        assert found == remaining, shown

    return looked


def carried(*balances: float, feature_id: str = "messages", entity: str | None = None) -> Step:
    """What earlier periods left, sooner expiry first."""

    def looked(world: World) -> None:
        shown = seen(world, feature_id, entity)
        assert tuple(one["balance"] for one in shown["rollovers"]) == balances, shown

    return looked


def missing(feature_id: str = "messages") -> Step:
    """The customer shows no balance of the feature."""

    def looked(world: World) -> None:
        assert seen(world, feature_id, None) is None

    return looked


def answers(**fields: Any) -> Step:
    """The last call answered so; other fields may be there."""

    def looked(world: World) -> None:
        assert {name: world.answer.get(name) for name in fields} == fields, world.answer

    return looked


def told(test: Callable[[Any], object], wanted: object = True) -> Step:  # noqa: FBT002 - any value
    """Something about the last answer holds."""

    def looked(world: World) -> None:
        assert test(world.answer) == wanted, world.answer

    return looked


def permits(
    required: float, feature_id: str = "messages", entity: str | None = None, *, yes: bool = True
) -> Step:
    """A check allows so much, or not."""

    def looked(world: World) -> None:
        check(required, feature_id, entity)(world)
        assert world.answer["allowed"] is yes, world.answer

    return looked


def forbids(required: float, feature_id: str = "messages", entity: str | None = None) -> Step:
    return permits(required, feature_id, entity, yes=False)


def counted(usage: float, feature_id: str = "messages") -> Step:
    """A usage limit of the customer has counted so much."""

    def looked(world: World) -> None:
        held = world.call("customers.get", {"customer_id": CUSTOMER}).body
        limits = held["billing_controls"]["usage_limits"]
        found = [one["usage"] for one in limits if one["feature_id"] == feature_id]
        assert found == [usage], limits

    return looked


def events(world: World, **filters: Any) -> Any:
    """The events recorded, newest first."""
    recording.catch_up(world.table)
    listed = world.call("events.list", {"customer_id": CUSTOMER, **filters})
    assert listed.status == 200, listed
    return listed.body["list"]


def notices(world: World, kind: str) -> list[Any]:
    """What the bus was told of a kind, each notice once, oldest first."""
    recording.catch_up(world.table)
    told = [json.loads(entry["Detail"]) for entry in world.bus.put if entry["DetailType"] == kind]
    return list({one["id"]: one for one in told}.values())


def recorded(*values: float) -> Step:
    """The events have these values, newest first."""

    def looked(world: World) -> None:
        found = events(world)
        assert tuple(one["value"] for one in found) == values, found

    return looked
