"""entities.create, .get, .update and .delete."""

from typing import Any

import pytest

from orchard.store import keys
from orchard.store.statements import Query
from orchard.store.table import Table
from tests.builders import a_customer, a_feature, a_plan, balance, lifetime
from tests.conftest import START, TENANT, Call, Clock

ENTITY = "/v1/customers/{customer_id}/entities/{entity_id}"


@pytest.fixture(autouse=True)
def _seats(call: Call) -> None:
    a_feature(call, "seats", consumable=False)


def an_entity(
    call: Call, entity_id: str = "ws_1", customer_id: str = "user_1", **fields: Any
) -> Any:
    body = {"customer_id": customer_id, "entity_id": entity_id, "feature_id": "seats", **fields}
    answered = call("entities.create", body)
    assert answered.status == 200, answered
    return answered.body


def seats(call: Call, customer_id: str = "user_1") -> tuple[float, float]:
    shown = balance(call, "seats", customer_id)
    return shown["remaining"], shown["usage"]


def with_units(call: Call, included: int, feature_id: str = "seats") -> None:
    a_customer(call)
    a_plan(call, "team", lifetime(feature_id, included))
    attached = call("billing.attach", {"customer_id": "user_1", "plan_id": "team"})
    assert attached.status == 200, attached


def pointers(table: Table, entity_id: str = "ws_1") -> list[str]:
    partition = keys.entity_pointers(TENANT, entity_id)
    found = table.query(Query("pk = :pk", {":pk": partition}))
    return [item["hot_id"] for item in found]


def test_a_new_entity_is_returned_as_it_was_given(call: Call) -> None:
    a_customer(call)

    assert an_entity(call, name="Workspace 1") == {
        "id": "ws_1",
        "name": "Workspace 1",
        "customer_id": "user_1",
        "feature_id": "seats",
        "created_at": START,
        "env": "sandbox",
        "subscriptions": [],
        "purchases": [],
        "balances": {},
        "flags": {},
    }


def test_an_entity_is_read_as_it_was_made(call: Call) -> None:
    made = an_entity(call)

    answered = call("entities.get", {"customer_id": "user_1", "entity_id": "ws_1"})

    assert answered.body == made


def test_a_customer_that_is_missing_is_made_with_its_data(call: Call) -> None:
    a_feature(call)
    a_plan(call, "free", auto_enable=True)

    view = an_entity(call, customer_data={"name": "Ada", "email": "ada@example.com"})

    made = call("customers.get", {"customer_id": "user_1"}).body
    assert (made["name"], made["email"]) == ("Ada", "ada@example.com")
    assert [plan["plan_id"] for plan in view["subscriptions"]] == ["free"]
    assert view["balances"]["messages"]["remaining"] == 100


def test_a_customer_that_is_there_keeps_its_data(call: Call) -> None:
    a_customer(call, name="Ada")

    an_entity(call, customer_data={"name": "Other", "email": "other@example.com"})

    kept = call("customers.get", {"customer_id": "user_1"}).body
    assert (kept["name"], kept["email"]) == ("Ada", None)


def test_an_entity_takes_a_unit_of_its_feature_and_gives_it_back(call: Call) -> None:
    with_units(call, 2)

    an_entity(call, "ws_1")
    an_entity(call, "ws_2")
    assert seats(call) == (0, 2)

    assert call("entities.delete", {"customer_id": "user_1", "entity_id": "ws_1"}).body == {
        "success": True
    }
    assert seats(call) == (1, 1)


def test_free_seats_go_beyond_what_was_granted(call: Call) -> None:
    with_units(call, 1)

    an_entity(call, "ws_1")
    an_entity(call, "ws_2")

    assert seats(call) == (0, 2)


def test_an_entity_needs_a_unit_that_may_be_taken(call: Call) -> None:
    a_feature(call, "workspaces")
    with_units(call, 1, "workspaces")
    an_entity(call, "ws_1", feature_id="workspaces")

    answered = call(
        "entities.create",
        {"customer_id": "user_1", "entity_id": "ws_2", "feature_id": "workspaces"},
    )

    assert (answered.status, answered.body["code"]) == (400, "insufficient_balance")
    assert answered.body["message"] == "No workspaces left for another entity"
    assert call("entities.get", {"customer_id": "user_1", "entity_id": "ws_2"}).status == 404


def test_an_entity_that_exists_is_not_made_again(call: Call) -> None:
    with_units(call, 2)
    an_entity(call)

    answered = call(
        "entities.create", {"customer_id": "user_1", "entity_id": "ws_1", "feature_id": "seats"}
    )

    assert (answered.status, answered.body["code"]) == (409, "entity_already_exists")
    assert seats(call) == (1, 1)


def test_an_entity_of_an_unknown_feature_leaves_no_customer_behind(call: Call) -> None:
    body = {"customer_id": "user_1", "entity_id": "ws_1", "feature_id": "nothing"}

    answered = call("entities.create", body)

    assert (answered.status, answered.body["code"]) == (404, "feature_not_found")
    assert call("customers.get", {"customer_id": "user_1"}).status == 404


def test_only_metered_features_count_entities(call: Call) -> None:
    a_feature(call, "sso", type="boolean")

    answered = call(
        "entities.create", {"customer_id": "user_1", "entity_id": "ws_1", "feature_id": "sso"}
    )

    assert (answered.status, answered.body["code"]) == (400, "invalid_request")


@pytest.mark.parametrize("missing", ["customer_id", "entity_id", "feature_id"])
def test_an_entity_needs_its_ids(call: Call, missing: str) -> None:
    body = {"customer_id": "user_1", "entity_id": "ws_1", "feature_id": "seats"}
    del body[missing]

    answered = call("entities.create", body)

    assert answered.body["message"] == f"{missing}: is required"


def test_an_idempotency_key_makes_one_entity_and_its_customer_once(call: Call) -> None:
    body = {"customer_id": "user_1", "entity_id": "ws_1", "feature_id": "seats"}
    headers = {"idempotency-key": "once"}

    assert call("entities.create", body, headers=headers).status == 200
    answered = call("entities.create", body | {"entity_id": "ws_2"}, headers=headers)

    assert (answered.status, answered.body["code"]) == (409, "duplicate_idempotency_key")
    assert call("entities.get", {"entity_id": "ws_2"}).status == 404


@pytest.mark.parametrize("operation", ["entities.get", "entities.update", "entities.delete"])
def test_an_entity_that_does_not_exist_is_not_found(call: Call, operation: str) -> None:
    a_customer(call)

    with_customer = call(operation, {"customer_id": "user_1", "entity_id": "ws_9"})
    without = call(operation, {"entity_id": "ws_9"})

    assert {with_customer.status, without.status} == {404}
    assert {with_customer.body["code"], without.body["code"]} == {"entity_not_found"}


def test_an_entity_of_an_unknown_customer_tells_of_the_customer(call: Call) -> None:
    answered = call("entities.get", {"customer_id": "user_9", "entity_id": "ws_1"})

    assert (answered.status, answered.body["code"]) == (404, "customer_not_found")


def test_an_id_that_one_customer_uses_needs_no_customer(call: Call) -> None:
    an_entity(call)

    assert call("entities.get", {"entity_id": "ws_1"}).body["customer_id"] == "user_1"


def test_an_id_that_several_customers_use_needs_the_customer(call: Call) -> None:
    an_entity(call, customer_id="user_1")
    an_entity(call, customer_id="user_2")

    answered = call("entities.get", {"entity_id": "ws_1"})
    assert (answered.status, answered.body["code"]) == (400, "entity_id_required")

    named = call("entities.get", {"customer_id": "user_2", "entity_id": "ws_1"})
    assert named.body["customer_id"] == "user_2"

    assert call("entities.delete", {"customer_id": "user_2", "entity_id": "ws_1"}).status == 200
    assert call("entities.get", {"entity_id": "ws_1"}).body["customer_id"] == "user_1"


def test_ids_may_hold_what_keys_are_made_of(call: Call) -> None:
    an_entity(call, "a#b%/c d")

    assert call("entities.get", {"entity_id": "a#b%/c d"}).body["id"] == "a#b%/c d"


def test_controls_are_stored_and_those_of_the_customer_are_inherited(call: Call) -> None:
    limit = {"feature_id": "messages", "enabled": True, "overage_limit": 10}
    shared = {"feature_id": "words", "enabled": True, "overage_limit": 5}
    controls = {"spend_limits": [{**limit, "overage_limit": 99}, shared]}
    a_customer(call, billing_controls=controls)

    view = an_entity(call, billing_controls={"spend_limits": [limit]})

    assert view["billing_controls"] == {"spend_limits": [limit, {**shared, "source": "customer"}]}


def test_an_update_replaces_the_lists_that_are_sent(call: Call) -> None:
    alert = {"threshold": 5, "threshold_type": "usage", "enabled": True}
    allowed = {"feature_id": "messages", "enabled": True}
    an_entity(call, billing_controls={"overage_allowed": [allowed]})

    sent = {"usage_alerts": [alert]}
    view = call("entities.update", {"entity_id": "ws_1", "billing_controls": sent}).body
    assert view["billing_controls"] == {"usage_alerts": [alert], "overage_allowed": [allowed]}

    sent = {"usage_alerts": [], "overage_allowed": []}
    view = call("entities.update", {"entity_id": "ws_1", "billing_controls": sent}).body
    assert view["billing_controls"] == {"usage_alerts": [], "overage_allowed": []}


def test_an_update_changes_nothing_but_controls(call: Call) -> None:
    made = an_entity(call, name="One")

    answered = call("entities.update", {"entity_id": "ws_1", "name": "Two", "feature_id": "x"})

    assert answered.body == made


def test_entities_have_no_automatic_topups(call: Call) -> None:
    topup = {"feature_id": "messages", "threshold": 1, "quantity": 1}

    view = an_entity(call, billing_controls={"auto_topups": [topup]})

    assert "billing_controls" not in view


def test_wrong_controls_are_refused(call: Call) -> None:
    limits = [{"feature_id": "messages", "overage_limit": 1}] * 2
    body = {"customer_id": "user_1", "entity_id": "ws_1", "feature_id": "seats"}

    answered = call("entities.create", body | {"billing_controls": {"spend_limits": limits}})

    assert (answered.status, answered.body["code"]) == (400, "invalid_inputs")


def test_a_deleted_entity_is_gone_and_made_again_it_is_another(call: Call, table: Table) -> None:
    an_entity(call, billing_controls={"overage_allowed": [{"feature_id": "messages"}]})
    first = table.get(keys.entity(TENANT, "user_1", "ws_1"))

    call("entities.delete", {"entity_id": "ws_1"})
    assert call("entities.get", {"entity_id": "ws_1"}).status == 404
    assert pointers(table) == []

    assert "billing_controls" not in an_entity(call)
    second = table.get(keys.entity(TENANT, "user_1", "ws_1"))
    assert first is not None
    assert second is not None
    assert first["entity_internal_id"] != second["entity_internal_id"]
    assert second["entity_internal_id"].startswith("ety_")


def test_a_customer_shows_its_entities_when_asked(call: Call, clock: Clock) -> None:
    an_entity(call, "b", name="B")
    clock.advance(seconds=1)
    an_entity(call, "a")

    view = call("customers.get", {"customer_id": "user_1", "expand": ["entities"]}).body

    assert [one["id"] for one in view["entities"]] == ["b", "a"]
    assert view["entities"][0] == {
        "id": "b",
        "name": "B",
        "customer_id": "user_1",
        "feature_id": "seats",
        "created_at": START,
        "env": "sandbox",
    }


def test_entities_follow_their_customer_to_another_id(call: Call, table: Table) -> None:
    made = an_entity(call)

    call("customers.update", {"customer_id": "user_1", "new_customer_id": "user_2"})

    assert call("entities.get", {"entity_id": "ws_1"}).body == {**made, "customer_id": "user_2"}
    assert pointers(table) == ["user_2"]
    assert [one["customer_id"] for one in call("entities.list", {}).body["list"]] == ["user_2"]
    assert call("entities.list", {"customer_id": "user_1"}).body["list"] == []


def test_a_deleted_customer_takes_its_entities_along(call: Call, table: Table) -> None:
    an_entity(call, customer_id="user_1")
    an_entity(call, customer_id="user_2")

    call("customers.delete", {"customer_id": "user_1"})

    assert pointers(table) == ["user_2"]
    assert call("entities.get", {"entity_id": "ws_1"}).body["customer_id"] == "user_2"
    assert call("entities.get", {"customer_id": "user_1", "entity_id": "ws_1"}).status == 404
    assert [one["customer_id"] for one in call("entities.list", {}).body["list"]] == ["user_2"]


def test_a_customer_with_more_than_a_transaction_holds_is_deleted_whole(
    call: Call, table: Table
) -> None:
    for number in range(60):
        an_entity(call, f"ws_{number}")

    assert call("customers.delete", {"customer_id": "user_1"}).status == 200

    left = table.query(Query("pk = :pk", {":pk": keys.hot_partition(TENANT, "user_1")}))
    assert list(left) == []
    assert [pointers(table, f"ws_{number}") for number in range(60)] == [[]] * 60


def test_an_entity_shares_what_its_customer_has(call: Call) -> None:
    a_feature(call)
    a_feature(call, "sso", type="boolean")
    a_plan(call, "free", lifetime("messages", 10), {"feature_id": "sso"})
    a_customer(call)
    call("billing.attach", {"customer_id": "user_1", "plan_id": "free"})
    an_entity(call)

    expand = ["balances.feature", "flags.feature", "subscriptions.plan", "invoices"]
    view = call("entities.get", {"entity_id": "ws_1", "expand": expand}).body

    assert view["balances"]["messages"]["remaining"] == 10
    assert view["balances"]["messages"]["feature"]["id"] == "messages"
    assert view["flags"]["sso"]["feature"]["id"] == "sso"
    assert view["subscriptions"][0]["scope"] == "customer"
    assert view["subscriptions"][0]["plan"]["id"] == "free"
    assert view["invoices"] == []


def test_the_older_paths_lead_to_the_same(call: Call) -> None:
    route = "/v1/customers/{customer_id}/entities"
    path = {"customer_id": "user_1"}
    made = call(
        "entities.create",
        {"id": "ws_1", "feature_id": "seats"},
        route=f"POST {route}",
        path=path,
    ).body
    assert made["id"] == "ws_1"

    one = path | {"entity_id": "ws_1"}
    assert call("entities.get", route=f"GET {ENTITY}", path=one).body == made
    listed = call("entities.list", route=f"GET {route}", path=path, query={"limit": "1"}).body
    assert listed == {"list": [made], "next_cursor": None}
    assert call("entities.delete", route=f"DELETE {ENTITY}", path=one).body == {"success": True}
    assert call("entities.get", route=f"GET {ENTITY}", path=one).status == 404


def test_a_feature_that_counts_entities_cannot_be_deleted(call: Call) -> None:
    an_entity(call)

    assert call("features.delete", {"feature_id": "seats"}).status == 409
