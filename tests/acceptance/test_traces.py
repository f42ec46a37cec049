"""Single calls followed through all the sources that they touch."""

import pytest

from tests.acceptance.given import (
    carrying,
    controls,
    entities,
    lifetime,
    limited,
    monthly,
    per_entity,
    plan,
    prepaid,
    spend_limit,
    usage_based,
)
from tests.acceptance.sights import answers, carried, counted, shows, sources
from tests.acceptance.steps import confirm, lock, reset, swept, track
from tests.acceptance.world import Step, World, case, play

CARRIED = (
    plan("free", carrying(monthly("messages", 100), None)),
    reset(),
    swept,
    reset(),
    carried(100, 100),
    lock(250),
    carried(0, 0),
    sources(50),
)


@pytest.mark.parametrize(
    "steps",
    CASES := [
        case(
            "24-1",
            plan("pro", usage_based("messages", 500)),
            track(600),
            plan("once", lifetime("messages", 200), add_on=True),
            track(150),
            sources(0, 50),
            sources(600, 150, by="usage"),
            shows(50, 750),
        ),
        case(
            "24-2",
            plan("pro", usage_based("messages", 500)),
            track(600),
            plan("once", lifetime("messages", 200), add_on=True),
            track(150),
            track(100),
            sources(650, 200, by="usage"),
            shows(0, 850),
        ),
        case(
            "24-3",
            plan("free", monthly("messages", 100)),
            plan("once", lifetime("messages", 50), add_on=True),
            plan("pro", usage_based("messages", 0)),
            track(160),
            sources(100, 10, 50, by="usage"),
            track(-20),
            sources(10, 0, 0),
            shows(10, 140),
        ),
        case(
            "24-4",
            plan("free", monthly("action1", 100), monthly("credits", 200)),
            track(40.5, "action1"),
            track(80, "action1"),
            shows(0, 100, "action1"),
            shows(195.9, 4.1, "credits"),
        ),
        case("24-5", *CARRIED, shows(50, 250)),
        case("24-6", *CARRIED, confirm(80), sources(100), carried(20, 100), shows(220, 80)),
        case(
            "24-7",
            plan("pro", prepaid("messages"), bought={"messages": 600}),
            plan("more", usage_based("messages", 200), add_on=True),
            controls(spend_limits=[spend_limit(25)]),
            track(830),
            shows(0, 825, granted=800),
        ),
        case(
            "24-8",
            plan("free", monthly("action1", 5), monthly("credits", 100)),
            limited(8, "action1"),
            track(10, "action1"),
            shows(0, 5, "action1"),
            shows(99.4, 0.6, "credits"),
            counted(8, "action1"),
        ),
        case(
            "24-9",
            entities("e2", "e1"),
            plan("free", monthly("messages", 100)),
            plan("each", per_entity(monthly("messages", 50))),
            lock(120),
            answers(allowed=True),
            shows(30, 120, entity="e1"),
            shows(50, 100, entity="e2"),
            shows(80, 120),
        ),
    ],
)
def test_a_call_touches_the_sources_in_turn(world: World, steps: tuple[Step, ...]) -> None:
    play(world, steps)
