"""Windows of usage limits over time: when they begin, and what does not start them anew."""

from typing import Any

import pytest

from tests.builders import a_customer, a_feature, a_grant, a_plan, monthly
from tests.conftest import Call, Clock

HOURLY = {"feature_id": "messages", "included": 100, "reset": {"interval": "hour"}}


@pytest.fixture(autouse=True)
def world(call: Call, clock: Clock) -> None:
    del clock
    a_feature(call)


def test_a_limit_of_a_year_outlasts_the_resets_of_a_monthly_plan(call: Call, clock: Clock) -> None:
    given(call, monthly("messages", 100), limit=50, interval="year")
    track(call, 30)

    for _month in range(4):
        clock.advance(days=31)
        assert counted(call) == 30
    track(call, 30)

    assert counted(call) == 50


def test_a_limit_of_a_year_begins_anew_a_year_after_the_cycle_it_began_in(
    call: Call, clock: Clock
) -> None:
    given(call, monthly("messages", 100), limit=50, interval="year")
    track(call, 30)

    clock.advance(days=364)
    assert counted(call) == 30
    clock.advance(days=1)

    assert counted(call) == 0


def test_a_limit_of_a_month_outlasts_the_resets_of_an_hourly_plan(call: Call, clock: Clock) -> None:
    given(call, HOURLY, limit=50, interval="month")
    track(call, 30)

    clock.advance(seconds=3_700)
    track(call, 30)

    assert counted(call) == 50


def test_a_grant_does_not_begin_a_longer_window_anew(call: Call, clock: Clock) -> None:
    given(call, monthly("messages", 100), limit=50, interval="year")
    track(call, 30)

    clock.advance(days=40)
    a_grant(call, 5)
    a_grant(call, 5, reset={"interval": "day"})

    assert counted(call) == 30


def test_of_two_plans_on_cycles_of_their_own_the_main_one_sets_the_window(
    call: Call, clock: Clock
) -> None:
    a_plan(call, "extra", monthly("messages", 10), add_on=True)
    given(call, monthly("messages", 100), limit=50, interval="month")
    clock.advance(days=14)
    assert call("billing.attach", {"customer_id": "user_1", "plan_id": "extra"}).status == 200
    clock.advance(days=17)
    track(call, 30)

    clock.advance(days=15)

    assert counted(call) == 30


def given(call: Call, item: dict[str, Any], *, limit: int, interval: str) -> None:
    """A customer on a plan with this item, and a limit on its messages."""
    a_plan(call, "free", item, auto_enable=True)
    a_customer(call)
    controls = {"usage_limits": [{"feature_id": "messages", "limit": limit, "interval": interval}]}
    changed = call("customers.update", {"customer_id": "user_1", "billing_controls": controls})
    assert changed.status == 200, changed


def track(call: Call, value: float) -> None:
    answered = call(
        "balances.track", {"customer_id": "user_1", "feature_id": "messages", "value": value}
    )
    assert answered.status == 200, answered


def counted(call: Call) -> float:
    """What the limit shows as used in its present window."""
    shown = call("customers.get", {"customer_id": "user_1"}).body
    usage: float = shown["billing_controls"]["usage_limits"][0]["usage"]
    return usage
