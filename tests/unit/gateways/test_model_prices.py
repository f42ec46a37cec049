"""The price list of AI models: that it is read rightly, not what models cost today."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from genai_prices.data import providers
from genai_prices.types import (
    ClauseEquals,
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    Provider,
    StartDateConstraint,
    Tier,
    TieredPrices,
)

from orchard.domain import tokens
from orchard.errors import Invalid
from orchard.gateways import model_prices
from orchard.gateways.model_prices import listed
from tests.conftest import START
from tests.harness import ROOT


def rates(model_id: str) -> tokens.Rates:
    prices = listed(model_id, START)
    assert prices is not None
    return prices.rates


@pytest.fixture
def acme(monkeypatch: pytest.MonkeyPatch) -> list[ModelInfo]:
    """A provider with models that a test adds."""
    models: list[ModelInfo] = []
    provider = Provider("acme", "Acme", "https://acme", models=models)
    monkeypatch.setattr(
        model_prices, "_providers", lambda: {"acme": provider, "openrouter": provider}
    )
    return models


def a_model(name: str, prices: ModelPrice | list[ConditionalPrice]) -> ModelInfo:
    return ModelInfo(name, ClauseEquals(name), prices=prices)


def test_a_model_of_its_provider_has_the_rates_of_its_pools() -> None:
    assert rates("anthropic/claude-opus-4-1") == {
        "input": 15,
        "output": 75,
        "cache_read": Decimal("1.5"),
        "cache_write": Decimal("18.75"),
    }


def test_audio_has_rates_of_its_own() -> None:
    assert rates("google/gemini-2.5-flash")["audio_input"] == 1


def test_names_are_read_in_any_case() -> None:
    assert rates("OpenAI/GPT-4o") == rates("openai/gpt-4o")


@pytest.mark.parametrize(
    ("alias", "model_id"),
    [
        ("xai/grok-4", "x-ai/grok-4"),
        ("google-vertex/gemini-2.5-pro", "google/gemini-2.5-pro"),
        ("amazon-bedrock/amazon.nova-pro-v1:0", "aws/amazon.nova-pro-v1:0"),
        ("mistralai/mistral-large-latest", "mistral/mistral-large-latest"),
    ],
)
def test_providers_go_by_the_names_of_other_lists_too(alias: str, model_id: str) -> None:
    assert rates(alias) == rates(model_id)


def test_every_alias_leads_to_a_provider_of_the_list() -> None:
    known = {provider.id for provider in providers}

    assert set(model_prices.ALIASES.values()) <= known
    assert not set(model_prices.ALIASES) & known


def test_a_model_named_by_its_author_costs_what_openrouter_takes() -> None:
    model = "meta-llama/llama-3.1-70b-instruct"

    assert rates(model) == rates(f"openrouter/{model}")


@pytest.mark.parametrize(
    "model_id", ["openai/gpt-nothing", "nobody/gpt-4o", "notopenai/gpt-4o", "custom/gpt-4o"]
)
def test_a_model_that_nobody_sells_has_no_price(model_id: str) -> None:
    assert listed(model_id, START) is None


def test_a_model_that_is_not_sold_by_the_token_has_no_price() -> None:
    assert listed("openai/whisper-1", START) is None


def test_a_model_that_is_called_free_costs_nothing() -> None:
    assert rates("openrouter/openai/gpt-oss-20b:free") == {"input": 0, "output": 0}


def test_a_name_without_a_provider_is_refused() -> None:
    with pytest.raises(Invalid, match="provider/model"):
        listed("gpt-4o", START)


def test_long_contexts_have_tiers() -> None:
    prices = listed("google/gemini-2.5-pro", START)

    assert prices is not None
    assert prices.rates["input"] == Decimal("1.25")
    assert [tier.size for tier in prices.tiers] == [200_000]
    assert prices.tiers[0].rates == {
        "input": Decimal("2.5"),
        "output": 15,
        "cache_read": Decimal("0.25"),
    }


def test_a_pool_keeps_its_rate_in_tiers_that_only_others_have(acme: list[ModelInfo]) -> None:
    steps = TieredPrices(Decimal(1), [Tier(100, Decimal(2)), Tier(300, Decimal(3))])
    late = TieredPrices(Decimal(5), [Tier(200, Decimal(6))])
    acme.append(
        a_model("m", ModelPrice(input_mtok=steps, output_mtok=late, input_audio_mtok=Decimal(9)))
    )

    prices = listed("acme/m", START)

    assert prices is not None
    assert prices.rates == {"input": 1, "output": 5, "audio_input": 9}
    assert prices.tiers == (
        tokens.Tier(100, {"input": Decimal(2), "output": Decimal(5)}),
        tokens.Tier(200, {"input": Decimal(2), "output": Decimal(6)}),
        tokens.Tier(300, {"input": Decimal(3), "output": Decimal(6)}),
    )


def test_a_use_has_the_price_of_its_day(acme: list[ModelInfo]) -> None:
    day = datetime.fromtimestamp(START / 1000, UTC).date()
    new = StartDateConstraint(start_date=day)
    acme.append(
        a_model(
            "m",
            [
                ConditionalPrice(prices=ModelPrice(input_mtok=Decimal(1))),
                ConditionalPrice(new, prices=ModelPrice(input_mtok=Decimal(2))),
            ],
        )
    )
    before = START - int(timedelta(seconds=1).total_seconds() * 1000)

    earlier, later = listed("acme/m", before), listed("acme/m", START)

    assert earlier is not None
    assert later is not None
    assert (earlier.rates["input"], later.rates["input"]) == (1, 2)


def test_all_listed_models_can_be_read() -> None:
    names = [
        f"{provider.id}/{model.id}"
        for provider in providers
        for model in provider.models[:25]
        if "/" not in provider.id
    ]

    priced = [prices for prices in (listed(name, START) for name in names) if prices]

    assert len(priced) > len(names) / 2
    assert all(
        rate >= 0 and isinstance(rate, Decimal)
        for prices in priced
        for rates in (prices.rates, *(tier.rates for tier in prices.tiers))
        for rate in rates.values()
    )


def test_the_list_is_loaded_at_the_first_look_up() -> None:
    program = (
        "import sys; from orchard.gateways import model_prices; "
        "assert 'genai_prices' not in sys.modules; "
        f"model_prices.listed('openai/gpt-4o', {START}); "
        "assert 'genai_prices' in sys.modules"
    )
    subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(ROOT / "layers/orchard/python")},
        check=True,
    )
