"""Edits: what is left, what was granted, and whose source it is."""

from typing import Any

import pytest

from tests.acceptance.given import (
    attach,
    entities,
    grant,
    lifetime,
    monthly,
    per_entity,
    plan,
    prepaid,
    usage_based,
)
from tests.acceptance.sights import shows, sources
from tests.acceptance.steps import edit, track
from tests.acceptance.world import Step, World, case, play, seen

MESSAGES = plan("free", monthly("messages", 100))
THREE = (
    plan("one", monthly("messages", 100)),
    plan("two", monthly("messages", 50)),
    plan("once", lifetime("messages", 200), add_on=True),
)
MIXED = (
    plan("free", monthly("messages", 10)),
    plan("bought", prepaid("messages"), bought={"messages": 20}, add_on=True),
    plan("more", usage_based("messages", 15), add_on=True),
)
NAMED = (
    grant(100, balance_id="a", reset={"interval": "month"}),
    grant(150, balance_id="b", reset={"interval": "month"}),
    grant(200, balance_id="c"),
)


def edit_source(position: int, **fields: Any) -> Step:
    """Edit the source in this place of the order, by its id."""

    def edited(world: World) -> None:
        source = seen(world, "messages", None)["breakdown"][position]
        edit(balance_id=source["id"], **fields)(world)

    return edited


def sums_up(world: World) -> None:
    """What the sources have left is what the balance has left."""
    shown = seen(world, "messages", None)
    assert sum(source["remaining"] for source in shown["breakdown"]) == shown["remaining"]


@pytest.mark.parametrize(
    "steps",
    CASES := [
        case(
            "23.8-131",
            MESSAGES,
            edit(remaining=80),
            shows(80, 20),
            edit(remaining=120),
            shows(120, -20, granted=100),
        ),
        case(
            "23.8-132",
            MESSAGES,
            track(30),
            edit(remaining=50),
            shows(50, 50),
            edit(remaining=120),
            shows(120, -20),
            edit(remaining=0),
            shows(0, 100),
        ),
        case("23.8-133", MESSAGES, edit(remaining=72.65), shows(72.65, 27.35)),
        case(
            "23.8-134",
            *MIXED,
            shows(45, 0, granted=45),
            track(15),
            shows(30, 15),
            track(10),
            shows(20, 25),
            track(25),
            shows(0, 50),
        ),
        case(
            "23.8-135",
            *MIXED,
            edit(remaining=20),
            shows(20, 25),
            edit(remaining=-10),
            shows(0, 55, granted=45),
            edit(remaining=50),
            shows(50, -5, granted=45),
        ),
        case(
            "23.8-136",
            MESSAGES,
            track(30),
            edit(remaining=50, included_grant=100),
            shows(50, 50, granted=100),
            edit(remaining=80, included_grant=150),
            shows(80, 70, granted=150),
            edit(remaining=100, included_grant=100),
            shows(100, 0, granted=100),
        ),
        case(
            "23.8-137",
            *THREE,
            edit(remaining=300),
            shows(300, 50),
            sums_up,
            edit(remaining=400),
            shows(400, -50, granted=350),
            sums_up,
        ),
        case(
            "23.8-138",
            MESSAGES,
            plan("once", lifetime("messages", 200), add_on=True),
            edit(remaining=50, interval="month"),
            shows(250, 50),
            sources(50, 200),
            edit(remaining=100, interval="one_off"),
            shows(150, 150),
            sources(50, 100),
        ),
        case(
            "23.8-139",
            *THREE,
            edit_source(0, remaining=75),
            shows(325, 25),
            sources(75, 50, 200),
            edit_source(2, remaining=150),
            shows(275, 75),
            sources(75, 50, 150),
        ),
        case(
            "23.8-140",
            *THREE,
            track(120),
            shows(230, 120),
            edit(remaining=150),
            shows(150, 200),
            edit(remaining=300),
            shows(300, 50),
        ),
        case(
            "23.8-141",
            *NAMED,
            edit(remaining=80, balance_id="a"),
            edit(remaining=200, balance_id="b"),
            edit(remaining=50, balance_id="c"),
            sources(80, 200, 50),
            shows(330, 120, granted=450),
        ),
        case(
            "23.8-142",
            plan("pro", usage_based("messages", 200)),
            edit(remaining=-50),
            shows(0, 250, granted=200),
        ),
        case(
            "23.8-143 of plans of their own",
            entities("e1", "e2"),
            plan("own", monthly("messages", 100), entity_id="e1"),
            attach("own", entity_id="e2"),
            edit(remaining=75, entity_id="e1"),
            shows(75, 25, entity="e1"),
            edit(remaining=120, entity_id="e1"),
            shows(120, -20, entity="e1"),
            edit(remaining=30, entity_id="e1"),
            shows(30, 70, entity="e1"),
            shows(100, 0, entity="e2"),
        ),
        case(
            "23.8-143 of a plan for each",
            entities("e1", "e2"),
            plan("each", per_entity(monthly("messages", 100))),
            edit(remaining=75, entity_id="e1"),
            shows(75, 25, entity="e1"),
            edit(remaining=120, entity_id="e2"),
            shows(120, -20, entity="e2"),
            edit(remaining=30, entity_id="e1"),
            shows(30, 70, entity="e1"),
            shows(120, -20, entity="e2"),
            shows(150, 50),
        ),
        # The grant of an edit leaves purchases out: 120 and 200 bought make 320.
        case(
            "23.8-144",
            plan("pro", prepaid("messages", 100), bought={"messages": 200}),
            track(30),
            edit(included_grant=120),
            shows(270, 50, granted=320),
            sources(120, by="included_grant"),
            sources(200, by="prepaid_grant"),
        ),
        case(
            "23.8-145",
            grant(100, balance_id="a"),
            grant(200, balance_id="b"),
            edit(remaining=50, balance_id="a"),
            shows(250, 50),
            edit(remaining=100, included_grant=150, balance_id="a"),
            shows(300, 50, granted=350),
        ),
    ],
)
def test_an_edit_sets_what_it_names(world: World, steps: tuple[Step, ...]) -> None:
    play(world, steps)
