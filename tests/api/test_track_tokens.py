"""`balances.track_tokens`: which credits pay, what the tokens cost, and the event that is left."""

import json
from typing import Any

import pytest

from orchard.store import keys
from orchard.store.table import Table
from tests.builders import a_customer, a_feature, a_grant, a_plan, left, monthly
from tests.conftest import TENANT, Call, Clock
from tests.harness import Response

HALF_PRICED = (
    "Model custom/half needs both input_cost and output_cost in the model_markups of the AI credit "
    "system"
)
FLAT = {"input_cost": 10, "output_cost": 20}
MODELS: dict[str, Any] = {
    "custom/internal-model": {"input_cost": 5, "output_cost": 15},
    "custom/marked-up-model": {"input_cost": 10, "output_cost": 30, "markup": 50},
    "custom/half": {"input_cost": 1},
}
TIERED: dict[str, Any] = {
    "default_markup": 10,
    "provider_markups": {"custom": {"markup": 30}},
    "model_markups": {
        "custom/override-model": {**FLAT, "markup": 5},
        "custom/plain-model": FLAT,
        "openai/gpt-4o": FLAT,
    },
}


@pytest.fixture(autouse=True)
def _offer(call: Call) -> None:
    a_feature(call)
    a_feature(call, "ai_credits", type="ai_credit_system", model_markups=MODELS)
    a_customer(call)


def track(call: Call, **fields: Any) -> Response:
    body = {
        "customer_id": "user_1",
        "model_id": "custom/internal-model",
        "input_tokens": 10_000,
        "output_tokens": 5_000,
        **fields,
    }
    return call("balances.track_tokens", body)


def value(call: Call, **fields: Any) -> float:
    answered = track(call, **fields)
    assert answered.status == 200, answered
    tracked: float = answered.body["value"]
    return tracked


def refusal(call: Call, **fields: Any) -> tuple[int, str, str]:
    answered = track(call, **fields)
    return answered.status, answered.body["code"], answered.body["message"]


def stored_event(table: Table) -> Any:
    """The properties that the balance carries to the ledger."""
    item = table.get(keys.balance(TENANT, "user_1", "ai_credits"))
    assert item is not None
    return json.loads(item["last"]["properties"])


def test_tokens_are_taken_from_the_credits_at_their_price(call: Call) -> None:
    a_grant(call, 100, "ai_credits")

    answered = track(call)

    assert answered.status == 200
    assert answered.body["customer_id"] == "user_1"
    assert answered.body["value"] == 0.125
    assert answered.body["balance"]["remaining"] == 99.875
    assert answered.body["balance"]["usage"] == 0.125
    assert [one["value"] for one in answered.body["deductions"]] == [0.125]
    assert "balances" not in answered.body


def test_a_markup_of_the_model_is_added(call: Call) -> None:
    a_grant(call, 100, "ai_credits")
    model = "custom/marked-up-model"

    assert value(call, model_id=model, input_tokens=8_000, output_tokens=2_000) == 0.21


def test_the_most_special_markup_holds(call: Call) -> None:
    a_feature(call, "tiered", type="ai_credit_system", **TIERED)
    a_grant(call, 100, "tiered")

    assert value(call, model_id="custom/override-model") == 0.21
    assert value(call, model_id="custom/plain-model") == 0.26
    assert value(call, model_id="openai/gpt-4o") == 0.22


def test_a_changed_markup_holds_from_the_next_use(call: Call, clock: Clock) -> None:
    a_grant(call, 1000, "ai_credits")
    model = "custom/flat"

    def mark_up(percent: int) -> None:
        models = {model: {**FLAT, "markup": percent}}
        call("features.update", {"feature_id": "ai_credits", "model_markups": models})
        clock.advance(seconds=31)

    mark_up(0)
    first = value(call, model_id=model)
    mark_up(100)
    second = value(call, model_id=model)

    assert (first, second) == (0.2, 0.4)
    assert left(call, "ai_credits") == (999.4, 0.6)


def test_a_listed_model_needs_no_price_of_its_own(call: Call) -> None:
    a_grant(call, 100, "ai_credits")

    assert value(call, model_id="openai/gpt-4o", input_tokens=10**6, output_tokens=0) > 0


def test_what_the_credits_lack_is_capped_refused_or_taken_all_the_same(call: Call) -> None:
    a_plan(call, "tenth", monthly("ai_credits", 0.1))
    attached = call("billing.attach", {"customer_id": "user_1", "plan_id": "tenth"})
    assert attached.status == 200, attached
    half = {"input_tokens": 5_000, "output_tokens": 2_500}

    assert refusal(call, overage_behavior="reject")[:2] == (400, "insufficient_balance")
    assert left(call, "ai_credits") == (0.1, 0)
    assert value(call, **half) == 0.0625
    assert value(call) == 0.125
    assert left(call, "ai_credits") == (0, 0.1)
    assert value(call, overage_behavior="overflow") == 0.125
    assert left(call, "ai_credits") == (0, 0.225)


def test_no_tokens_cost_nothing(call: Call) -> None:
    a_grant(call, 100, "ai_credits")

    assert value(call, input_tokens=0, output_tokens=0) == 0
    assert left(call, "ai_credits") == (100, 0)


def test_the_event_tells_the_model_the_tokens_and_the_price(call: Call, table: Table) -> None:
    a_grant(call, 100, "ai_credits")

    track(call, cache_read_tokens=9, properties={"team": "blue"})

    assert stored_event(table) == {
        "team": "blue",
        "model": "custom/internal-model",
        "input_tokens": 10_000,
        "output_tokens": 5_000,
        "cache_read_tokens": 9,
        "cost": 0.125,
        "base_cost": 0.125,
        "markup": 0,
        "markup_source": "none",
        "tier_applied": None,
        "rates": {"input": 5, "output": 15},
    }


def test_the_only_credits_that_a_customer_has_need_no_name(call: Call) -> None:
    a_feature(call, "tiered", type="ai_credit_system", **TIERED)
    a_grant(call, 100, "ai_credits")

    assert value(call) == 0.125
    assert left(call, "ai_credits") == (99.875, 0.125)


def test_a_customer_with_two_kinds_of_credits_says_which(call: Call) -> None:
    a_feature(call, "tiered", type="ai_credit_system", model_markups=MODELS)
    a_grant(call, 100, "ai_credits")
    a_grant(call, 100, "tiered")

    status, code, message = refusal(call)

    assert (status, code) == (400, "invalid_request")
    assert message.startswith("Multiple AI credit system features (ai_credits, tiered)")
    assert value(call, feature_id="tiered") == 0.125
    assert left(call, "ai_credits") == (100, 0)
    assert left(call, "tiered") == (99.875, 0.125)


def test_credits_that_have_expired_leave_no_choice_to_make(call: Call, clock: Clock) -> None:
    a_feature(call, "tiered", type="ai_credit_system", model_markups=MODELS)
    a_grant(call, 100, "ai_credits")
    a_grant(call, 100, "tiered", expires_at=clock.now + 1000)
    clock.advance(seconds=2)

    assert value(call) == 0.125
    assert left(call, "ai_credits") == (99.875, 0.125)


def test_a_customer_without_credits_has_none_to_take(call: Call) -> None:
    a_grant(call, 100)

    assert refusal(call)[:2] == (404, "feature_not_found")


def test_credits_that_are_named_need_not_be_had(call: Call) -> None:
    answered = track(call, feature_id="ai_credits")

    assert (answered.status, answered.body["value"]) == (200, 0.125)
    assert answered.body["balance"] is None
    assert answered.body["deductions"] == []


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"feature_id": "nothing"}, (404, "feature_not_found", "Feature nothing not found")),
        (
            {"feature_id": "messages"},
            (400, "invalid_request", "Feature messages is not an AI credit system feature"),
        ),
        ({"customer_id": "nobody"}, (404, "customer_not_found", "Customer nobody not found")),
        ({"entity_id": "seat"}, (404, "entity_not_found", "Entity seat not found")),
        (
            {"model_id": "openai/gpt-nothing"},
            (
                400,
                "invalid_request",
                "Unknown model openai/gpt-nothing: no price per token is listed for it",
            ),
        ),
        (
            {"model_id": "custom/half"},
            (
                400,
                "invalid_request",
                HALF_PRICED,
            ),
        ),
        (
            {"model_id": "gpt-4o"},
            (
                400,
                "invalid_request",
                "model_id must have the form provider/model (received gpt-4o)",
            ),
        ),
        (
            {"input_tokens": -1},
            (400, "invalid_inputs", "input_tokens: must be at least 0"),
        ),
    ],
)
def test_what_can_not_be_priced_or_taken_is_refused(
    call: Call, fields: dict[str, Any], expected: tuple[int, str, str]
) -> None:
    a_grant(call, 100, "ai_credits")

    assert refusal(call, **fields) == expected
    assert left(call, "ai_credits") == (100, 0)


def test_a_time_in_the_future_is_refused(call: Call, clock: Clock) -> None:
    a_grant(call, 100, "ai_credits")

    status, code, message = refusal(call, timestamp=clock.now + 1)

    assert (status, code) == (400, "invalid_inputs")
    assert message.startswith("timestamp:")


def test_properties_leave_room_for_the_price(call: Call) -> None:
    a_grant(call, 100, "ai_credits")

    status, code, message = refusal(call, properties={"note": "x" * 9_980})

    assert (status, code) == (400, "invalid_inputs")
    assert message.startswith("properties: must have at most")


def test_a_key_of_the_body_counts_once(call: Call) -> None:
    a_grant(call, 100, "ai_credits")

    assert value(call, idempotency_key="one") == 0.125
    assert refusal(call, idempotency_key="one")[:2] == (409, "duplicate_idempotency_key")
    assert left(call, "ai_credits") == (99.875, 0.125)


def test_the_older_path_leads_to_the_same_operation(call: Call) -> None:
    a_grant(call, 100, "ai_credits")
    body = {
        "customer_id": "user_1",
        "model_id": "custom/internal-model",
        "input_tokens": 10_000,
        "output_tokens": 5_000,
    }

    answered = call("balances.track_tokens", body, route="POST /v1/track_tokens")

    assert (answered.status, answered.body["value"]) == (200, 0.125)
