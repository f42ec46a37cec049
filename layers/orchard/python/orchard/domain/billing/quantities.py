"""Prepaid units: what is bought of a plan's items, in packs.

A quantity counts what an item includes: of 10 units where 4 are included, 6 are paid for, in as
many packs of `billing_units` as it takes.
"""

from collections.abc import Iterator, Mapping
from decimal import ROUND_CEILING, Decimal
from typing import Any

from orchard.domain.catalog import Plan
from orchard.domain.plan_items import PREPAID, USAGE_BASED
from orchard.domain.quantity import ZERO
from orchard.errors import Invalid, InvalidInputs

type Item = Mapping[str, Any]
type Quantities = Mapping[str, Decimal]


def prepaid_items(plan: Plan) -> Iterator[Item]:
    """Yield the items of a plan that are sold in advance."""
    return (item for item in plan.items if is_prepaid(item))


def seat_items(plan: Plan) -> Iterator[Item]:
    """Yield the items of a plan whose units are charged when they are taken."""
    return (
        item
        for item in plan.items
        if item.get("proration") and (item.get("price") or {}).get("billing_method") == USAGE_BASED
    )


def is_prepaid(item: Item) -> bool:
    """Whether units of an item are bought in advance."""
    return (item.get("price") or {}).get("billing_method") == PREPAID


def packs(item: Item, quantity: Decimal) -> int:
    """Return how many packs of a prepaid item make up a quantity; none below what is included."""
    beyond = max(ZERO, quantity - included(item))
    size = Decimal(item["price"].get("billing_units", 1))
    return int((beyond / size).to_integral_value(ROUND_CEILING))


def units(item: Item, quantity: Decimal) -> Decimal:
    """Return how many units the packs of a prepaid item hold: 0 of any other item."""
    if not is_prepaid(item):
        return ZERO
    return packs(item, quantity) * Decimal(item["price"].get("billing_units", 1))


def included(item: Item) -> Decimal:
    """Return what an item gives without being paid for."""
    return Decimal(item.get("included") or 0)


def settled(plan: Plan, asked: Quantities) -> dict[str, Decimal]:
    """Return what is held of each prepaid feature when so much is asked for: whole packs.

    Errors: `InvalidInputs` for a feature that the plan does not sell in advance, `Invalid` for
    more than it sells.
    """
    items: dict[str, list[Item]] = {}
    for item in prepaid_items(plan):
        items.setdefault(item["feature_id"], []).append(item)
    unknown = sorted(asked.keys() - items.keys())
    if unknown:
        raise InvalidInputs(
            f"feature_quantities: plan {plan.id} has no prepaid item of feature {unknown[0]}"
        )
    return {name: _settled(plan, some, asked.get(name, ZERO)) for name, some in items.items()}


def _settled(plan: Plan, items: list[Item], asked: Decimal) -> Decimal:
    for item in items:
        most = item["price"].get("max_purchase")
        if most is not None and units(item, asked) > most:
            raise Invalid(
                f"Plan {plan.id} sells at most {most:f} of feature {item['feature_id']}: "
                f"{asked:f} would be too many"
            )
    # Where a feature is sold in several ways, packs of one size are no whole packs of another.
    if len(items) > 1:
        return max(asked, *map(included, items))
    return included(items[0]) + units(items[0], asked)
