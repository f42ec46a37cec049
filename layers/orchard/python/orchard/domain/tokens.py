"""What a use of an AI model costs: tokens in pools, a rate for each pool, and a markup on top.

Rates are US dollars per million tokens; one credit of an AI credit system is one dollar.
"""

from collections.abc import Mapping
from decimal import Decimal, localcontext
from typing import Any, Literal, NamedTuple

from orchard.domain import quantity
from orchard.domain.quantity import ZERO
from orchard.errors import Invalid

INPUT, OUTPUT, CACHE_READ, CACHE_WRITE, AUDIO_INPUT, AUDIO_OUTPUT, REASONING = POOLS = (
    "input",
    "output",
    "cache_read",
    "cache_write",
    "audio_input",
    "audio_output",
    "reasoning",
)
#: The provider of models that only the credit system itself knows.
CUSTOM = "custom"

_INSTEAD = {
    CACHE_READ: INPUT,
    CACHE_WRITE: INPUT,
    AUDIO_INPUT: INPUT,
    AUDIO_OUTPUT: OUTPUT,
    REASONING: OUTPUT,
}
#: The pools that fill a model's context, by which long-context tiers go.
_CONTEXT = (INPUT, CACHE_READ, CACHE_WRITE)
_OWN = {INPUT: "input_cost", OUTPUT: "output_cost"}
#: Digits enough for the exact product of a count, a rate and a markup.
_DIGITS = 100

#: Tokens or dollars per million tokens, by pool; pools exclude each other.
type Counts = Mapping[str, int]
type Rates = Mapping[str, Decimal]
type MarkupSource = Literal["model", "provider", "default", "none"]


class Tier(NamedTuple):
    """Rates that replace the base rates once the context has more than `size` tokens."""

    size: int
    rates: Rates


class ListedPrices(NamedTuple):
    """What a price list says about a model."""

    rates: Rates
    tiers: tuple[Tier, ...] = ()


class Cost(NamedTuple):
    """The price of one use in dollars, and how it came about; `markup` is in percent.

    `tier_applied` is the size of the long-context tier, None for base rates; `rates` are those of
    the pools that were priced and had tokens.
    """

    cost: Decimal
    base_cost: Decimal
    markup: Decimal
    markup_source: MarkupSource
    tier_applied: int | None
    rates: Rates


def split(model_id: str) -> tuple[str, str]:
    """Return the provider and the model of `provider/model`. Errors: `Invalid` when one lacks."""
    provider, _, model = model_id.partition("/")
    if not provider or not model:
        raise Invalid(f"model_id must have the form provider/model (received {model_id})")
    return provider, model


def is_custom(model_id: str) -> bool:
    """Whether only the credit system can price the model. Errors: as `split`."""
    return split(model_id)[0] == CUSTOM


def price(
    model_id: str, counts: Counts, settings: Mapping[str, Any], listed: ListedPrices | None
) -> Cost:
    """Return what tokens of a model cost under the settings of an AI credit system.

    Costs of a model's own in the settings take the place of the listed ones. A custom model, and
    one that is not listed, is priced by its own costs, for the pools input and output alone.
    Errors: `Invalid` for an unknown model, one without a price, and an amount beyond all bounds.
    """
    own = _own_rates(model_id, settings)
    if listed is None or is_custom(model_id):
        rates, tier = _only_own(model_id, own), None
        counts = {pool: count for pool, count in counts.items() if pool in rates}
    else:
        tier = _tier(listed, counts)
        rates = {**listed.rates, **(tier.rates if tier else {}), **own}
    used = {pool: _rate(model_id, pool, rates) for pool, count in counts.items() if count}
    markup, source = _markup(model_id, settings)
    base_cost, cost = _amounts(counts, used, markup)
    return Cost(cost, base_cost, markup, source, tier and tier.size, used)


def _own_rates(model_id: str, settings: Mapping[str, Any]) -> Rates:
    entry = _entry(settings, "model_markups", model_id)
    return {
        pool: Decimal(entry[name]) for pool, name in _OWN.items() if entry.get(name) is not None
    }


def _only_own(model_id: str, own: Rates) -> Rates:
    if len(own) == len(_OWN):
        return own
    if own or is_custom(model_id):
        raise Invalid(
            f"Model {model_id} needs both input_cost and output_cost in the model_markups of the "
            "AI credit system"
        )
    raise Invalid(f"Unknown model {model_id}: no price per token is listed for it")


def _tier(listed: ListedPrices, counts: Counts) -> Tier | None:
    context = sum(counts.get(pool, 0) for pool in _CONTEXT)
    reached = [tier for tier in listed.tiers if tier.size < context]
    return max(reached, key=lambda tier: tier.size, default=None)


def _rate(model_id: str, pool: str, rates: Rates) -> Decimal:
    rate = rates.get(pool, rates.get(_INSTEAD.get(pool, pool)))
    if rate is None:
        raise Invalid(f"Model {model_id} has no price for {pool} tokens")
    return rate


def _markup(model_id: str, settings: Mapping[str, Any]) -> tuple[Decimal, MarkupSource]:
    """The most special markup there is: of the model, of its provider, of the credit system."""
    of_model = _entry(settings, "model_markups", model_id).get("markup")
    if of_model is not None:
        return Decimal(of_model), "model"
    of_provider = _entry(settings, "provider_markups", split(model_id)[0]).get("markup")
    if of_provider is not None:
        return Decimal(of_provider), "provider"
    default = settings.get("default_markup")
    return (ZERO, "none") if default is None else (Decimal(default), "default")


def _entry(settings: Mapping[str, Any], name: str, key: str) -> Mapping[str, Any]:
    entry: Mapping[str, Any] = (settings.get(name) or {}).get(key) or {}
    return entry


def _amounts(counts: Counts, used: Rates, markup: Decimal) -> tuple[Decimal, Decimal]:
    """Base cost and cost, each rounded once, at the end."""
    with localcontext(prec=_DIGITS):
        base = sum((counts[pool] * rate for pool, rate in used.items()), ZERO).scaleb(-6)
        cost = (base * (100 + markup)).scaleb(-2)
        if max(base, cost) > quantity.LARGEST:
            raise Invalid("These tokens cost more than can be tracked at once")
    return quantity.exact(base), quantity.exact(cost)
