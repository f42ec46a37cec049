"""Plan items: what suits which feature, and the form in which an item is stored and returned."""

from collections.abc import Mapping
from typing import Any

from orchard.domain import interval
from orchard.domain.catalog import BOOLEAN, METERED, Feature
from orchard.errors import Invalid

INVALID = "invalid_product_item"
PREPAID, USAGE_BASED = "prepaid", "usage_based"
_AT_ONCE = {"on_increase": "prorate_immediately", "on_decrease": "prorate_immediately"}


def conformed(item: Mapping[str, Any], feature: Feature) -> dict[str, Any]:
    """Return an item as it holds for its feature.

    Only features that are used up reset; without a reset of its own, a priced one resets with its
    price. Units of any other that have a price are charged when they are taken, unless the item
    says otherwise. Errors: `Invalid` when the item asks for what the feature cannot do.
    """
    problem = _problem(item, feature)
    if problem is not None:
        raise Invalid(f"Item of feature {feature.id}: {problem}", INVALID)
    if feature.type == BOOLEAN:
        return {**item, "included": 0, "unlimited": False, "reset": None}
    proration = {} if item.get("proration") else _proration(item, feature)
    return {**item, "reset": None if feature.continuous else _reset(item), **proration}


def counts_entities(feature: Feature) -> bool:
    """Whether entities can be units of a feature."""
    return feature.type == METERED


def check_entities(item: Mapping[str, Any], counting: Feature) -> None:
    """Require that an item can be granted to each entity of a feature. Errors: `Invalid`."""
    if counting.id == item["feature_id"]:
        raise Invalid(f"Item of feature {counting.id}: its own entities can't share it", INVALID)
    if not counts_entities(counting):
        problem = f"entity_feature_id {counting.id} is not a metered feature"
        raise Invalid(f"Item of feature {item['feature_id']}: {problem}", INVALID)


def fits(item: Mapping[str, Any], feature: Feature) -> bool:
    """Whether a stored item would be the same if the feature were as given.

    One that was stored without a word about when units are charged goes on so.
    """
    if _problem(item, feature) is not None:
        return False
    own = {"proration": item.get("proration")}
    return {**conformed(item, feature), **own} == {**item, **own}


def _proration(item: Mapping[str, Any], feature: Feature) -> dict[str, Any]:
    """What an item is stored with that leaves open when units are charged."""
    price = item.get("price")
    if not feature.continuous or not price or price["billing_method"] != USAGE_BASED:
        return {}
    return {} if price["interval"] == interval.ONE_OFF else {"proration": dict(_AT_ONCE)}


def _reset(item: Mapping[str, Any]) -> Mapping[str, Any] | None:
    reset = item.get("reset")
    if reset is None and item.get("price"):
        price = item["price"]
        reset = {name: price[name] for name in ("interval", "interval_count") if name in price}
    if reset is None or reset["interval"] == interval.ONE_OFF:
        return None
    return dict(reset)


def _problem(item: Mapping[str, Any], feature: Feature) -> str | None:
    price = item.get("price")
    if feature.type == BOOLEAN:
        extra = price or item.get("rollover") or item.get("proration")
        return "a boolean feature has no price, rollover or proration" if extra else None
    if item.get("rollover") and (feature.continuous or _reset(item) is None):
        return "rollover needs a consumable feature with a reset interval"
    if item.get("proration") and not _prorates(price, feature):
        return "proration needs a prepaid price, or a price of a feature that is not consumable"
    return None


def _prorates(price: Mapping[str, Any] | None, feature: Feature) -> bool:
    return price is not None and (price["billing_method"] == PREPAID or feature.continuous)
