from decimal import Decimal
from typing import Any

import pytest

from orchard.contracts.request import parse
from orchard.contracts.tokens import TrackTokensRequest, event_properties, track_body
from orchard.domain import tokens
from orchard.errors import InvalidInputs

BODY = {
    "customer_id": "user_1",
    "model_id": "custom/internal-model",
    "input_tokens": 10_000,
    "output_tokens": 5_000,
}


def request(**fields: Any) -> TrackTokensRequest:
    return parse(TrackTokensRequest, {**BODY, **fields})


def test_only_the_pools_that_were_sent_are_counted() -> None:
    assert request(reasoning_tokens=0, cache_read_tokens=7).counts == {
        "input": 10_000,
        "output": 5_000,
        "cache_read": 7,
        "reasoning": 0,
    }


@pytest.mark.parametrize("field", ["customer_id", "model_id", "input_tokens", "output_tokens"])
def test_customer_model_input_and_output_are_required(field: str) -> None:
    body = {name: value for name, value in BODY.items() if name != field}

    with pytest.raises(InvalidInputs, match=f"{field}: is required"):
        parse(TrackTokensRequest, body)


@pytest.mark.parametrize(
    ("count", "sentence"),
    [
        (-1, "must be at least 0"),
        (Decimal("1.5"), "must be a whole number"),
        (None, "must be a number"),
        (True, "must be a number"),
        (10**16, "must be between"),
    ],
)
def test_tokens_are_whole_and_not_negative(count: Any, sentence: str) -> None:
    with pytest.raises(InvalidInputs, match=f"input_tokens: {sentence}"):
        request(input_tokens=count)


def test_the_event_tells_how_the_price_came_about() -> None:
    asked = request(cache_read_tokens=7, properties={"team": "a", "model": "mine"})
    settings = {
        "model_markups": {
            "custom/internal-model": {"input_cost": Decimal(5), "output_cost": Decimal(15)}
        },
        "default_markup": Decimal(100),
    }
    cost = tokens.price(asked.model_id, asked.counts, settings, None)

    assert event_properties(asked, cost) == {
        "team": "a",
        "model": "custom/internal-model",
        "input_tokens": 10_000,
        "output_tokens": 5_000,
        "cache_read_tokens": 7,
        "cost": Decimal("0.25"),
        "base_cost": Decimal("0.125"),
        "markup": Decimal(100),
        "markup_source": "default",
        "tier_applied": None,
        "rates": {"input": Decimal(5), "output": Decimal(15)},
    }


def test_what_is_tracked_is_the_price_and_else_what_was_sent() -> None:
    asked = request(
        entity_id="seat_1",
        timestamp=5,
        overage_behavior="reject",
        idempotency_key="one",
        skip_event=True,
        expand=["balance.feature"],
        **{"async": True},
    )
    settings = {
        "model_markups": {
            "custom/internal-model": {"input_cost": Decimal(5), "output_cost": Decimal(15)}
        }
    }
    cost = tokens.price(asked.model_id, asked.counts, settings, None)

    assert track_body(asked, "ai_credits", cost) == {
        "customer_id": "user_1",
        "feature_id": "ai_credits",
        "value": Decimal("0.125"),
        "properties": event_properties(asked, cost),
        "entity_id": "seat_1",
        "timestamp": 5,
        "overage_behavior": "reject",
        "idempotency_key": "one",
        "skip_event": True,
        "expand": ["balance.feature"],
        "async": True,
    }
