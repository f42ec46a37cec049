"""What AI tokens cost. The settings are those of the credit systems of the specification."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.domain import quantity, tokens
from orchard.domain.tokens import Cost, ListedPrices, Tier
from orchard.errors import Invalid

SETTINGS: dict[str, Any] = {
    "model_markups": {
        "custom/internal-model": {"input_cost": Decimal(5), "output_cost": Decimal(15)},
        "custom/marked-up-model": {
            "input_cost": Decimal(10),
            "output_cost": Decimal(30),
            "markup": Decimal(50),
        },
    },
}
TIERED: dict[str, Any] = {
    "default_markup": Decimal(10),
    "provider_markups": {"custom": {"markup": Decimal(30)}},
    "model_markups": {
        "custom/override-model": {
            "input_cost": Decimal(10),
            "output_cost": Decimal(20),
            "markup": Decimal(5),
        },
        "custom/plain-model": {"input_cost": Decimal(10), "output_cost": Decimal(20)},
    },
}
LISTED = ListedPrices(
    {"input": Decimal(3), "output": Decimal(15), "cache_read": Decimal("0.3")},
    (
        Tier(200_000, {"input": Decimal(6), "output": Decimal("22.5")}),
        Tier(1_000_000, {"input": Decimal(9)}),
    ),
)


def price(
    model_id: str,
    settings: dict[str, Any] | None = None,
    listed: ListedPrices | None = None,
    **counts: int,
) -> Cost:
    return tokens.price(model_id, counts, settings or {}, listed)


def of_claude(settings: dict[str, Any] | None = None, **counts: int) -> Cost:
    return price("anthropic/claude", settings, LISTED, **counts)


def test_a_custom_model_costs_what_the_credit_system_says() -> None:
    cost = price("custom/internal-model", SETTINGS, input=10_000, output=5_000)

    assert cost.cost == Decimal("0.125")
    assert cost.base_cost == Decimal("0.125")
    assert (cost.markup, cost.markup_source) == (0, "none")
    assert cost.tier_applied is None
    assert cost.rates == {"input": 5, "output": 15}


def test_a_markup_is_percent_on_top_of_the_base_cost() -> None:
    cost = price("custom/marked-up-model", SETTINGS, input=8_000, output=2_000)

    assert (cost.base_cost, cost.cost) == (Decimal("0.14"), Decimal("0.21"))
    assert (cost.markup, cost.markup_source) == (50, "model")


def test_the_markup_of_the_model_precedes_that_of_its_provider() -> None:
    overridden = price("custom/override-model", TIERED, input=10_000, output=5_000)
    plain = price("custom/plain-model", TIERED, input=10_000, output=5_000)

    assert (overridden.cost, overridden.markup_source) == (Decimal("0.21"), "model")
    assert (plain.cost, plain.markup_source) == (Decimal("0.26"), "provider")


def test_the_markup_of_the_provider_precedes_the_default() -> None:
    cost = of_claude(TIERED, input=100_000)

    assert (cost.cost, cost.markup, cost.markup_source) == (Decimal("0.33"), 10, "default")


def test_a_markup_of_zero_is_one() -> None:
    free = {**TIERED, "model_markups": {"anthropic/claude": {"markup": Decimal(0)}}}

    assert of_claude(free, input=100_000).markup_source == "model"
    assert of_claude(free, input=100_000).cost == Decimal("0.3")


def test_a_markup_of_minus_hundred_percent_gives_the_tokens_away() -> None:
    cost = of_claude({"default_markup": Decimal(-100)}, input=100_000)

    assert (cost.base_cost, cost.cost) == (Decimal("0.3"), 0)


def test_a_pool_without_a_rate_is_priced_as_input_or_as_output() -> None:
    cost = of_claude(cache_write=100, audio_input=100, audio_output=100, reasoning=100)

    assert cost.rates == {
        "cache_write": 3,
        "audio_input": 3,
        "audio_output": 15,
        "reasoning": 15,
    }
    assert cost.base_cost == Decimal("0.0036")


def test_a_pool_with_a_rate_of_its_own_keeps_it() -> None:
    assert of_claude(input=100_000, cache_read=100_000).cost == Decimal("0.33")


@pytest.mark.parametrize(
    ("counts", "tier", "cost"),
    [
        ({"input": 200_000}, None, "0.6"),
        ({"input": 200_001}, 200_000, "1.200006"),
        ({"input": 100_000, "cache_read": 100_001}, 200_000, "0.6300003"),
        ({"input": 100_000, "cache_write": 100_001}, 200_000, "1.200006"),
        ({"input": 100_000, "audio_input": 100_001}, None, "0.600003"),
        ({"input": 100_000, "output": 200_000}, None, "3.3"),
        ({"input": 200_001, "output": 1_000}, 200_000, "1.222506"),
        ({"input": 1_000_001, "output": 1_000}, 1_000_000, "9.015009"),
    ],
)
def test_all_tokens_are_priced_at_the_tier_that_the_context_reaches(
    counts: dict[str, int], tier: int | None, cost: str
) -> None:
    priced = tokens.price("anthropic/claude", counts, {}, LISTED)

    assert (priced.tier_applied, priced.cost) == (tier, Decimal(cost))


def test_a_custom_model_prices_input_and_output_only() -> None:
    cost = price(
        "custom/internal-model", SETTINGS, input=10_000, output=5_000, cache_read=9_000, reasoning=7
    )

    assert cost.cost == Decimal("0.125")
    assert set(cost.rates) == {"input", "output"}


def test_a_listed_model_can_be_given_other_prices() -> None:
    settings = {"model_markups": {"anthropic/claude": {"input_cost": Decimal(2)}}}

    assert of_claude(settings, input=1000, output=1000, cache_read=1000).rates == {
        "input": 2,
        "output": 15,
        "cache_read": Decimal("0.3"),
    }


def test_a_model_that_no_list_has_is_priced_by_its_own_costs() -> None:
    settings = {
        "model_markups": {"acme/one": {"input_cost": Decimal(1), "output_cost": Decimal(2)}}
    }

    assert price("acme/one", settings, input=1_000_000, output=1_000_000).cost == 3


@pytest.mark.parametrize("entry", [{}, {"input_cost": Decimal(1)}, {"output_cost": Decimal(1)}])
def test_a_custom_model_needs_both_costs(entry: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match="custom/x needs both input_cost and output_cost"):
        price("custom/x", {"model_markups": {"custom/x": entry}}, input=1)


def test_an_unknown_model_is_refused() -> None:
    with pytest.raises(Invalid, match="Unknown model acme/one") as refused:
        price("acme/one", input=1)

    assert refused.value.code == "invalid_request"


@pytest.mark.parametrize("model_id", ["gpt-5", "/gpt-5", "openai/", "/"])
def test_a_model_is_named_with_its_provider(model_id: str) -> None:
    with pytest.raises(Invalid, match="must have the form provider/model"):
        price(model_id, input=1)


def test_only_the_first_slash_divides_a_name() -> None:
    assert tokens.split("openrouter/openai/gpt-5") == ("openrouter", "openai/gpt-5")


def test_tokens_without_any_price_are_refused_and_not_given_away() -> None:
    embedding = ListedPrices({"input": Decimal("0.02")})

    assert price("openai/embedding", listed=embedding, input=1_000_000, output=0).cost == Decimal(
        "0.02"
    )
    with pytest.raises(Invalid, match="openai/embedding has no price for reasoning tokens"):
        price("openai/embedding", listed=embedding, input=1, reasoning=1)


def test_nothing_used_costs_nothing() -> None:
    assert of_claude(input=0, output=0) == Cost(
        Decimal(0), Decimal(0), Decimal(0), "none", None, {}
    )


def test_an_amount_beyond_all_bounds_is_refused() -> None:
    dear = {"model_markups": {"anthropic/claude": {"input_cost": quantity.LARGEST}}}

    with pytest.raises(Invalid, match="cost more than can be tracked"):
        of_claude(dear, input=10**15)


def test_a_huge_count_is_priced_to_the_last_place() -> None:
    thirds = ListedPrices({"input": Decimal("0.0833333333333333")})

    assert price("a/b", listed=thirds, input=10**15 - 1).cost == Decimal("83333333.3333332167")


@given(
    counts=st.dictionaries(st.sampled_from(tokens.POOLS), st.integers(0, 10**9)),
    markup=st.decimals(-100, 1000, places=2),
)
def test_the_cost_is_the_sum_of_the_pools_and_the_markup_rounded_once(
    counts: dict[str, int], markup: Decimal
) -> None:
    cost = tokens.price("a/b", counts, {"default_markup": markup}, LISTED)

    exact_base = sum(
        (count * cost.rates[pool] for pool, count in counts.items() if count), Decimal(0)
    )
    assert abs(cost.base_cost * 1_000_000 - exact_base) <= Decimal("0.0001")
    assert abs(cost.cost * 100 - cost.base_cost * (100 + markup)) <= Decimal("0.000001")
    assert cost.cost >= 0
