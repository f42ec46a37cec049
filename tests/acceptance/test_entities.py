"""Balances of entities beside the customer's: who sees what, and who uses it."""

import pytest

from tests.acceptance.given import (
    attach,
    entities,
    lifetime,
    monthly,
    overage,
    per_entity,
    plan,
)
from tests.acceptance.sights import shows, sources
from tests.acceptance.steps import ask, too_much, track
from tests.acceptance.world import Step, World, case, play

THREE = entities("e1", "e2", "e3")
EACH = plan("each", per_entity(monthly("messages", 100)))
APART = ask("customers.update", config={"disable_pooled_balance": True})
UNSHARED = (
    entities("e1", "e2"),
    plan("pool", monthly("messages", 5000)),
    APART,
)
OWN = (
    plan("own", monthly("messages", 100), entity_id="e1"),
    attach("own", entity_id="e2"),
    attach("own", entity_id="e3"),
)


def each(*remaining: float) -> Step:
    """What e1, e2 and e3 have left, in turn."""

    def looked(world: World) -> None:
        for number, left in enumerate(remaining, start=1):
            sum_of = ask("entities.get", entity_id=f"e{number}")
            sum_of(world)
            shown = world.answer["balances"]["messages"]
            assert shown["remaining"] == left, (number, shown)

    return looked


@pytest.mark.parametrize(
    "steps",
    CASES := [
        case(
            "23.7-116",
            THREE,
            plan("free", monthly("messages", 300)),
            track(50),
            shows(250, 50),
            each(250, 250, 250),
        ),
        case(
            "23.7-117",
            THREE,
            EACH,
            shows(300, 0),
            track(10, entity="e1"),
            track(10, entity="e2"),
            track(10, entity="e3"),
            shows(270, 30),
            each(90, 90, 90),
            track(10),
            shows(260, 40),
            each(80, 90, 90),
        ),
        case(
            "23.7-118",
            THREE,
            plan("free", monthly("messages", 100)),
            plan("each", per_entity(lifetime("messages", 50)), add_on=True),
            shows(250, 0),
            track(50),
            shows(200, 50),
            each(100, 100, 100),
            track(60),
            shows(140, 110),
            each(40, 50, 50),
            track(10, entity="e1"),
            track(10, entity="e2"),
            track(10, entity="e3"),
            each(30, 40, 40),
            shows(110, 140),
        ),
        case(
            "23.7-119 whole",
            *UNSHARED,
            plan("each", per_entity(monthly("messages", 500))),
            too_much(600, entity="e1"),
            each(500, 500),
            shows(6000, 0),
        ),
        case(
            "23.7-119 capped",
            entities("e1"),
            plan("pool", monthly("messages", 5000)),
            plan("each", per_entity(monthly("messages", 500))),
            APART,
            track(600, entity="e1"),
            each(0),
            shows(5000, 500),
        ),
        # The entity is overdrawn by a hundred, and nobody else pays for it.
        case(
            "23.7-119 beyond",
            entities("e1"),
            plan("pool", monthly("messages", 5000)),
            plan("each", per_entity(monthly("messages", 500))),
            APART,
            overage(),
            track(600, entity="e1"),
            shows(0, 600, entity="e1"),
            shows(5000, 600),
        ),
        case(
            "23.7-120",
            *UNSHARED,
            plan("own", monthly("messages", 500), entity_id="e1"),
            track(300, entity="e1"),
            each(200),
            shows(5200, 300),
        ),
        case(
            "23.7-121",
            THREE,
            *OWN,
            track(10, entity="e1"),
            track(10, entity="e2"),
            track(10, entity="e3"),
            each(90, 90, 90),
            shows(270, 30),
        ),
        case(
            "23.7-122",
            THREE,
            plan("free", monthly("messages", 50)),
            *OWN,
            shows(350, 0),
            each(150, 150, 150),
            track(60),
            shows(300, 50),
            sources(0),
            track(20, entity="e1"),
            track(20, entity="e2"),
            track(20, entity="e3"),
            each(80, 80, 80),
        ),
        case(
            "23.7-123",
            entities("e1"),
            plan("free", monthly("messages", 100)),
            plan("own", monthly("messages", 100), entity_id="e1"),
            shows(200, 0, entity="e1"),
            track(50, entity="e1"),
            shows(150, 50, entity="e1"),
            sources(50, 100, entity="e1"),
            track(120, entity="e1"),
            shows(30, 170, entity="e1"),
            sources(0, 30, entity="e1"),
        ),
        case(
            "23.7-124",
            THREE,
            EACH,
            track(30, entity="e1"),
            each(70, 100, 100),
            shows(270, 30),
            track(50, entity="e2"),
            each(70, 50, 100),
            shows(220, 80),
        ),
    ],
)
def test_entities_use_their_own_before_what_is_shared(
    world: World, steps: tuple[Step, ...]
) -> None:
    play(world, steps)
