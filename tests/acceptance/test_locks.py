"""Reservations: taken at once, then confirmed, changed or given back."""

import pytest

from tests.acceptance.given import hourly, lifetime, monthly, plan
from tests.acceptance.sights import answers, recorded, shows, sources
from tests.acceptance.steps import confirm, lock, refused, release, track
from tests.acceptance.world import Step, World, case, play

FIFTEEN = plan("free", hourly("messages", 5), monthly("messages", 10))
HOUR_AND_EVER = plan("free", hourly("messages", 5), lifetime("messages", 20))
ACTION1 = plan("free", monthly("action1", 100), monthly("credits", 200))
ACTION3 = plan("free", monthly("action3", 60), monthly("credits2", 100))


@pytest.mark.parametrize(
    "steps",
    ONE_FEATURE := [
        case(
            "23.11-194",
            FIFTEEN,
            lock(8),
            answers(allowed=True),
            shows(7, 8),
            confirm(11),
            shows(4, 11),
            recorded(3, 8),
        ),
        case(
            "23.11-195",
            FIFTEEN,
            track(10),
            lock(-5),
            confirm(-8),
            shows(13, 2),
            recorded(-3, -5, 10),
        ),
        case("23.11-196", FIFTEEN, lock(5), confirm(-2), shows(15, 0), recorded(-7, 5)),
        case("23.11-197", FIFTEEN, lock(8), confirm(5), shows(10, 5), recorded(-3, 8)),
        case(
            "23.11-198",
            FIFTEEN,
            track(5),
            lock(8),
            confirm(-3),
            shows(13, 2),
            recorded(-11, 8, 5),
        ),
        case(
            "23.11-199 less given back",
            FIFTEEN,
            track(10),
            lock(-5),
            confirm(-3),
            shows(8, 7),
            recorded(2, -5, 10),
        ),
        case(
            "23.11-199 used after all",
            FIFTEEN,
            track(10),
            lock(-5),
            confirm(3),
            shows(2, 13),
            recorded(8, -5, 10),
        ),
        case("23.11-200", HOUR_AND_EVER, lock(8), sources(0, 17), confirm(5), sources(0, 20)),
        case("23.11-201 nothing", HOUR_AND_EVER, lock(8), confirm(0), sources(5, 20)),
        case("23.11-201 less", HOUR_AND_EVER, lock(5), confirm(3), sources(2, 20)),
        case("23.11-201 all", HOUR_AND_EVER, lock(8), confirm(8), sources(0, 17), recorded(8)),
        case(
            "23.11-209",
            plan("free", monthly("messages", 50)),
            lock(0),
            answers(allowed=True),
            confirm(1.2),
            shows(48.8, 1.2),
            recorded(1.2, 0),
            refused(confirm(), 400, "invalid_request"),
        ),
    ],
)
def test_a_reservation_is_settled_for_what_was_used(world: World, steps: tuple[Step, ...]) -> None:
    play(world, steps)


@pytest.mark.parametrize(
    "steps",
    CREDITS := [
        case(
            "23.11-202",
            ACTION1,
            track(95, "action1"),
            lock(8, "action1"),
            confirm(12),
            shows(0, 100, "action1"),
            shows(198.6, 1.4, "credits"),
            recorded(4, 8, 95),
        ),
        case(
            "23.11-203",
            ACTION1,
            track(95, "action1"),
            lock(8, "action1"),
            shows(199.4, 0.6, "credits"),
            confirm(3),
            shows(2, 98, "action1"),
            shows(200, 0, "credits"),
        ),
        case(
            "23.11-204",
            ACTION1,
            lock(10, "action1"),
            confirm(115),
            shows(0, 100, "action1"),
            shows(197, 3, "credits"),
        ),
        case(
            "23.11-205",
            ACTION1,
            lock(27.89, "action1"),
            confirm(12.45),
            shows(87.55, 12.45, "action1"),
            shows(200, 0, "credits"),
            recorded(-15.44, 27.89),
        ),
        case(
            "23.11-206 less",
            ACTION3,
            track(55, "action3"),
            lock(10, "action3"),
            shows(93, 7, "credits2"),
            confirm(3),
            shows(2, 58, "action3"),
            shows(100, 0, "credits2"),
        ),
        case(
            "23.11-206 released",
            ACTION3,
            track(55, "action3"),
            lock(10, "action3"),
            release(),
            shows(5, 55, "action3"),
            shows(100, 0, "credits2"),
        ),
    ],
)
def test_credits_are_reserved_and_given_back_with_the_feature(
    world: World, steps: tuple[Step, ...]
) -> None:
    play(world, steps)


UPGRADED = (
    plan("once", lifetime("messages", 100), add_on=True),
    plan("free", monthly("messages", 50)),
    lock(60),
    sources(0, 90),
    plan("pro", monthly("messages", 80), group="free"),
    sources(80, 90),
)


@pytest.mark.parametrize(
    "steps",
    SWITCHES := [
        case(
            "23.11-207",
            plan("free", monthly("messages", 50)),
            lock(40),
            plan("pro", monthly("messages", 80), group="free"),
            track(20),
            shows(60, 20),
            confirm(30),
            shows(70, 10),
        ),
        case("23.11-208 less", *UPGRADED, confirm(57), shows(173, 7), sources(80, 93)),
        case("23.11-208 more", *UPGRADED, confirm(63), shows(167, 13), sources(77, 90)),
    ],
)
def test_a_reservation_outlives_a_change_of_plan(world: World, steps: tuple[Step, ...]) -> None:
    play(world, steps)


CASES = [*ONE_FEATURE, *CREDITS, *SWITCHES]
