"""Usage of one feature, as customers show it and as events record it."""

from dataclasses import replace
from typing import Any

import pytest

from tests.acceptance.given import lifetime, monthly, plan
from tests.acceptance.sights import answers, events, missing, recorded, shows
from tests.acceptance.steps import edit, refused, track
from tests.acceptance.world import Ask, Step, World, case, play

MESSAGES = plan("free", monthly("messages", 100))
PROPERTIES = {"model": "small", "tokens": 12.5, "nested": {"list": [1, None, True]}}


def with_header(wanted: Ask, key: str) -> Ask:
    return replace(wanted, headers={"idempotency-key": key})


def event_has(**fields: Any) -> Step:
    """The newest event has these fields."""

    def looked(world: World) -> None:
        newest = events(world)[0]
        assert {name: newest[name] for name in fields} == fields

    return looked


def unknown_customer(world: World) -> None:
    body = {"customer_id": "nobody", "feature_id": "messages", "customer_data": {"name": "N"}}
    answered = world.ask("balances.track", body)
    assert (answered.status, answered.body["code"]) == (404, "customer_not_found")
    assert world.ask("customers.get", {"customer_id": "nobody"}).status == 404


@pytest.mark.parametrize(
    "steps",
    TRACKING := [
        case("23.1-1", MESSAGES, track(), answers(value=1), shows(99, 1)),
        case("23.1-2", MESSAGES, track(23.47), shows(76.53, 23.47)),
        case(
            "23.1-3",
            plan("free", monthly("action1", 100), monthly("action2", 80), monthly("messages", 60)),
            track(37.82, "action1"),
            shows(62.18, 37.82, "action1"),
            shows(80, 0, "action2"),
            shows(60, 0),
        ),
        case(
            "23.1-4",
            plan("free", {"feature_id": "dashboard"}),
            track(feature_id="dashboard"),
            answers(balance=None, value=1, deductions=[]),
            event_has(feature_id="dashboard", value=1),
        ),
        case(
            "23.1-5",
            plan("free", {"feature_id": "messages", "unlimited": True}),
            track(1),
            shows(0, 1, unlimited=True, granted=0),
        ),
        case(
            "23.1-6",
            track(1),
            answers(balance=None),
            track(2),
            answers(balance=None),
            track(3),
            answers(balance=None),
            recorded(3, 2, 1),
            missing(),
        ),
        case("23.1-7", MESSAGES, track(properties=PROPERTIES), event_has(properties=PROPERTIES)),
        case("23.1-8", track(), event_has(value=1)),
        case(
            "23.1-9 in the body",
            MESSAGES,
            track(25.5, idempotency_key="K"),
            refused(track(30.75, idempotency_key="K"), 409, "duplicate_idempotency_key"),
            shows(74.5, 25.5),
            recorded(25.5),
        ),
        case(
            "23.1-9 as a header",
            MESSAGES,
            with_header(track(25.5), "K"),
            refused(with_header(track(30.75), "K"), 409, "duplicate_idempotency_key"),
            shows(74.5, 25.5),
            recorded(25.5),
        ),
        case("23.1-10", unknown_customer),
    ],
)
def test_usage_is_taken_and_recorded(world: World, steps: tuple[Step, ...]) -> None:
    play(world, steps)


@pytest.mark.parametrize(
    "steps",
    REFUNDS := [
        case(
            "23.2-18",
            MESSAGES,
            track(30),
            shows(70, 30),
            track(-10),
            shows(80, 20),
            track(-50),
            shows(100, 0),
        ),
        case("23.2-19", MESSAGES, track(-37.89), answers(deductions=[]), shows(100, 0)),
        case(
            "23.2-20",
            plan("free", lifetime("users", 5)),
            track(8, "users"),
            shows(0, 8, "users", granted=5),
            track(-2, "users"),
            shows(0, 6, "users"),
            track(-2, "users"),
            shows(1, 4, "users"),
            track(-20, "users"),
            shows(5, 0, "users"),
        ),
        case(
            "23.2-21",
            MESSAGES,
            edit(remaining=10, included_grant=10),
            track(5),
            shows(5, 5),
            track(-100),
            shows(10, 0, granted=10),
        ),
    ],
)
def test_what_is_given_back_stops_at_the_grant(world: World, steps: tuple[Step, ...]) -> None:
    play(world, steps)


CASES = [*TRACKING, *REFUNDS]
