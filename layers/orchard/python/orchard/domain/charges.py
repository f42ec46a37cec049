"""What usage beyond the balance comes to in money, as it is billed when a period ends."""

from collections.abc import Iterable, Mapping
from decimal import ROUND_CEILING, Decimal
from typing import Any

from orchard.domain import gates, money
from orchard.domain.billing import amounts
from orchard.domain.holding import Place, State
from orchard.domain.money import MAIN_CURRENCY
from orchard.domain.quantity import ZERO, total
from orchard.domain.row import PRICED, Row
from orchard.domain.scope import Subject

_NO_LIMIT = "inf"

type Price = Mapping[str, Any]


def is_waived(state: State, place: Place) -> bool:
    """Whether the spend limit that holds at a place lets overage be free there."""
    controls = gates.resolved(state, Subject(place.entity_id), place.feature_id)
    return controls.spend_limit is not None and controls.spend_limit.waives_billing


def of_rows(rows: Iterable[Row], currency: str) -> Decimal:
    """Return what the overage of rows costs, in major units of the currency.

    The slices of a row that is granted for each entity are billed as one quantity.
    """
    overdrawn: dict[str, tuple[Price, Decimal]] = {}
    for row in rows:
        if row.overage == PRICED and row.price is not None:
            _price, quantity = overdrawn.get(row.id, (row.price, ZERO))
            overdrawn[row.id] = row.price, quantity + row.overdrawn
    return total(of_quantity(price, quantity, currency) for price, quantity in overdrawn.values())


def of_quantity(price: Price, quantity: Decimal, currency: str) -> Decimal:
    """Return what a quantity that is billed as one costs, in whole minor units of the currency."""
    return money.rounded(of_usage(price, quantity, currency), currency)


def of_usage(price: Price, quantity: Decimal, currency: str = MAIN_CURRENCY) -> Decimal:
    """Return what a quantity costs: whole billing units, each at the amount of its tier.

    `price` is that of a plan item; the tiers are graduated and begin with the first unit billed.
    Errors: `Invalid` where there is no price in the currency.
    """
    units, billed = _size(price), billed_units(price, quantity)
    if "tiers" not in price:
        return billed / units * amounts.amount(price, currency)
    cost, lower = ZERO, ZERO
    for tier in price["tiers"]:
        upper = billed if tier["to"] == _NO_LIMIT else min(billed, Decimal(tier["to"]))
        if upper > lower:
            cost += (upper - lower) / units * amounts.amount(tier, currency)
            lower = upper
    return cost


def billed_units(price: Price, quantity: Decimal) -> Decimal:
    """Return a quantity as it is billed: as many whole billing units as hold it."""
    units = _size(price)
    return (quantity / units).to_integral_value(ROUND_CEILING) * units


def _size(price: Price) -> Decimal:
    return Decimal(price.get("billing_units") or 1)
