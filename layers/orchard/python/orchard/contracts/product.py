"""Plans in the older shape, as products: previews of denied checks still have it."""

from collections.abc import Mapping
from typing import Any

from orchard.contracts.numbers import plain
from orchard.domain import plan_display, plan_rules
from orchard.domain.catalog import BOOLEAN, Feature
from orchard.domain.interval import LENGTH_MINUTES, ONE_OFF
from orchard.domain.plan_items import PREPAID, USAGE_BASED
from orchard.domain.previews import Offer

_USAGE_MODELS = {PREPAID: "prepaid", USAGE_BASED: "pay_per_use"}


def product(offer: Offer, features: Mapping[str, Feature], environment: str) -> dict[str, Any]:
    """Return a plan version as a product; its base price is the first of its items.

    `features` are those of the catalogue.
    """
    one = offer.plan
    base = [] if one.price is None else [_base(one.price)]
    view: dict[str, Any] = {
        "id": one.id,
        "name": one.name,
        "group": one.group or None,
        "env": environment,
        "is_add_on": one.add_on,
        "is_default": one.auto_enable,
        "archived": one.archived,
        "version": one.version,
        "created_at": one.created_at,
        "items": [*base, *(_item(item, features.get(item["feature_id"])) for item in one.items)],
        "free_trial": one.free_trial and _trial(one.free_trial, available=offer.trial_available),
        "base_variant_id": None,
        "scenario": offer.scenario,
        "properties": _properties(offer),
    }
    if one.billing_controls:
        view["billing_controls"] = plain(one.billing_controls)
    return view


def _base(price: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "price",
        "feature_id": None,
        "feature_type": None,
        "included_usage": None,
        **_rhythm(price),
        "price": plain(price["amount"]),
        "tiers": None,
        "tier_behavior": None,
        "usage_model": None,
        "billing_units": None,
        "reset_usage_when_enabled": None,
        "entity_feature_id": None,
        "display": plan_display.price(price),
        "quantity": None,
        "next_cycle_quantity": None,
        "config": None,
    }


def _item(item: Mapping[str, Any], feature: Feature | None) -> dict[str, Any]:
    price: Mapping[str, Any] = item.get("price") or {}
    is_flag = feature is not None and feature.type == BOOLEAN
    return {
        "type": "priced_feature" if price else "feature",
        "feature_id": item["feature_id"],
        "feature_type": feature and _kind(feature),
        "included_usage": None if is_flag else _included(item),
        **_rhythm(price or item.get("reset") or {}),
        "price": plain(price.get("amount")),
        "tiers": plain(price.get("tiers")),
        "tier_behavior": price.get("tier_behavior"),
        "usage_model": _USAGE_MODELS.get(price.get("billing_method", "")),
        "billing_units": plain(price.get("billing_units")),
        # What a plan gives starts full whenever it is attached.
        "reset_usage_when_enabled": None if is_flag else True,
        "entity_feature_id": item.get("entity_feature_id"),
        "display": feature and plan_display.item(item, feature),
        # Nobody has bought any yet: the product is only offered.
        "quantity": None,
        "next_cycle_quantity": None,
        "config": _config(item),
    }


def _kind(feature: Feature) -> str:
    if feature.type == BOOLEAN:
        return "boolean"
    return "continuous_use" if feature.continuous else "single_use"


def _included(item: Mapping[str, Any]) -> Any:
    return "inf" if item.get("unlimited") else plain(item.get("included") or 0)


def _rhythm(source: Mapping[str, Any]) -> dict[str, Any]:
    """How often it is billed or starts anew; null for once."""
    every = source.get("interval", ONE_OFF)
    if every == ONE_OFF:
        return {"interval": None, "interval_count": None}
    return {"interval": every, "interval_count": _count(source)}


def _config(item: Mapping[str, Any]) -> dict[str, Any] | None:
    config = dict(item.get("proration") or {})
    rule = item.get("rollover")
    if rule:
        config["rollover"] = {
            "max": plain(rule.get("max")),
            "max_percentage": plain(rule.get("max_percentage")),
            "duration": rule["expiry_duration_type"],
            "length": int(rule.get("expiry_duration_length") or 1),
        }
    return config or None


def _trial(trial: Mapping[str, Any], *, available: bool) -> dict[str, Any]:
    return {
        "duration": trial["duration_type"],
        "length": int(trial["duration_length"]),
        # Trials are counted by customer; who shares a fingerprint has one as well.
        "unique_fingerprint": False,
        "card_required": trial["card_required"],
        "on_end": trial.get("on_end"),
        "trial_available": available,
    }


def _properties(offer: Offer) -> dict[str, Any]:
    prices = list(plan_rules.prices(offer.plan))
    return {
        "is_free": offer.plan.is_free,
        "is_one_off": plan_rules.is_one_off(offer.plan),
        "interval_group": _longest(prices),
        "has_trial": offer.plan.free_trial is not None and offer.trial_available,
        # With a quantity that is chosen when buying.
        "updateable": any(one.get("billing_method") == PREPAID for one in prices),
    }


def _longest(prices: list[Mapping[str, Any]]) -> str | None:
    """The longest interval at which it is billed: `month`, `3 months`; null without any."""
    recurring = [price for price in prices if price["interval"] != ONE_OFF]
    if not recurring:
        return None
    longest = max(recurring, key=lambda price: LENGTH_MINUTES[price["interval"]] * _count(price))
    every, count = str(longest["interval"]), _count(longest)
    return every if count == 1 else f"{count} {every}s"


def _count(source: Mapping[str, Any]) -> int:
    return int(source.get("interval_count", 1))
