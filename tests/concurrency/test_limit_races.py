"""Limits under pressure from all sides: reached exactly, and never passed."""

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from orchard.domain.quantity import total
from orchard.store import customers
from orchard.store.table import Table
from tests.builders import a_customer, a_feature, a_grant
from tests.concurrency.test_races import BODY, at_once, patiently, taken
from tests.conftest import Call, Clock, session_of
from tests.harness import Response

pytestmark = pytest.mark.concurrency

ENTITIES = [f"e{number}" for number in range(6)]
DAY = 86_400_000


@pytest.fixture(autouse=True)
def _customer(call: Call) -> None:
    a_feature(call)
    a_feature(call, "seats", consumable=False)
    a_customer(call)


def limit(call: Call, entity_id: str | None = None, **lists: Any) -> None:
    operation = "entities.update" if entity_id else "customers.update"
    body: dict[str, Any] = {"customer_id": "user_1", "billing_controls": lists}
    answered = call(operation, body | ({"entity_id": entity_id} if entity_id else {}))
    assert answered.status == 200, answered


def entities(call: Call, amount: float) -> None:
    """Entities that each have some messages of their own."""
    for entity_id in ENTITIES:
        body = {"customer_id": "user_1", "entity_id": entity_id, "feature_id": "seats"}
        assert call("entities.create", body).status == 200
        a_grant(call, amount, entity_id=entity_id)


def use(
    call: Call, value: float, entity_id: str | None = None, **more: Any
) -> Callable[[], Response]:
    body = {**BODY, "value": value, **more} | ({"entity_id": entity_id} if entity_id else {})
    return partial(patiently, partial(call, "balances.track", body))


def overdrawn(table: Table, clock: Clock) -> dict[str | None, Decimal]:
    """How much more than it had was used of each balance."""
    held = customers.require(session_of(table, clock.now), "user_1").balances
    return {
        one.place.entity_id: total(row.overdrawn for row in one.current(clock.now).own)
        for one in held
        if one.feature_id == "messages"
    }


def counted(table: Table, clock: Clock) -> list[Decimal]:
    """What the usage limits of messages have counted in their windows."""
    held = customers.require(session_of(table, clock.now), "user_1").balances
    states = (one.current(clock.now) for one in held if one.feature_id == "messages")
    return [one.used for held in states for one in held.controls.usage_limits]


def test_all_entities_together_reach_the_spend_limit_of_their_customer(
    call: Call, table: Table, clock: Clock
) -> None:
    entities(call, 2)
    a_grant(call, 3)
    allowed = [{"feature_id": "messages", "enabled": True}]
    spend = [{"feature_id": "messages", "enabled": True, "overage_limit": 20}]
    limit(call, overage_allowed=allowed, spend_limits=spend)
    work = [use(call, 1.5, one) for one in ENTITIES] * 5 + [use(call, 1.5)] * 6

    answers = at_once(work)

    assert {answer.status for answer in answers} == {200}
    assert sum(overdrawn(table, clock).values()) == 20
    assert taken(answers) == 2 * len(ENTITIES) + 3 + 20


def test_a_usage_limit_is_reached_exactly_whoever_uses(
    call: Call, table: Table, clock: Clock
) -> None:
    entities(call, 4)
    a_grant(call, 500)
    limit(call, usage_limits=[{"feature_id": "messages", "limit": 40, "interval": "month"}])
    work = [use(call, 1.5), *(use(call, 2.5, one) for one in ENTITIES)] * 5

    answers = at_once(work)

    assert taken(answers) == 40
    assert counted(table, clock)[-1] == 40


def test_limits_for_some_events_count_those_alone(call: Call, table: Table, clock: Clock) -> None:
    a_grant(call, 500)
    about = {"feature_id": "messages", "interval": "month"}
    large = {"properties": {"model": "large"}}
    limits = [{**about, "limit": 20, "filter": large}, {**about, "limit": 50}]
    limit(call, usage_limits=limits)
    some = [use(call, 1.5, properties={"model": "large"})] * 20
    rest = [use(call, 2, properties={"model": "small"})] * 12

    answers = at_once(some + rest)

    bounded = taken(answers[:20])
    assert bounded <= 20
    assert taken(answers) <= 50
    assert counted(table, clock) == [bounded, taken(answers)]


def test_a_window_that_closes_meanwhile_starts_anew_once(
    call: Call, table: Table, clock: Clock
) -> None:
    a_grant(call, 500)
    entry = {"feature_id": "messages", "limit": 30, "interval": "day", "anchor": "utc"}
    limit(call, usage_limits=[entry])

    def next_day() -> None:
        clock.now += DAY

    spent = Decimal(0)
    for _ in range(3):
        work: list[Callable[[], object]] = [use(call, 1.5)] * 16
        found = at_once([*work, next_day, *work])
        answers = [one for one in found if isinstance(one, Response)]
        spent += taken(answers)
        # What was used on either side of midnight; the new day counts its own alone.
        assert taken(answers) <= 60
        today = counted(table, clock)
        assert len(today) == 1
        assert today[0] <= min(Decimal(30), taken(answers))
        clock.now += DAY
        assert taken(at_once([use(call, 2)] * 20)) == 30
        assert counted(table, clock) == [30]
        spent += 30
        clock.now += DAY
    remaining = call("balances.check", BODY).body["balance"]["remaining"]
    assert Decimal(str(remaining)) == 500 - spent
