"""What goes with a plan that ends by itself, beyond its balances."""

from tests.builders import a_customer, a_feature, a_grant, a_plan, monthly
from tests.conftest import Call, Clock
from tests.jobs.conftest import Job

LIMIT = {"feature_id": "messages", "limit": 5, "interval": "month"}
TRIAL = {"duration_type": "day", "duration_length": 7, "card_required": False}
TRACK = {"customer_id": "user_1", "feature_id": "messages", "value": 8}


def a_trial(call: Call) -> None:
    """A trial of a plan with a limit, and a grant that outlives it."""
    a_feature(call)
    fields = {"free_trial": TRIAL, "billing_controls": {"usage_limits": [LIMIT]}}
    a_plan(call, "trial", monthly("messages", 10), **fields)
    a_customer(call)
    a_grant(call, 100)
    assert call("billing.attach", {"customer_id": "user_1", "plan_id": "trial"}).status == 200


def used(call: Call) -> float:
    answered = call("balances.track", TRACK)
    assert answered.status == 200, answered
    paid: float = sum(one["value"] for one in answered.body["deductions"])
    return paid


def test_the_limits_of_a_trial_end_with_it(call: Call, clock: Clock, run: Job) -> None:
    a_trial(call)
    assert used(call) == 5

    clock.advance(days=8)
    run("reset_balances")

    assert used(call) == 8
    shown = call("customers.get", {"customer_id": "user_1"}).body
    assert shown["subscriptions"] == []
    assert shown["billing_controls"] == {}


def test_the_end_of_a_plan_is_seen_to_once(call: Call, clock: Clock, run: Job) -> None:
    a_trial(call)
    clock.advance(days=8)
    run("reset_balances")

    assert run("reset_balances")["Reset"] == 0


def test_a_trial_that_ended_leaves_the_lists_of_those_who_hold_it(
    call: Call, clock: Clock, run: Job
) -> None:
    a_trial(call)
    listing = {"plans": [{"id": "trial"}]}
    assert len(call("customers.list", listing).body["list"]) == 1

    clock.advance(days=8)
    run("reset_balances")

    assert call("customers.list", listing).body["list"] == []
