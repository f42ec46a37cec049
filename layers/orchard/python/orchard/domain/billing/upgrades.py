"""Whether another plan in the place of the present one is an upgrade, which happens at once."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from orchard.domain import plan_rules
from orchard.domain.catalog import Plan
from orchard.domain.interval import ONE_OFF
from orchard.domain.plan_items import USAGE_BASED

#: How many months an interval counts as.
_MONTHS = {
    "week": Fraction(1, 4),
    "month": Fraction(1),
    "quarter": Fraction(3),
    "semi_annual": Fraction(6),
    "year": Fraction(12),
}


def is_upgrade(new: Plan, current: Plan) -> bool:
    """Whether a plan commits for longer than the present one, or a month costs as much or more."""
    if new.is_free or current.is_free:
        return current.is_free
    if plan_rules.is_one_off(new) or plan_rules.is_one_off(current):
        return True
    if _is_for_use_only(new) and _is_for_use_only(current):
        return True
    return _longest(new) > _longest(current) or _monthly(new) >= _monthly(current)


def _is_for_use_only(plan: Plan) -> bool:
    """Whether all that is paid for is used up: nothing in advance, no seats."""
    priced = [item for item in plan.items if item.get("price")]
    return plan.price is None and all(_is_consumable(item) for item in priced)


def _is_consumable(item: Mapping[str, Any]) -> bool:
    """Only what is used up resets, and where it has a price it does."""
    is_metered = item["price"].get("billing_method") == USAGE_BASED
    return is_metered and item.get("reset") is not None


def _months(price: Mapping[str, Any]) -> Fraction:
    return _MONTHS.get(price["interval"], Fraction(0)) * int(price.get("interval_count", 1))


def _longest(plan: Plan) -> Fraction:
    return max(_months(price) for price in plan_rules.prices(plan))


def _monthly(plan: Plan) -> Fraction:
    """What a month costs by the recurring prices; of one with tiers the first counts."""
    recurring = (one for one in plan_rules.prices(plan) if one["interval"] != ONE_OFF)
    return sum((_amount(price) / _months(price) for price in recurring), Fraction(0))


def _amount(price: Mapping[str, Any]) -> Fraction:
    return Fraction(price["tiers"][0]["amount"] if "tiers" in price else price["amount"])
