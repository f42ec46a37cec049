"""What packs of a prepaid item cost that has tiers.

Tiers are limits in units, those included counted. Graduated: each unit at the amount of the tier it
lies in. Volume: all of them at the tier that the quantity reaches, and its flat amount.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from orchard.domain.billing import quantities
from orchard.domain.billing.amounts import amount
from orchard.domain.quantity import ZERO

_NO_LIMIT = "inf"


def cost(item: Mapping[str, Any], packs: int, currency: str) -> Decimal:
    """Return what so many packs beyond the included units cost, in major units; none: nothing."""
    price = item["price"]
    size = Decimal(price.get("billing_units", 1))
    free = quantities.included(item)
    if not packs:
        return ZERO
    top = free + packs * size
    if price.get("tier_behavior") == "volume":
        return _volume(price["tiers"], packs, top, currency)
    found, lower = ZERO, free
    for tier in price["tiers"]:
        upper = top if tier["to"] == _NO_LIMIT else min(top, Decimal(tier["to"]))
        if upper > lower:
            found += (upper - lower) / size * amount(tier, currency)
            lower = upper
    return found


def _volume(tiers: list[Mapping[str, Any]], packs: int, top: Decimal, currency: str) -> Decimal:
    reached = next(tier for tier in tiers if tier["to"] == _NO_LIMIT or top <= Decimal(tier["to"]))
    return packs * amount(reached, currency) + amount(reached, currency, "flat_amount")
