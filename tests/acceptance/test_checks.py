"""Checks: what is allowed, on which balance, at which price."""

import pytest

from tests.acceptance.given import lifetime, monthly, plan, prepaid, usage_based
from tests.acceptance.sights import answers, forbids, permits, shows, sources, told
from tests.acceptance.steps import check, publicly, track
from tests.acceptance.world import Step, World, case, play, seen

TIERED = prepaid(
    "messages",
    100,
    billing_units=100,
    tiers=[{"to": 600, "amount": 10}, {"to": "inf", "amount": 5}],
)
WORDS = monthly(
    "words",
    50,
    price={
        "interval": "month",
        "billing_method": "usage_based",
        "tiers": [
            {"to": 150, "amount": 0.5},
            {"to": 550, "amount": 0.3},
            {"to": "inf", "amount": 0.1},
        ],
    },
)


def priced(feature_id: str = "messages", **fields: object) -> Step:
    """The first source has such a price."""

    def looked(world: World) -> None:
        price = seen(world, feature_id, None)["breakdown"][0]["price"]
        assert {name: price[name] for name in fields} == fields, price

    return looked


def ends_of_tiers(*ends: float | str, feature_id: str) -> Step:
    def looked(world: World) -> None:
        price = seen(world, feature_id, None)["breakdown"][0]["price"]
        assert tuple(tier["to"] for tier in price["tiers"]) == ends

    return looked


def resets_each(*intervals: str) -> Step:
    """The sources begin anew so often; one that never does says so and when: never."""

    def looked(world: World) -> None:
        resets = [one["reset"] for one in seen(world, "messages", None)["breakdown"]]
        assert tuple(one["interval"] for one in resets) == intervals
        never = [one["resets_at"] for one in resets if one["interval"] == "one_off"]
        assert never == [None] * intervals.count("one_off")

    return looked


@pytest.mark.parametrize(
    "steps",
    CASES := [
        case(
            "23.5-57", check(), answers(allowed=False, balance=None, flag=None, required_balance=1)
        ),
        case(
            "23.5-58",
            plan("free", {"feature_id": "dashboard"}),
            check(feature_id="dashboard"),
            answers(allowed=True, balance=None),
            told(lambda answer: set(answer["flag"]), {"id", "plan_id", "expires_at", "feature_id"}),
            told(lambda answer: answer["flag"]["plan_id"], "free"),
            told(lambda answer: answer["flag"]["feature_id"], "dashboard"),
        ),
        case(
            "23.5-59",
            plan("pro", usage_based("messages", 100)),
            plan("once", lifetime("messages", 1000), add_on=True),
            resets_each("month", "one_off"),
            shows(1100, 0, overage_allowed=True),
        ),
        # Quantities include what is free: 600 are 100 and 500 bought.
        case(
            "23.5-60",
            plan("pro", prepaid("messages", 100), bought={"messages": 500}),
            shows(600, 0, granted=600),
            sources(100, by="included_grant"),
            sources(500, by="prepaid_grant"),
            permits(599),
            forbids(601),
        ),
        case(
            "23.5-61",
            plan("pro", TIERED, bought={"messages": 200}),
            shows(300, 0, granted=300),
            ends_of_tiers(600, "inf", feature_id="messages"),
            priced(billing_units=100, billing_method="prepaid"),
        ),
        case(
            "23.5-62",
            plan("pro", usage_based("messages", 100, 0.5)),
            priced(amount=0.5, billing_units=1, billing_method="usage_based", max_purchase=None),
        ),
        case("23.5-63", plan("pro", WORDS), ends_of_tiers(150, 550, "inf", feature_id="words")),
        case(
            "23.5-64",
            plan("pro", usage_based("messages", 100, most=400)),
            shows(100, 0, max_purchase=400),
            permits(500),
            forbids(501),
        ),
        case(
            "23.5-65",
            plan("pro", prepaid("messages", 100), bought={"messages": 500}),
            plan("more", usage_based("messages", 200, most=300), add_on=True),
            track(600),
            shows(200, 600, max_purchase=None),
            track(400),
            shows(0, 1000),
            track(200),
            shows(0, 1100, max_purchase=None),
        ),
        case(
            "23.5-66",
            plan("free", monthly("messages", 1000)),
            publicly(check(100)),
            answers(allowed=True),
            publicly(check(100, send_event=True), 400, "invalid_request"),
            shows(1000, 0),
        ),
        case(
            "23.5-67",
            plan("free", monthly("messages", 1000)),
            check(150, send_event=True),
            answers(allowed=True),
            shows(850, 150),
            check(900, send_event=True),
            answers(allowed=False),
            shows(850, 150),
        ),
    ],
)
def test_a_check_tells_what_may_be_used(world: World, steps: tuple[Step, ...]) -> None:
    play(world, steps)
