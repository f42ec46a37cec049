"""New periods, and what the old ones leave behind."""

import pytest

from tests.acceptance.given import (
    carrying,
    entities,
    monthly,
    per_entity,
    plan,
    prepaid,
    usage_based,
)
from tests.acceptance.sights import carried, shows
from tests.acceptance.steps import reset, swept, track
from tests.acceptance.world import Step, World, case, play, seen

MESSAGES = plan("free", monthly("messages", 100))
TWO = entities("e1", "e2")


def next_is_ahead(world: World) -> None:
    assert seen(world, "messages", None)["next_reset_at"] > world.clock.now


def carries(included: float, most: float | None, used: float) -> tuple[Step, ...]:
    """A month of such a plan, and the beginning of the next."""
    held = plan("free", carrying(monthly("messages", included), most))
    return (held, track(used), reset()) if used else (held, reset())


def rollover(granted: float, balance: float) -> Step:
    """One rollover is shown, of which so much is left."""

    def looked(world: World) -> None:
        shown = seen(world, "messages", None)["rollovers"]
        found = [(one["granted"], one["balance"]) for one in shown]
        assert found == [(granted, balance)]

    return looked


@pytest.mark.parametrize(
    "steps",
    RESETS := [
        case("23.10-171", MESSAGES, track(30), reset(), shows(100, 0), next_is_ahead),
        case("23.10-172", MESSAGES, track(50), reset(), track(20), shows(80, 20)),
        case(
            "23.10-174",
            TWO,
            plan("each", per_entity(monthly("messages", 100))),
            track(30, entity="e1"),
            track(20, entity="e2"),
            shows(150, 50),
            reset(),
            shows(100, 0, entity="e1"),
            shows(100, 0, entity="e2"),
            shows(200, 0),
        ),
    ],
)
def test_a_period_ends_by_itself(world: World, steps: tuple[Step, ...]) -> None:
    play(world, steps)


@pytest.mark.parametrize(
    "steps",
    ROLLOVERS := [
        case("23.10-175", *carries(400, 500, used=250), shows(550, 0), carried(150)),
        case("23.10-176", *carries(300, 100, used=50), shows(400, 0), carried(100)),
        case(
            "23.10-178",
            *carries(100, 1000, used=70),
            track(10),
            rollover(granted=30, balance=20),
            shows(120, 10, granted=130),
        ),
        case("23.10-179", *carries(400, None, used=250), shows(550, 0)),
        case(
            "23.10-180",
            TWO,
            plan("each", per_entity(carrying(monthly("messages", 400), 500))),
            track(100, entity="e1"),
            track(200, entity="e2"),
            reset(),
            swept,
            carried(300, entity="e1"),
            carried(200, entity="e2"),
            reset(),
            carried(100, 400, entity="e1"),
            carried(100, 400, entity="e2"),
            track(150, entity="e1"),
            carried(0, 350, entity="e1"),
            track(400, entity="e1"),
            shows(350, 550, entity="e1"),
        ),
        # What an invoice will bring about later is the same rule as a period's end by itself.
        case(
            "23.10-181",
            plan("pro", carrying(usage_based("messages", 400), 500)),
            track(150),
            reset(),
            shows(650, 0),
            carried(250),
        ),
        case(
            "23.10-182",
            plan("pro", carrying(prepaid("messages", 300), 500), bought={"messages": 300}),
            track(350),
            reset(),
            shows(850, 0),
            carried(250),
        ),
        case(
            "23.10-184",
            plan("free", carrying(monthly("credits", 500), 300)),
            reset("credits"),
            shows(800, 0, "credits"),
            track(100, "action1"),
            shows(780, 20, "credits"),
            track(400, "action2"),
            shows(540, 260, "credits"),
            track(100, "credits"),
            shows(440, 360, "credits"),
        ),
        case(
            "23.10-183",
            plan("free", carrying(monthly("messages", 500), 1000)),
            reset(),
            swept,
            reset(),
            carried(500, 500),
            plan("pro", carrying(monthly("messages", 500), 600), group="free"),
            carried(100, 500),
            shows(1100, 0),
        ),
    ],
)
def test_what_is_unused_is_carried_over(world: World, steps: tuple[Step, ...]) -> None:
    play(world, steps)


CASES = [*RESETS, *ROLLOVERS]
