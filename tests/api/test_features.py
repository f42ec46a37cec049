"""features.create, .get, .list, .update and .delete."""

from typing import Any

import pytest

from orchard.store.table import Table
from tests.builders import a_customer, a_feature, a_grant, a_plan, lifetime, monthly
from tests.conftest import Call, mint
from tests.harness import Response
from tests.harness import call as call_with

SPECIFY = "Please specify whether the feature is consumable (eg. API tokens, credits, etc.) or not."


def create(call: Call, feature_id: str = "messages", **fields: Any) -> Response:
    return call("features.create", {"feature_id": feature_id, "name": "Messages", **fields})


def a_credit_system(call: Call, *targets: str, feature_id: str = "credits") -> None:
    schema = [{"metered_feature_id": target, "credit_cost": 2} for target in targets]
    a_feature(call, feature_id, type="credit_system", credit_schema=schema)


def refused(answered: Response, status: int, code: str, message: str) -> None:
    assert (answered.status, answered.body["code"]) == (status, code), answered
    assert answered.body["message"] == message


def test_f1_a_feature_is_made_listed_read_renamed_and_deleted(call: Call) -> None:
    made = create(call, type="metered", consumable=True).body
    assert (made["id"], made["name"]) == ("messages", "Messages")
    assert call("features.list", {}).body == {"list": [made]}
    named = {"feature_id": "messages"}
    assert call("features.get", named).body == made
    renamed = call("features.update", {**named, "name": "Mails"}).body
    assert renamed == call("features.get", named).body == {**made, "name": "Mails"}
    assert call("features.delete", named).body == {"success": True}
    assert call("features.get", named).status == 404


def test_a_metered_feature_is_returned_as_it_was_given(call: Call) -> None:
    body: dict[str, Any] = {
        "type": "metered",
        "consumable": True,
        "display": {"singular": "message", "plural": "messages"},
        "event_names": ["message_sent"],
    }

    created = create(call, **body)

    assert created.body == {"id": "messages", "name": "Messages", **body, "archived": False}
    assert call("features.get", {"feature_id": "messages"}).body == created.body
    assert call("features.list", {}).body == {"list": [created.body]}


@pytest.mark.parametrize(
    ("fields", "consumable"),
    [
        ({"type": "boolean", "consumable": True}, False),
        ({"type": "metered", "consumable": False}, False),
        ({"type": "metered", "consumable": True}, True),
        ({"type": "ai_credit_system", "consumable": False}, True),
        ({"type": "ai_credit_system"}, True),
    ],
)
def test_only_metered_features_choose_whether_they_are_consumable(
    call: Call, fields: dict[str, Any], *, consumable: bool
) -> None:
    assert create(call, **fields).body["consumable"] is consumable


def test_a_metered_feature_must_say_whether_it_is_consumable(call: Call) -> None:
    refused(create(call, type="metered"), 400, "invalid_inputs", f"consumable: {SPECIFY}")


def test_a_credit_system_keeps_its_costs(call: Call) -> None:
    a_feature(call)
    schema = [{"metered_feature_id": "messages", "credit_cost": 0.25}]

    created = create(call, "credits", type="credit_system", credit_schema=schema)

    assert (created.status, created.body["consumable"]) == (200, True)
    assert created.body["credit_schema"] == schema


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ([], "A credit system needs at least one entry in its credit_schema"),
        (["nothing"], "Feature nothing in the credit_schema does not exist"),
        (["credits"], "Feature credits in the credit_schema does not exist"),
        (
            ["seats"],
            "Feature seats in the credit_schema must be a consumable metered feature or AI credits",
        ),
        (
            ["sso"],
            "Feature sso in the credit_schema must be a consumable metered feature or AI credits",
        ),
        (
            ["other"],
            "Feature other in the credit_schema must be a consumable metered feature or AI credits",
        ),
    ],
)
def test_a_credit_system_pays_for_consumable_metered_features(
    call: Call, schema: list[str], message: str
) -> None:
    a_feature(call)
    a_feature(call, "seats", consumable=False)
    a_feature(call, "sso", type="boolean")
    a_credit_system(call, "messages", feature_id="other")

    costs = [{"metered_feature_id": target, "credit_cost": 1} for target in schema]
    answered = create(call, "credits", type="credit_system", credit_schema=costs)

    refused(answered, 400, "invalid_feature", message)


def test_a_credit_system_lists_each_feature_once(call: Call) -> None:
    a_feature(call)
    costs = [{"metered_feature_id": "messages", "credit_cost": cost} for cost in (1, 2)]

    answered = create(call, "credits", type="credit_system", credit_schema=costs)

    message = "credit_schema: each metered_feature_id can be listed once"
    refused(answered, 400, "invalid_inputs", message)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "credit_schema: is required for a credit system"),
        (
            {"credit_schema": [], "consumable": False},
            "consumable: a credit system is always consumable",
        ),
    ],
)
def test_a_credit_system_needs_costs_and_is_consumable(
    call: Call, fields: dict[str, Any], message: str
) -> None:
    refused(create(call, type="credit_system", **fields), 400, "invalid_inputs", message)


def test_an_ai_credit_system_keeps_its_markups(call: Call) -> None:
    settings: dict[str, Any] = {
        "model_markups": {"openai/gpt-5": {"markup": 12.5}, "own": {"input_cost": 1}},
        "default_markup": -100,
        "provider_markups": {"anthropic": {"markup": 20}},
    }

    created = create(call, type="ai_credit_system", **settings)

    assert created.status == 200, created
    assert {name: created.body[name] for name in settings} == settings


def test_settings_of_another_type_are_refused(call: Call) -> None:
    a_feature(call)
    costs = [{"metered_feature_id": "messages", "credit_cost": 1}]

    answered = create(call, "ai", type="ai_credit_system", credit_schema=costs)

    message = "A feature of type ai_credit_system has no credit_schema"
    refused(answered, 400, "invalid_feature", message)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"feature_id": ""}, "feature_id: cannot be empty"),
        ({"feature_id": "x" * 256}, "feature_id: must have at most 255 characters"),
        ({"feature_id": 7}, "feature_id: must be a string (received number)"),
        (
            {"type": "counter"},
            "type: must be one of: boolean, metered, credit_system, ai_credit_system",
        ),
        (
            {"default_markup": -101, "type": "ai_credit_system"},
            "default_markup: must be at least -100",
        ),
        ({"display": {"singular": "m"}}, "display.plural: is required"),
        ({"event_names": [""]}, "event_names.0: cannot be empty"),
        ({"name": ""}, "name: cannot be empty"),
    ],
)
def test_what_has_the_wrong_shape_is_refused(
    call: Call, fields: dict[str, Any], message: str
) -> None:
    body = {"feature_id": "messages", "name": "Messages", "type": "boolean", **fields}

    refused(call("features.create", body), 400, "invalid_inputs", message)


def test_a_feature_that_is_too_large_to_store_is_refused(call: Call) -> None:
    markups = {f"model-{number}-{'x' * 200}": {"markup": number} for number in range(1_700)}

    answered = create(call, type="ai_credit_system", model_markups=markups)

    message = "messages is too large: at most 350 KB can be stored"
    refused(answered, 400, "invalid_request", message)


@pytest.mark.parametrize("field", ["feature_id", "name"])
def test_a_body_that_is_no_unicode_counts_as_empty(call: Call, field: str) -> None:
    body = {"feature_id": "a", "name": "a", "type": "boolean", field: "\ud800"}

    answered = call("features.create", body)

    assert (answered.status, answered.body["code"]) == (400, "invalid_inputs")
    assert call("features.create", body | {field: "\ud83d\ude00"}).body["archived"] is False


def test_all_faults_are_named_at_once(call: Call) -> None:
    answered = call("features.create", {})

    message = "[Validation Errors] feature_id: is required; name: is required; type: is required"
    refused(answered, 400, "invalid_inputs", message)


@pytest.mark.parametrize("feature_id", ["api calls", "a.b", "ü#%/@", "cus_1", "x" * 255])
def test_a_feature_id_is_any_text(call: Call, feature_id: str) -> None:
    a_feature(call, feature_id)

    assert call("features.get", {"feature_id": feature_id}).body["id"] == feature_id


def test_an_id_can_be_taken_once(call: Call) -> None:
    a_feature(call)

    answered = create(call, type="boolean")

    refused(answered, 409, "duplicate_feature_id", "Feature messages already exists")


@pytest.mark.parametrize("verb", ["get", "update", "delete"])
def test_an_unknown_feature_is_not_found(call: Call, verb: str) -> None:
    answered = call(f"features.{verb}", {"feature_id": "nothing"})

    refused(answered, 404, "feature_not_found", "Feature nothing not found")


def test_environments_have_their_own_features(call: Call, table: Table) -> None:
    a_feature(call)

    assert call_with("features.list", {}, key=mint(table, "live")).body == {"list": []}


def test_an_update_changes_what_is_sent_and_keeps_the_rest(call: Call) -> None:
    a_feature(call, event_names=["sent"], display={"singular": "one", "plural": "many"})

    updated = call("features.update", {"feature_id": "messages", "name": "Chat", "archived": True})

    assert updated.body["name"] == "Chat"
    assert updated.body["archived"] is True
    assert updated.body["event_names"] == ["sent"]
    assert updated.body["display"] == {"singular": "one", "plural": "many"}
    assert call("features.get", {"feature_id": "messages"}).body == updated.body


def test_an_unused_feature_changes_its_id_everywhere(call: Call) -> None:
    a_feature(call)
    a_feature(call, "other")
    controls = {"overage_allowed": [{"feature_id": "messages", "enabled": True}]}
    items = [monthly("messages", 5), monthly("other", 6)]
    a_plan(call, "free", *items, billing_controls=controls)

    updated = call("features.update", {"feature_id": "messages", "new_feature_id": "texts"})

    assert updated.body["id"] == "texts"
    assert call("features.get", {"feature_id": "messages"}).status == 404
    plan = call("plans.get", {"plan_id": "free"}).body
    assert [item["feature_id"] for item in plan["items"]] == ["texts", "other"]
    assert plan["billing_controls"]["overage_allowed"][0]["feature_id"] == "texts"


def test_the_own_id_as_new_id_changes_nothing(call: Call) -> None:
    a_feature(call)

    updated = call("features.update", {"feature_id": "messages", "new_feature_id": "messages"})

    assert (updated.status, updated.body["id"]) == (200, "messages")


def test_a_new_id_that_is_taken_is_refused(call: Call) -> None:
    a_feature(call)
    a_feature(call, "other")

    answered = call("features.update", {"feature_id": "other", "new_feature_id": "messages"})

    refused(answered, 409, "duplicate_feature_id", "Feature messages already exists")


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"new_feature_id": "texts"}, "id"),
        ({"type": "boolean"}, "type"),
        ({"consumable": False}, "type"),
    ],
)
class TestAFeatureInUse:
    def test_keeps_its_id_and_type_while_a_plan_of_customers_names_it(
        self, call: Call, change: dict[str, Any], what: str
    ) -> None:
        a_feature(call)
        a_plan(call, "free", lifetime("messages", 5), auto_enable=True)
        a_customer(call)

        self.refused(call, change, what, "that customers use")

    def test_keeps_its_id_and_type_once_it_was_granted(
        self, call: Call, change: dict[str, Any], what: str
    ) -> None:
        a_feature(call)
        a_customer(call)
        a_grant(call, 5)

        self.refused(call, change, what, "that customers use")

    def test_keeps_its_id_and_type_while_a_credit_system_pays_for_it(
        self, call: Call, change: dict[str, Any], what: str
    ) -> None:
        a_feature(call)
        a_credit_system(call, "messages")

        self.refused(call, change, what, "that is in the credit system credits")

    def test_keeps_its_id_and_type_when_the_plan_of_former_customers_drops_it(
        self, call: Call, change: dict[str, Any], what: str
    ) -> None:
        a_feature(call)
        a_feature(call, "other")
        a_plan(call, "free", lifetime("messages", 5), auto_enable=True)
        a_customer(call)
        body = {"plan_id": "free", "items": [lifetime("other", 1)], "disable_version": True}
        assert call("plans.update", body).body["version"] == 1

        self.refused(call, change, what, "that customers use")

    def refused(self, call: Call, change: dict[str, Any], what: str, why: str) -> None:
        before = call("features.get", {"feature_id": "messages"}).body
        answered = call("features.update", {"feature_id": "messages", **change})
        message = f"Cannot change the {what} of a feature {why}"
        refused(answered, 400, "invalid_feature", message)
        assert call("features.get", {"feature_id": "messages"}).body == before


def test_a_type_that_an_item_of_a_plan_does_not_suit_is_refused(call: Call) -> None:
    a_feature(call)
    a_plan(call, "free", monthly("messages", 5))

    answered = call("features.update", {"feature_id": "messages", "type": "boolean"})

    message = "Cannot change the type: plan free has an item that does not suit it"
    refused(answered, 400, "invalid_feature", message)


def test_a_type_that_suits_all_items_can_be_taken(call: Call) -> None:
    a_feature(call)
    a_plan(call, "free", lifetime("messages", 5))

    updated = call("features.update", {"feature_id": "messages", "consumable": False})

    assert (updated.status, updated.body["consumable"]) == (200, False)


def test_becoming_metered_needs_consumable(call: Call) -> None:
    a_feature(call, type="boolean")

    answered = call("features.update", {"feature_id": "messages", "type": "metered"})

    refused(answered, 400, "invalid_feature", SPECIFY)
    body = {"feature_id": "messages", "type": "metered", "consumable": True}
    assert call("features.update", body).body["type"] == "metered"


def test_another_type_drops_the_settings_of_the_old_one(call: Call) -> None:
    a_feature(call)
    a_credit_system(call, "messages")

    body = {"feature_id": "credits", "type": "metered", "consumable": True}

    assert "credit_schema" not in call("features.update", body).body
    assert call("features.delete", {"feature_id": "messages"}).status == 200


def test_a_setting_is_cleared_with_null(call: Call) -> None:
    a_feature(call, "ai", type="ai_credit_system", model_markups={"m": {"markup": 1}})

    updated = call("features.update", {"feature_id": "ai", "model_markups": None})

    assert "model_markups" not in updated.body


def test_a_feature_that_nothing_refers_to_is_deleted(call: Call) -> None:
    a_feature(call)

    assert call("features.delete", {"feature_id": "messages"}).body == {"success": True}
    assert call("features.list", {}).body == {"list": []}
    a_feature(call)


def test_a_feature_of_a_plan_is_not_deleted(call: Call) -> None:
    a_feature(call)
    a_plan(call)

    answered = call("features.delete", {"feature_id": "messages"})

    message = "Cannot delete feature messages: the plan free refers to it. Archive it instead"
    refused(answered, 409, "feature_in_use", message)
    assert call("plans.delete", {"plan_id": "free"}).status == 200
    assert call("features.delete", {"feature_id": "messages"}).status == 200


def test_a_feature_of_a_credit_system_is_not_deleted(call: Call) -> None:
    a_feature(call)
    a_credit_system(call, "messages")

    answered = call("features.delete", {"feature_id": "messages"})

    message = (
        "Cannot delete feature messages: the credit system credits refers to it. Archive it instead"
    )
    refused(answered, 409, "feature_in_use", message)


def test_a_feature_that_was_granted_is_not_deleted(call: Call) -> None:
    a_feature(call)
    a_customer(call)
    a_grant(call, 5)

    answered = call("features.delete", {"feature_id": "messages"})

    message = "Cannot delete feature messages: customers have balances of it. Archive it instead"
    refused(answered, 409, "feature_in_use", message)


def test_an_archived_feature_still_works(call: Call) -> None:
    a_feature(call)
    call("features.update", {"feature_id": "messages", "archived": True})
    a_customer(call)

    a_grant(call, 5)

    assert call("features.list", {}).body["list"][0]["archived"] is True


class TestOverRest:
    def test_the_id_is_called_id(self, call: Call) -> None:
        body = {"id": "messages", "name": "Messages", "type": "boolean"}

        created = call("features.create", body, route="POST /v1/features")

        assert (created.status, created.body["id"]) == (200, "messages")

    def test_a_feature_is_read_and_deleted_by_its_path(self, call: Call) -> None:
        a_feature(call, "api calls")
        path = {"feature_id": "api%20calls"}

        read = call("features.get", "", route="GET /v1/features/{feature_id}", path=path)
        deleted = call("features.delete", "", route="DELETE /v1/features/{feature_id}", path=path)

        assert read.body["id"] == "api calls"
        assert deleted.body == {"success": True}

    def test_the_id_in_the_body_of_an_update_is_the_new_one(self, call: Call) -> None:
        a_feature(call)
        route, path = "POST /v1/features/{feature_id}", {"feature_id": "messages"}

        updated = call("features.update", {"id": "texts", "name": "T"}, route=route, path=path)

        assert (updated.body["id"], updated.body["name"]) == ("texts", "T")

    def test_all_are_listed(self, call: Call) -> None:
        a_feature(call)

        assert len(call("features.list", "", route="GET /v1/features").body["list"]) == 1
