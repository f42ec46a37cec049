"""Credits that pay for other features, beside balances of those features themselves."""

import pytest

from tests.acceptance.given import monthly, plan
from tests.acceptance.sights import answers, shows, told
from tests.acceptance.steps import check, event, track
from tests.acceptance.world import Step, World, case, play

OWN_AND_CREDITS = plan("free", monthly("action1", 100), monthly("credits", 200))
BOTH_EVENTS = plan(
    "free",
    monthly("action1", 80),
    monthly("credits", 150),
    monthly("action3", 60),
    monthly("credits2", 100),
)
SHARERS = {"action1", "action3", "credits", "credits2", "credits3"}


def shown(feature_id: str) -> Step:
    """The answer shows the balance of this feature."""
    return told(lambda answer: answer["balance"]["feature_id"], feature_id)


@pytest.mark.parametrize(
    "steps",
    CASES := [
        case(
            "23.4-41",
            plan("free", monthly("credits", 100)),
            track(27.35, "credits"),
            shows(72.65, 27.35, "credits"),
        ),
        case(
            "23.4-42",
            plan("free", monthly("credits", 200)),
            track(50.25, "action1"),
            shows(189.95, 10.05, "credits"),
            track(33.67, "action2"),
            shows(169.748, 30.252, "credits"),
        ),
        case(
            "23.4-43",
            OWN_AND_CREDITS,
            track(40.5, "action1"),
            shows(59.5, 40.5, "action1"),
            shows(200, 0, "credits"),
            track(80, "action1"),
            shown("action1"),
            shows(0, 100, "action1"),
            shows(195.9, 4.1, "credits"),
            track(50.75, "action1"),
            shown("credits"),
            shows(0, 100, "action1"),
            shows(185.75, 14.25, "credits"),
        ),
        case(
            "23.4-44",
            BOTH_EVENTS,
            event(25.5),
            shows(54.5, 25.5, "action1"),
            shows(34.5, 25.5, "action3"),
            event(70),
            shows(0, 80, "action1"),
            shows(146.9, 3.1, "credits"),
            shows(0, 60, "action3"),
            shows(50.3, 49.7, "credits2"),
            event(40.25),
            shows(138.85, 11.15, "credits"),
            shows(0, 100, "credits2"),
        ),
        case(
            "23.4-45",
            OWN_AND_CREDITS,
            track(10, "action1"),
            told(lambda answer: set(answer["balances"]), {"action1", "credits", "credits3"}),
            told(lambda answer: answer["balances"]["credits3"], None),
            told(lambda answer: answer["balances"]["action1"]["remaining"], 90),
            told(lambda answer: answer["balances"]["credits"]["remaining"], 200),
        ),
        case(
            "23.4-46",
            BOTH_EVENTS,
            event(1),
            answers(balance=None),
            told(lambda answer: set(answer["balances"]), SHARERS),
            track(1, "messages"),
            told(lambda answer: "balances" not in answer, wanted=True),
            track(1, "credits"),
            told(lambda answer: "balances" not in answer, wanted=True),
        ),
        case(
            "23.4-47",
            plan("free", monthly("action1", 150)),
            event(37.89),
            told(lambda answer: answer["balances"]["credits"], None),
            shows(112.11, 37.89, "action1"),
        ),
        case(
            "23.4-48",
            plan("free", monthly("credits", 100)),
            check(50.75, "action1"),
            answers(required_balance=10.15, allowed=True),
            check(167.33, "action2"),
            answers(required_balance=100.398, allowed=False),
        ),
        case(
            "23.4-49",
            plan("free", monthly("credits", 100)),
            check(50.25, "credits"),
            answers(allowed=True, required_balance=50.25),
            check(100.5, "credits"),
            answers(allowed=False, required_balance=100.5),
        ),
        case(
            "23.4-50",
            plan("free", monthly("action1", 50), monthly("credits", 100)),
            check(25.5, "action1"),
            answers(allowed=True, required_balance=25.5),
            shown("action1"),
            track(50, "action1"),
            check(25.5, "action1"),
            answers(allowed=True, required_balance=5.1),
            shown("credits"),
        ),
    ],
)
def test_credits_pay_what_the_feature_itself_does_not(
    world: World, steps: tuple[Step, ...]
) -> None:
    play(world, steps)
