"""Several sources of one feature: which pays first."""

import pytest

from tests.acceptance.given import (
    expiring,
    grant,
    hourly,
    lifetime,
    monthly,
    plan,
    usage_based,
)
from tests.acceptance.sights import answers, shows, sources
from tests.acceptance.steps import lock, track
from tests.acceptance.world import Step, World, case, play

LIFETIME = plan("once", lifetime("messages", 200), add_on=True)


@pytest.mark.parametrize(
    "steps",
    CASES := [
        case(
            "23.3-25",
            expiring(100, "credits", days=365),
            expiring(100, "credits", days=30),
            track(60, "credits"),
            sources(40, 100, feature_id="credits"),
        ),
        case(
            "23.3-26",
            plan("pro", monthly("messages", 500)),
            LIFETIME,
            track(100),
            sources(400, 200),
            track(450),
            sources(0, 150),
            shows(150, 550),
        ),
        case(
            "23.3-27",
            plan("pro", usage_based("messages", 500)),
            LIFETIME,
            track(100),
            sources(400, 200),
            track(500),
            sources(0, 100),
            shows(100, 600),
            track(200),
            sources(0, 0),
            sources(600, 200, by="usage"),
            shows(0, 800),
        ),
        case(
            "23.3-28",
            plan("one", monthly("messages", 1000)),
            plan("two", monthly("messages", 500)),
            track(500),
            shows(1000, 500),
            sources(500, 500),
            track(800),
            shows(200, 1300),
            sources(0, 200),
            track(200),
            shows(0, 1500),
        ),
        case(
            "23.3-29",
            plan("free", monthly("messages", 1000)),
            plan("more", usage_based("messages", 500), add_on=True),
            track(500),
            sources(500, 500),
            track(700),
            sources(0, 300),
            track(500),
            shows(0, 1700),
            sources(1000, 700, by="usage"),
        ),
        case(
            "23.3-30",
            plan("pro", usage_based("messages", 500)),
            track(600),
            shows(0, 600),
            LIFETIME,
            shows(200, 600),
            track(150),
            shows(50, 750),
            track(100),
            shows(0, 850, granted=700),
            sources(650, 200, by="usage"),
        ),
        case(
            "23.3-31",
            plan("one", monthly("messages", 100)),
            plan("two", monthly("messages", 50)),
            LIFETIME,
            track(120),
            shows(230, 120),
            track(200),
            shows(30, 320),
            sources(0, 0, 30),
        ),
        case(
            "23.3-32",
            plan("free", hourly("messages", 5), lifetime("messages", 20)),
            lock(8),
            answers(allowed=True),
            sources(0, 17),
        ),
        case(
            "23.3-33",
            plan("free", monthly("messages", 10)),
            grant(50),
            track(15),
            shows(45, 15),
            sources(0, 45),
            track(30),
            shows(15, 45),
        ),
        # A grant that is used up is no longer shown, and what was used of it neither.
        case("23.3-34", grant(100), grant(50), track(120), shows(30, 20), sources(30)),
    ],
)
def test_sources_pay_in_their_order(world: World, steps: tuple[Step, ...]) -> None:
    play(world, steps)
