"""The price list of AI models: the package `genai-prices`, as of its pinned version.

Nothing is fetched. The package is loaded at the first look-up, not at the start: it takes longer
to load than a balance to read, and uses of custom models never need it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING

from orchard.domain import tokens
from orchard.domain.tokens import ListedPrices, Tier

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, Provider, TieredPrices

#: What a pool is called in the list.
_PRICES = {
    tokens.INPUT: "input_mtok",
    tokens.OUTPUT: "output_mtok",
    tokens.CACHE_READ: "cache_read_mtok",
    tokens.CACHE_WRITE: "cache_write_mtok",
    tokens.AUDIO_INPUT: "input_audio_mtok",
    tokens.AUDIO_OUTPUT: "output_audio_mtok",
    tokens.REASONING: "output_reasoning_mtok",
}
#: Names that other lists and clients have for providers.
ALIASES = {
    "amazon-bedrock": "aws",
    "bedrock": "aws",
    "azure-openai": "azure",
    "fireworks-ai": "fireworks",
    "fireworks_ai": "fireworks",
    "gemini": "google",
    "google-vertex": "google",
    "vertex": "google",
    "vertex_ai": "google",
    "mistralai": "mistral",
    "together-ai": "together",
    "together_ai": "together",
    "togetherai": "together",
    "voyage": "voyageai",
    "xai": "x-ai",
}
#: It lists models under `author/model`, whoever runs them.
_RESELLER = "openrouter"
#: The end of the names of models that cost nothing; the list gives them no price.
_FREE = ":free"


def listed(model_id: str, at: int) -> ListedPrices | None:
    """Return the rates of `provider/model` at a time (ms UTC), or None if it has none per token.

    A model that its provider's list lacks is looked up in OpenRouter's, there by its whole name.
    """
    provider_id, name = tokens.split(model_id.lower())
    providers = _providers()
    provider = providers.get(ALIASES.get(provider_id, provider_id))
    found = provider and provider.find_model(name, all_providers=list(providers.values()))
    found = found or _resold(providers[_RESELLER], model_id.lower())
    if found is None:
        return None
    prices = _converted(found.get_prices(datetime.fromtimestamp(at / 1000, UTC)))
    if found.id.endswith(_FREE) and not prices.rates:
        return ListedPrices({tokens.INPUT: Decimal(0), tokens.OUTPUT: Decimal(0)})
    return prices if prices.rates else None


@cache
def _providers() -> Mapping[str, "Provider"]:
    from genai_prices.data import providers  # noqa: PLC0415 - see the top

    return {provider.id: provider for provider in providers}


def _resold(reseller: "Provider", model_id: str) -> "ModelInfo | None":
    return next((model for model in reseller.models if model.id == model_id), None)


def _converted(prices: "ModelPrice") -> ListedPrices:
    priced = {pool: getattr(prices, name) for pool, name in _PRICES.items()}
    given = {pool: price for pool, price in priced.items() if price is not None}
    tiered = {pool: price for pool, price in given.items() if not isinstance(price, Decimal)}
    sizes = sorted({tier.start for price in tiered.values() for tier in price.tiers})
    return ListedPrices(
        {pool: tiered[pool].base if pool in tiered else price for pool, price in given.items()},
        tuple(Tier(size, _at_size(tiered, size)) for size in sizes),
    )


def _at_size(tiered: Mapping[str, "TieredPrices"], size: int) -> Mapping[str, Decimal]:
    """The rates in a context just above a size; tiers are in ascending order."""
    return {
        pool: [price.base, *(tier.price for tier in price.tiers if tier.start <= size)][-1]
        for pool, price in tiered.items()
    }
