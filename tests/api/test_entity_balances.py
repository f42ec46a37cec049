"""What entities have of their own: shares of plans, plans and grants of theirs, controls."""

from typing import Any

import pytest

from orchard.store import keys
from orchard.store.statements import Query
from orchard.store.table import Table
from tests.builders import a_customer, a_feature, a_plan, balance, lifetime, monthly
from tests.conftest import TENANT, Call, Clock

type Item = dict[str, Any]


@pytest.fixture(autouse=True)
def _customer(call: Call) -> None:
    a_feature(call)
    a_feature(call, "seats", consumable=False)
    a_customer(call)


def for_each(item: Item) -> Item:
    return {**item, "entity_feature_id": "seats"}


def attached(call: Call, plan_id: str, *items: Item, **fields: Any) -> None:
    a_plan(call, plan_id, *items, group=plan_id)
    answered = call("billing.attach", {"customer_id": "user_1", "plan_id": plan_id, **fields})
    assert answered.status == 200, answered


def made(call: Call, *entity_ids: str, **fields: Any) -> None:
    for entity_id in entity_ids:
        body = {"customer_id": "user_1", "entity_id": entity_id, "feature_id": "seats", **fields}
        answered = call("entities.create", body)
        assert answered.status == 200, answered


def done(call: Call, operation: str, **body: Any) -> Any:
    answered = call(operation, {"customer_id": "user_1", **body})
    assert answered.status == 200, answered
    return answered.body


def left(call: Call, entity_id: str | None = None) -> float | None:
    """What remains of messages, as the entity or the customer sees it."""
    if entity_id is None:
        shown = done(call, "customers.get")["balances"]
    else:
        shown = done(call, "entities.get", entity_id=entity_id)["balances"]
    return shown["messages"]["remaining"] if "messages" in shown else None


def hot_items(table: Table) -> list[str]:
    partition = keys.hot_partition(TENANT, "user_1")
    return [item["sk"] for item in table.query(Query("pk = :pk", {":pk": partition}))]


def test_an_entity_gets_its_share_of_plans_that_are_held_already(call: Call) -> None:
    attached(call, "each", for_each(monthly("messages", 100)))
    assert left(call) in (None, 0)

    made(call, "ws_1", "ws_2")

    assert (left(call, "ws_1"), left(call, "ws_2"), left(call)) == (100, 100, 200)


def test_entities_get_their_share_of_a_plan_that_comes_later(call: Call) -> None:
    made(call, "ws_1", "ws_2")

    attached(call, "each", for_each(monthly("messages", 100)))

    assert (left(call, "ws_1"), left(call, "ws_2"), left(call)) == (100, 100, 200)


def test_a_customer_can_use_the_shares_of_entities_whatever_their_ids(call: Call) -> None:
    attached(call, "each", for_each(monthly("messages", 100)))
    made(call, "#1", "\U0001f333", "zz")

    tracked = done(call, "balances.track", feature_id="messages", value=250)

    assert tracked["balance"]["remaining"] == 50
    assert left(call) == 50


def test_entities_of_another_feature_get_no_share(call: Call) -> None:
    a_feature(call, "rooms", consumable=False)
    attached(call, "each", for_each(monthly("messages", 100)))

    made(call, "room_1", feature_id="rooms")

    assert left(call, "room_1") is None


def test_one_entity_does_not_use_the_share_of_another(call: Call) -> None:
    attached(call, "each", for_each(monthly("messages", 100)))
    made(call, "ws_1", "ws_2")

    done(call, "balances.track", feature_id="messages", entity_id="ws_1", value=130)

    assert (left(call, "ws_1"), left(call, "ws_2"), left(call)) == (0, 100, 100)


def test_the_share_goes_with_the_entity_and_a_new_one_is_whole(call: Call, table: Table) -> None:
    attached(call, "each", for_each(monthly("messages", 100)))
    made(call, "ws_1", "ws_2")
    done(call, "balances.track", feature_id="messages", entity_id="ws_1", value=30)

    done(call, "entities.delete", entity_id="ws_1")
    assert left(call) == 100
    assert not [sk for sk in hot_items(table) if "ws_1" in sk]

    made(call, "ws_1")
    assert (left(call, "ws_1"), left(call)) == (100, 200)


def test_a_plan_of_an_entity_goes_with_it(call: Call, table: Table) -> None:
    made(call, "ws_1")
    attached(call, "own", monthly("messages", 50), entity_id="ws_1")
    view = done(call, "entities.get", entity_id="ws_1")
    assert [(plan["plan_id"], plan["scope"]) for plan in view["subscriptions"]] == [
        ("own", "entity")
    ]
    assert [plan["scope"] for plan in done(call, "customers.get")["subscriptions"]] == ["entity"]

    done(call, "entities.delete", entity_id="ws_1")

    assert done(call, "customers.get")["subscriptions"] == []
    assert left(call) is None
    assert not [sk for sk in hot_items(table) if keys.is_customer_plan(sk)]
    assert call("entities.list", {"plans": [{"id": "own"}]}).body["list"] == []
    assert call("customers.list", {"plans": [{"id": "own"}]}).body["list"] == []


def test_a_list_by_plan_shows_the_entity_that_holds_it(call: Call) -> None:
    made(call, "ws_1", "ws_2")
    attached(call, "own", monthly("messages", 50), entity_id="ws_1")

    wanted = {"plans": [{"id": "own"}]}

    assert [one["id"] for one in call("entities.list", wanted).body["list"]] == ["ws_1"]
    assert [one["id"] for one in done(call, "entities.list", **wanted)["list"]] == ["ws_1"]


def test_an_entity_may_hold_a_plan_of_the_group_that_its_customer_holds(call: Call) -> None:
    made(call, "ws_1")
    attached(call, "pro", monthly("messages", 50))
    done(call, "billing.attach", plan_id="pro", entity_id="ws_1")

    assert (left(call, "ws_1"), left(call)) == (100, 100)


def test_a_grant_to_an_entity_is_gone_with_it(call: Call) -> None:
    made(call, "ws_1")
    done(call, "balances.create", feature_id="messages", entity_id="ws_1", included_grant=5)
    assert left(call, "ws_1") == 5

    done(call, "entities.delete", entity_id="ws_1")
    made(call, "ws_1")

    assert left(call, "ws_1") is None


def test_shares_follow_their_customer_to_another_id(call: Call) -> None:
    attached(call, "each", for_each(monthly("messages", 100)))
    made(call, "ws_1")
    done(call, "balances.track", feature_id="messages", entity_id="ws_1", value=30)

    done(call, "customers.update", new_customer_id="user_2")

    view = call("entities.get", {"entity_id": "ws_1"}).body
    assert (view["customer_id"], view["balances"]["messages"]["remaining"]) == ("user_2", 70)


def test_a_deleted_customer_leaves_no_share_behind(call: Call, table: Table) -> None:
    attached(call, "each", for_each(monthly("messages", 100)))
    made(call, "ws_1")

    done(call, "customers.delete")

    assert hot_items(table) == []


def test_controls_of_an_entity_hold_as_soon_as_it_is_there(call: Call) -> None:
    attached(call, "free", monthly("messages", 10))
    limit = {"feature_id": "messages", "interval": "month", "limit": 4}
    made(call, "ws_1", billing_controls={"usage_limits": [limit]})

    done(call, "balances.track", feature_id="messages", entity_id="ws_1", value=9)

    assert left(call, "ws_1") == 6


def test_changed_controls_of_an_entity_hold_at_once_and_for_it_alone(call: Call) -> None:
    attached(call, "free", monthly("messages", 10))
    made(call, "ws_1", "ws_2")
    limit = {"feature_id": "messages", "interval": "month", "limit": 4}
    done(call, "entities.update", entity_id="ws_1", billing_controls={"usage_limits": [limit]})

    done(call, "balances.track", feature_id="messages", entity_id="ws_1", value=9)
    assert left(call, "ws_1") == 6
    done(call, "balances.track", feature_id="messages", entity_id="ws_2", value=5)
    assert left(call, "ws_2") == 1

    done(call, "entities.update", entity_id="ws_1", billing_controls={"usage_limits": []})
    done(call, "balances.track", feature_id="messages", entity_id="ws_1", value=1)
    assert left(call, "ws_1") == 0


def test_an_unknown_feature_has_no_entities_to_grant_to(call: Call) -> None:
    item = {**monthly("messages", 1), "entity_feature_id": "nothing"}

    answered = call("plans.create", {"plan_id": "p", "name": "P", "items": [item]})

    assert (answered.status, answered.body["code"]) == (404, "feature_not_found")


@pytest.mark.parametrize("counting", ["messages", "sso"])
def test_only_another_metered_feature_has_entities_to_grant_to(call: Call, counting: str) -> None:
    a_feature(call, "sso", type="boolean")
    item = {**monthly("messages", 1), "entity_feature_id": counting}

    answered = call("plans.create", {"plan_id": "p", "name": "P", "items": [item]})

    assert (answered.status, answered.body["code"]) == (400, "invalid_product_item")


def test_a_plan_may_give_to_the_customer_and_to_each_entity(call: Call) -> None:
    attached(call, "both", monthly("messages", 10), for_each(monthly("messages", 5)))
    made(call, "ws_1")

    assert (left(call, "ws_1"), left(call)) == (15, 15)


def test_a_feature_that_plans_grant_by_stays_and_takes_its_new_name_along(call: Call) -> None:
    a_plan(call, "each", for_each(monthly("messages", 5)))
    assert call("features.delete", {"feature_id": "seats"}).status == 409

    renamed = call("features.update", {"feature_id": "seats", "new_feature_id": "members"})

    assert renamed.status == 200, renamed
    shown = call("plans.get", {"plan_id": "each"}).body["items"][0]
    assert shown["entity_feature_id"] == "members"


def test_controls_show_what_was_used_of_each_limit_and_start_anew(call: Call, clock: Clock) -> None:
    attached(call, "free", monthly("messages", 10))
    limit = {"feature_id": "messages", "interval": "day", "limit": 4, "enabled": True}
    done(call, "customers.update", billing_controls={"usage_limits": [{**limit, "limit": 8}]})
    made(call, "ws_1", "ws_2")
    done(call, "entities.update", entity_id="ws_1", billing_controls={"usage_limits": [limit]})

    for entity_id in ("ws_1", "ws_2"):
        done(call, "balances.track", feature_id="messages", entity_id=entity_id, value=3)

    own = done(call, "entities.get", entity_id="ws_1")["billing_controls"]["usage_limits"]
    assert own == [{**limit, "usage": 3}]
    shared = [{**limit, "limit": 8, "usage": 3, "source": "customer"}]
    assert used(call, "customers.get") == shared
    assert used(call, "entities.get", entity_id="ws_2") == shared

    clock.advance(days=1)
    assert [one["usage"] for one in used(call, "entities.get", entity_id="ws_1")] == [0]
    assert [one["usage"] for one in used(call, "customers.get")] == [0]


def test_controls_of_a_plan_of_an_entity_hold_for_it_alone(call: Call) -> None:
    limit = {"feature_id": "messages", "enabled": True, "overage_limit": 5}
    made(call, "ws_1", "ws_2")
    a_plan(call, "own", group="own", billing_controls={"spend_limits": [limit]})
    done(call, "billing.attach", plan_id="own", entity_id="ws_1")

    own = done(call, "entities.get", entity_id="ws_1")["billing_controls"]
    assert own == {"spend_limits": [{**limit, "source": "plan"}]}
    assert "billing_controls" not in done(call, "entities.get", entity_id="ws_2")
    assert done(call, "customers.get")["billing_controls"] == {}


def used(call: Call, operation: str, **body: Any) -> Any:
    return done(call, operation, **body)["billing_controls"]["usage_limits"]


def test_an_entity_is_shown_without_what_others_have(call: Call) -> None:
    made(call, "ws_1", "ws_2", "user_1")
    attached(call, "each", for_each(monthly("messages", 100)))
    attached(call, "own", monthly("messages", 7), entity_id="ws_2")
    attached(call, "shared", monthly("messages", 1))

    assert [left(call, one) for one in ("ws_1", "ws_2", "user_1")] == [101, 108, 101]
    view = done(call, "entities.get", entity_id="ws_1")
    assert {plan["plan_id"] for plan in view["subscriptions"]} == {"each", "shared"}


def test_plans_are_offered_to_an_entity_by_what_it_holds_itself(call: Call) -> None:
    made(call, "ws_1", "ws_2")
    attached(call, "own", monthly("messages", 50), entity_id="ws_1")

    def offered(**fields: str) -> Any:
        (plan,) = done(call, "plans.list", **fields)["list"]
        return plan["customer_eligibility"]["attach_action"]

    assert offered(entity_id="ws_1") == "none"
    assert offered(entity_id="ws_2") == offered() != "none"
    unknown = call("plans.list", {"customer_id": "user_1", "entity_id": "ws_9"})
    assert (unknown.status, unknown.body["code"]) == (404, "entity_not_found")


def test_a_plan_of_seats_counts_the_entities_that_are_there(call: Call) -> None:
    a_feature(call, "desks", consumable=False)
    a_plan(call, "team", lifetime("desks", 3))
    a_customer(call)
    for name in ("ws_1", "ws_2"):
        body = {"customer_id": "user_1", "entity_id": name, "feature_id": "desks"}
        assert call("entities.create", body).status == 200

    assert call("billing.attach", {"customer_id": "user_1", "plan_id": "team"}).status == 200

    held = balance(call, "desks")
    assert (held["remaining"], held["usage"]) == (1, 2)


def test_an_edited_reset_date_holds_for_the_shares_of_all_entities(
    call: Call, clock: Clock
) -> None:
    attached(call, "each", for_each(monthly("messages", 100)))
    made(call, "ws_1", "ws_2")
    done(call, "balances.track", feature_id="messages", value=150)
    at = clock.now + 86_400_000

    done(call, "balances.update", feature_id="messages", next_reset_at=at)
    made(call, "ws_3")

    shown = balance(call)
    assert shown["next_reset_at"] == shown["breakdown"][0]["reset"]["resets_at"] == at
    clock.advance(days=1)
    assert (left(call, "ws_1"), left(call, "ws_2"), left(call)) == (100, 100, 300)


def test_the_id_of_a_grant_finds_it_wherever_it_lies(call: Call) -> None:
    made(call, "ws_1")
    grant = {"feature_id": "messages", "included_grant": 5, "balance_id": "gift"}
    done(call, "balances.create", entity_id="ws_1", **grant)

    done(call, "balances.delete", balance_id="gift")

    assert left(call, "ws_1") is None
