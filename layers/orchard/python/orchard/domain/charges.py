"""What usage beyond the balance comes to in money, as it is billed when a period ends."""

from collections.abc import Iterable, Mapping
from decimal import ROUND_CEILING, Decimal
from typing import Any

from orchard.domain import money
from orchard.domain.quantity import ZERO, total
from orchard.domain.row import PRICED, Row

_NO_LIMIT = "inf"


def of_rows(rows: Iterable[Row], currency: str) -> Decimal:
    """Return what the overage of rows costs, in major units of the currency.

    The slices of a row that is granted for each entity are billed as one quantity.
    """
    overdrawn: dict[str, tuple[Mapping[str, Any], Decimal]] = {}
    for row in rows:
        if row.overage == PRICED and row.price is not None:
            _price, quantity = overdrawn.get(row.id, (row.price, ZERO))
            overdrawn[row.id] = row.price, quantity + row.overdrawn
    return total(
        money.rounded(of_usage(price, quantity), currency) for price, quantity in overdrawn.values()
    )


def of_usage(price: Mapping[str, Any], quantity: Decimal) -> Decimal:
    """Return what a quantity costs: whole billing units, each at the amount of its tier.

    `price` is that of a plan item; the tiers are graduated and begin with the first unit billed.
    """
    units = Decimal(price.get("billing_units") or 1)
    billed = (quantity / units).to_integral_value(ROUND_CEILING) * units
    if "tiers" not in price:
        return billed / units * Decimal(price["amount"])
    cost, lower = ZERO, ZERO
    for tier in price["tiers"]:
        upper = billed if tier["to"] == _NO_LIMIT else min(billed, Decimal(tier["to"]))
        if upper > lower:
            cost += (upper - lower) / units * Decimal(tier["amount"])
            lower = upper
    return cost
