"""Entities made, changed and removed while others use them, or move or remove their customer."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from orchard.store import keys
from orchard.store.statements import Item, Query
from orchard.store.table import Table
from tests.builders import a_customer, a_feature, a_plan, balance, lifetime, monthly
from tests.concurrency.test_races import at_once, patiently
from tests.conftest import TENANT, Call
from tests.harness import Response

pytestmark = pytest.mark.concurrency

THREADS = 16
type Work = Callable[[], Response]


@pytest.fixture(autouse=True)
def _customer(call: Call) -> None:
    a_feature(call)
    a_feature(call, "seats", consumable=False)
    a_plan(call, "each", {**monthly("messages", 10), "entity_feature_id": "seats"}, group="each")
    a_plan(call, "team", lifetime("seats", 5), group="team")
    a_customer(call)
    done(call, "billing.attach", plan_id="team")


def asking(call: Call, operation: str, **body: Any) -> Work:
    whole = {"customer_id": "user_1", **body}
    return partial(patiently, partial(call, operation, whole))


def done(call: Call, operation: str, **body: Any) -> Any:
    answered = asking(call, operation, **body)()
    assert answered.status == 200, answered
    return answered.body


def making(call: Call, entity_id: str) -> Work:
    return asking(call, "entities.create", entity_id=entity_id, feature_id="seats")


def statuses(work: list[Work]) -> Counter[int]:
    return Counter(answer.status for answer in at_once(work))


def shares(call: Call, customer_id: str = "user_1") -> dict[str, float]:
    """What each entity has of messages."""
    listed = call("entities.list", {"customer_id": customer_id, "limit": 1000}).body["list"]
    return {one["id"]: one["balances"]["messages"]["granted"] for one in listed}


def hot_items(table: Table, customer_id: str = "user_1") -> list[Item]:
    partition = keys.hot_partition(TENANT, customer_id)
    return list(table.query(Query("pk = :pk", {":pk": partition})))


def pointed(table: Table, entity_id: str) -> list[str]:
    partition = keys.entity_pointers(TENANT, entity_id)
    return [item["hot_id"] for item in table.query(Query("pk = :pk", {":pk": partition}))]


def test_one_of_many_makes_the_entity_and_takes_one_seat(call: Call) -> None:
    assert statuses([making(call, "ws")] * THREADS) == {200: 1, 409: THREADS - 1}
    assert balance(call, "seats")["usage"] == 1


def test_many_entities_made_at_once_each_take_a_seat_and_get_a_share(call: Call) -> None:
    done(call, "billing.attach", plan_id="each")
    names = [f"ws_{number}" for number in range(THREADS)]

    assert statuses([making(call, name) for name in names]) == {200: THREADS}

    assert balance(call, "seats")["usage"] == THREADS
    assert shares(call) == dict.fromkeys(names, 10)


def test_entities_made_while_a_plan_comes_get_one_share_each(call: Call) -> None:
    names = [f"ws_{number}" for number in range(8)]
    attaching = asking(call, "billing.attach", plan_id="each")

    assert statuses([*(making(call, name) for name in names), attaching]) == {200: 9}

    assert shares(call) == dict.fromkeys(names, 10)


def test_one_of_many_deletions_gives_the_seat_back(call: Call) -> None:
    for name in ("ws_1", "ws_2"):
        making(call, name)()
    deleting = asking(call, "entities.delete", entity_id="ws_1")

    assert statuses([deleting] * 8) == {200: 1, 404: 7}
    assert balance(call, "seats")["usage"] == 1


def test_usage_of_an_entity_that_is_being_deleted_leaves_nothing_behind(
    call: Call, table: Table
) -> None:
    done(call, "billing.attach", plan_id="each")
    making(call, "ws_1")()
    using = asking(call, "balances.track", feature_id="messages", entity_id="ws_1", value=1)
    editing = asking(call, "balances.update", feature_id="messages", entity_id="ws_1", remaining=5)

    found = statuses([*[using] * 8, editing, asking(call, "entities.delete", entity_id="ws_1")])

    assert found.keys() <= {200, 404}
    assert [one for one in hot_items(table) if one.get("entity_id") == "ws_1"] == []
    assert pointed(table, "ws_1") == []
    making(call, "ws_1")()
    assert shares(call) == {"ws_1": 10}


def test_an_entity_follows_a_customer_that_is_renamed_meanwhile(call: Call, table: Table) -> None:
    done(call, "billing.attach", plan_id="each")
    making(call, "old")()
    work = [
        asking(call, "customers.update", new_customer_id="user_2"),
        *(
            asking(call, "entities.update", entity_id="old", billing_controls=controls(limit))
            for limit in range(1, 5)
        ),
    ]

    assert statuses(work).keys() <= {200, 404}

    assert pointed(table, "old") == ["user_2"]
    assert shares(call, "user_2") == {"old": 10}
    assert hot_items(table) == []


def test_a_customer_deleted_while_entities_are_made_keeps_none_of_its_own(
    call: Call, table: Table
) -> None:
    names = [f"ws_{number}" for number in range(6)]

    found = statuses([*(making(call, name) for name in names), asking(call, "customers.delete")])

    assert found.keys() <= {200, 404}
    # Those that came after the deletion have a customer made anew.
    kept = {one["id"] for one in hot_items(table) if keys.is_entity(one["sk"])}
    whose = {one["internal_id"] for one in hot_items(table)}
    assert len(whose) <= 1
    assert {name for name in names if pointed(table, name)} == kept


def controls(limit: float) -> dict[str, Any]:
    entry = {"feature_id": "messages", "enabled": True, "overage_limit": limit}
    return {"spend_limits": [entry]}
