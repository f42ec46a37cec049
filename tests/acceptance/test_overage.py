"""Use beyond the balance: dropped, refused, or taken."""

import pytest

from tests.acceptance.given import (
    carrying,
    controls,
    lifetime,
    limited,
    monthly,
    plan,
    prepaid,
    spend_limit,
    usage_based,
)
from tests.acceptance.sights import answers, counted, forbids, shows
from tests.acceptance.steps import overflow, reset, too_much, track, whole
from tests.acceptance.world import Step, World, case, play

MESSAGES = plan("free", monthly("messages", 100))
ONCE = plan("once", lifetime("messages", 1000), add_on=True)
LIMIT = controls(spend_limits=[spend_limit(25)])


@pytest.mark.parametrize(
    "steps",
    CASES := [
        case(
            "23.6-79",
            MESSAGES,
            overflow(150),
            shows(0, 150),
            forbids(1),
            track(10),
            answers(deductions=[]),
            shows(0, 150),
        ),
        case(
            "23.6-80",
            MESSAGES,
            limited(5),
            track(3),
            overflow(10),
            shows(87, 13),
            counted(13),
            track(2),
            shows(87, 13),
            counted(13),
            forbids(1),
        ),
        case(
            "23.6-81",
            ONCE,
            plan("pro", usage_based("messages", 100)),
            LIMIT,
            track(1120),
            shows(0, 1120, granted=1100),
            overflow(10),
            shows(0, 1125),
            overflow(10),
            shows(0, 1125),
        ),
        case(
            "23.6-82",
            plan("free", carrying(monthly("messages", 100), 1000)),
            track(40),
            reset(),
            shows(160, 0),
            limited(5),
            track(3),
            overflow(10),
            shows(147, 13),
            counted(13),
            track(10),
            shows(147, 13),
            counted(13),
        ),
        case("23.6-86", MESSAGES, track(30), overflow(-50), shows(120, -20, granted=100)),
        case(
            "23.6-87",
            plan("pro", prepaid("messages", 2), bought={"messages": 3}),
            too_much(7),
            shows(5, 0),
            track(4),
            shows(1, 4),
        ),
        case(
            "23.6-88",
            plan("pro", usage_based("messages", 5, most=5)),
            whole(7),
            shows(0, 7, granted=5),
            track(3),
            shows(0, 10),
            too_much(1),
        ),
    ],
)
def test_what_exceeds_the_balance_is_treated_as_asked(
    world: World, steps: tuple[Step, ...]
) -> None:
    play(world, steps)
