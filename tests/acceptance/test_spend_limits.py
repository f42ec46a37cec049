"""Limits on what use beyond the balance may cost."""

import pytest

from tests.acceptance.given import (
    attach,
    controls,
    entities,
    lifetime,
    monthly,
    per_entity,
    percentage,
    plan,
    prepaid,
    spend_limit,
    usage_based,
)
from tests.acceptance.sights import answers, shows
from tests.acceptance.steps import check, too_much, track, whole
from tests.acceptance.world import Step, World, case, play

MESSAGES = plan("free", monthly("messages", 100))
ONCE = plan("once", lifetime("messages", 1000), add_on=True)
LIMIT = controls(spend_limits=[spend_limit(25)])
NO_LIMIT = controls(spend_limits=[{"feature_id": "messages", "enabled": False}])
IN_PERCENT = controls(spend_limits=[percentage(120)])


@pytest.mark.parametrize(
    "steps",
    CASES := [
        case(
            "23.6-89",
            ONCE,
            plan("pro", usage_based("messages", 100, most=300)),
            LIMIT,
            track(1120),
            track(10),
            shows(0, 1125, granted=1100, max_purchase=300),
            too_much(1),
            check(1, send_event=True),
            answers(allowed=False),
            shows(0, 1125),
        ),
        case(
            "23.6-90",
            plan("pro", prepaid("messages"), bought={"messages": 600}),
            plan("more", usage_based("messages", 200), add_on=True),
            LIMIT,
            track(820),
            track(10),
            shows(0, 825, granted=800),
            too_much(1),
        ),
        case(
            "23.6-91",
            entities("e0", "e1"),
            plan("pro", per_entity(usage_based("messages", 800))),
            LIMIT,
            track(810, entity="e0"),
            track(810, entity="e1"),
            track(10),
            shows(0, 1625, granted=1600),
            too_much(1),
            too_much(1, entity="e0"),
        ),
        case(
            "23.6-92",
            plan("pro", usage_based("credits", 100)),
            controls(spend_limits=[spend_limit(25, "credits")]),
            track(600, "action1"),
            track(50, "action1"),
            shows(0, 125, "credits"),
            too_much(5, "action1"),
            check(5, "action1"),
            answers(allowed=False, required_balance=1),
        ),
        case(
            "23.6-93",
            plan("pro", usage_based("messages", 100)),
            LIMIT,
            NO_LIMIT,
            track(120),
            whole(10),
            shows(0, 130),
        ),
        case(
            "23.6-94",
            entities("e0", "e1"),
            plan("pro", per_entity(usage_based("messages", 100))),
            NO_LIMIT,
            track(110, entity="e0"),
            track(110, entity="e1"),
            whole(10, entity="e0"),
            shows(0, 120, entity="e0"),
            shows(0, 230),
        ),
        case(
            "23.6-94 of plans of their own",
            entities("e0", "e1"),
            plan("pro", usage_based("messages", 100), entity_id="e0"),
            attach("pro", entity_id="e1"),
            NO_LIMIT,
            track(110, entity="e0"),
            track(110, entity="e1"),
            whole(10, entity="e0"),
            shows(0, 120, entity="e0"),
            shows(0, 230),
        ),
        case(
            "23.6-95",
            plan("pro", usage_based("messages", 100)),
            IN_PERCENT,
            track(210),
            track(10),
            shows(0, 220),
            too_much(1),
        ),
        case(
            "23.6-96",
            plan("pro", usage_based("messages", 100)),
            plan("free", monthly("messages", 50)),
            IN_PERCENT,
            track(330),
            shows(0, 330, granted=150),
            too_much(1),
            track(1),
            shows(0, 330),
        ),
        case(
            "23.6-97",
            plan("pro", usage_based("messages", 100)),
            plan("more", monthly("messages", 100), add_on=True),
            IN_PERCENT,
            track(320),
            shows(0, 320, granted=200),
            too_much(1),
        ),
        case(
            "23.6-98",
            plan("more", usage_based("messages", 100), add_on=True),
            IN_PERCENT,
            track(100),
            whole(500),
            shows(0, 600),
        ),
        case(
            "23.6-99",
            MESSAGES,
            controls(
                spend_limits=[percentage(120)],
                overage_allowed=[{"feature_id": "messages", "enabled": True}],
            ),
            track(100),
            track(100),
            track(20),
            shows(0, 220),
            too_much(1),
        ),
        case(
            "23.6-100",
            plan(
                "one",
                usage_based("messages", 1200),
                billing_controls={"spend_limits": [spend_limit(10)]},
            ),
            plan(
                "two",
                usage_based("messages", 1000),
                billing_controls={"spend_limits": [spend_limit(50)]},
            ),
            track(2200),
            shows(0, 2200),
            track(30),
            shows(0, 2210),
            too_much(1),
        ),
    ],
)
def test_overage_stops_at_the_spend_limit(world: World, steps: tuple[Step, ...]) -> None:
    play(world, steps)
