"""`balances.batch_track_tokens`: priced at once, recorded later."""

from typing import Any

import pytest

from tests.builders import a_customer, a_feature, a_grant, left
from tests.conftest import Call, Clock
from tests.queues.conftest import Queue

MODELS: dict[str, Any] = {
    "custom/internal-model": {"input_cost": 5, "output_cost": 15},
    "custom/marked-up-model": {"input_cost": 10, "output_cost": 30, "markup": 50},
}
ITEM = {
    "customer_id": "user_1",
    "model_id": "custom/internal-model",
    "input_tokens": 10_000,
    "output_tokens": 5_000,
}
MARKED_UP = {
    **ITEM,
    "model_id": "custom/marked-up-model",
    "input_tokens": 8_000,
    "output_tokens": 2_000,
}


@pytest.fixture(autouse=True)
def _offer(call: Call, queue: Queue) -> None:
    del queue
    a_feature(call)
    a_feature(call, "ai_credits", type="ai_credit_system", model_markups=MODELS)
    a_customer(call)
    a_grant(call, 100, "ai_credits")


def test_a_batch_takes_what_its_tokens_cost(call: Call, queue: Queue) -> None:
    answered = call("balances.batch_track_tokens", [ITEM, MARKED_UP])

    assert (answered.status, answered.body) == (200, {"success": True})
    assert left(call, "ai_credits") == (100, 0)
    assert queue.deliver() == []
    assert left(call, "ai_credits") == (99.665, 0.335)


def test_the_price_is_that_of_the_request(call: Call, queue: Queue, clock: Clock) -> None:
    call("balances.batch_track_tokens", [ITEM])
    call("features.update", {"feature_id": "ai_credits", "default_markup": 100})
    clock.advance(seconds=60)
    queue.deliver()

    assert left(call, "ai_credits") == (99.875, 0.125)


def test_what_is_queued_tells_how_the_price_came_about(call: Call, queue: Queue) -> None:
    call("balances.batch_track_tokens", [{**MARKED_UP, "properties": {"team": "blue"}}])

    (message,) = queue.bodies()
    (item,) = message["items"]
    assert (item["feature_id"], item["value"]) == ("ai_credits", "0.21")
    assert item["properties"] == {
        "team": "blue",
        "model": "custom/marked-up-model",
        "input_tokens": 8_000,
        "output_tokens": 2_000,
        "cost": 0.21,
        "base_cost": 0.14,
        "markup": 50,
        "markup_source": "model",
        "tier_applied": None,
        "rates": {"input": 10, "output": 30},
    }


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"model_id": "custom/unknown"}, 400, "invalid_request"),
        ({"feature_id": "messages"}, 400, "invalid_request"),
        ({"feature_id": "nothing"}, 404, "feature_not_found"),
        ({"output_tokens": -1}, 400, "invalid_inputs"),
    ],
)
def test_one_item_that_has_no_price_keeps_all_from_the_queue(
    call: Call, queue: Queue, fields: dict[str, Any], status: int, code: str
) -> None:
    answered = call("balances.batch_track_tokens", [ITEM, {**ITEM, **fields}])

    assert (answered.status, answered.body["code"]) == (status, code)
    assert queue.bodies() == []


def test_a_fault_names_its_item(call: Call) -> None:
    answered = call("balances.batch_track_tokens", [ITEM, {**ITEM, "input_tokens": "many"}])

    assert answered.body["message"] == "[1].input_tokens: must be a number (received string)"


@pytest.mark.parametrize("items", [[], [ITEM] * 1001])
def test_a_batch_has_one_to_a_thousand_items(call: Call, items: list[Any]) -> None:
    answered = call("balances.batch_track_tokens", items)

    assert (answered.status, answered.body["code"]) == (400, "invalid_inputs")


def test_each_customer_of_a_batch_pays_with_its_own_credits(call: Call, queue: Queue) -> None:
    a_feature(call, "other", type="ai_credit_system", model_markups=MODELS)
    a_customer(call, "user_2")
    a_grant(call, 100, "other", customer_id="user_2")

    call("balances.batch_track_tokens", [ITEM, {**ITEM, "customer_id": "user_2"}, ITEM])
    queue.deliver()

    assert left(call, "ai_credits") == (99.75, 0.25)
    shown = call("balances.check", {"customer_id": "user_2", "feature_id": "other"}).body["balance"]
    assert shown["remaining"] == 99.875


def test_a_single_use_can_wait_as_well(call: Call, queue: Queue) -> None:
    answered = call("balances.track_tokens", {**ITEM, "async": True})

    assert answered.status == 202
    assert answered.body == {"customer_id": "user_1", "value": 0.125, "balance": None}
    queue.deliver()
    assert left(call, "ai_credits") == (99.875, 0.125)
