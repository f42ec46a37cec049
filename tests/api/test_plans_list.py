"""plans.list: which plans are shown, and what attaching each would do for a customer."""

from typing import Any

import pytest

from tests.builders import a_customer, a_feature, a_plan, lifetime
from tests.conftest import Call, Clock


@pytest.fixture(autouse=True)
def _feature(call: Call) -> None:
    a_feature(call)


def listed(call: Call, **body: Any) -> list[tuple[str, int]]:
    answered = call("plans.list", body)
    assert answered.status == 200, answered
    return [(plan["id"], plan["version"]) for plan in answered.body["list"]]


def eligibility(call: Call, customer_id: str = "user_1") -> dict[str, Any]:
    answered = call("plans.list", {"customer_id": customer_id})
    assert answered.status == 200, answered
    return {plan["id"]: plan.get("customer_eligibility") for plan in answered.body["list"]}


def priced(call: Call, plan_id: str, amount: float, **fields: Any) -> None:
    price = {"amount": amount, "interval": fields.pop("interval", "month")}
    a_plan(call, plan_id, lifetime("messages", 1), price=price, **fields)


def test_plans_are_listed_by_age_in_their_newest_version(call: Call, clock: Clock) -> None:
    for plan_id in ("b", "a"):
        a_plan(call, plan_id)
        clock.advance(seconds=1)
    call("plans.update", {"plan_id": "b", "force_version": True})

    assert listed(call) == [("b", 2), ("a", 1)]
    assert listed(call, all_versions=True) == [("b", 1), ("b", 2), ("a", 1)]


def test_archived_plans_are_shown_when_asked_for(call: Call) -> None:
    a_plan(call, "a")
    a_plan(call, "b")
    call("plans.update", {"plan_id": "a", "archived": True})

    assert listed(call) == [("b", 1)]
    assert listed(call, include_archived=True) == [("a", 1), ("b", 1)]


def test_a_plan_that_is_no_longer_archived_is_listed_again(call: Call) -> None:
    a_plan(call, "a")
    for archived in (True, False):
        call("plans.update", {"plan_id": "a", "archived": archived})

    assert listed(call) == [("a", 1)]


def test_without_a_customer_nothing_is_said_about_one(call: Call) -> None:
    a_plan(call)

    assert "customer_eligibility" not in call("plans.list", {}).body["list"][0]


def test_of_a_customer_that_does_not_exist_nothing_is_said(call: Call) -> None:
    a_plan(call)

    assert eligibility(call, "nobody") == {"free": None}


def test_an_unknown_entity_is_not_found(call: Call) -> None:
    a_customer(call)

    answered = call("plans.list", {"customer_id": "user_1", "entity_id": "ws_1"})

    assert (answered.status, answered.body["code"]) == (404, "entity_not_found")


def test_every_plan_of_a_new_customer_would_be_activated(call: Call) -> None:
    a_customer(call)
    a_plan(call, "free")
    priced(call, "pro", 20)
    priced(call, "credits", 5, interval="one_off")

    assert eligibility(call) == {
        "free": {"attach_action": "activate", "trial_available": False},
        "pro": {"attach_action": "activate", "trial_available": False},
        "credits": {"attach_action": "purchase", "trial_available": False},
    }


def test_beside_a_plan_others_are_upgrades_add_ons_and_other_groups(call: Call) -> None:
    a_plan(call, "free", auto_enable=True)
    a_customer(call)
    priced(call, "pro", 20, free_trial={"duration_length": 7})
    a_plan(call, "extra", add_on=True)
    a_plan(call, "storage", group="storage")

    assert eligibility(call) == {
        "free": {
            "attach_action": "none",
            "status": "active",
            "canceling": False,
            "trialing": False,
            "trial_available": False,
        },
        "pro": {"attach_action": "upgrade", "trial_available": True},
        "extra": {"attach_action": "activate", "trial_available": False},
        "storage": {"attach_action": "activate", "trial_available": False},
    }


def test_a_customer_on_trial_cannot_try_again(call: Call, clock: Clock) -> None:
    trial = {"duration_length": 7, "duration_type": "day", "card_required": False}
    a_plan(call, "free", auto_enable=True, free_trial=trial)
    a_customer(call)

    during = eligibility(call)["free"]
    clock.advance(days=7)

    assert (during["trialing"], during["trial_available"]) == (True, False)
    assert eligibility(call)["free"] == {"attach_action": "activate", "trial_available": False}


def test_a_newer_version_of_the_own_plan_is_the_own_plan(call: Call) -> None:
    a_plan(call, "free", auto_enable=True)
    a_customer(call)
    call("plans.update", {"plan_id": "free", "items": [lifetime("messages", 9)]})

    assert eligibility(call)["free"]["attach_action"] == "none"


@pytest.mark.parametrize("resource", ["plans", "products"])
def test_over_rest_the_customer_is_asked_for_in_the_query(call: Call, resource: str) -> None:
    a_plan(call, "free", auto_enable=True)
    a_customer(call)
    query = {"customer_id": "user_1", "include_archived": "true"}

    answered = call("plans.list", "", route=f"GET /v1/{resource}", query=query)

    assert answered.body["list"][0]["customer_eligibility"]["status"] == "active"
