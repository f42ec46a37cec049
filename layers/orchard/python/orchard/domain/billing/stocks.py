"""Units of a feature that are bought by themselves: what sells them, and where they go.

Quantities are decimals in units of the feature, times UTC milliseconds.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from orchard.domain import ids
from orchard.domain.billing import quantities
from orchard.domain.catalog import Plan
from orchard.domain.customer import CustomerPlan
from orchard.domain.holding import NOTHING, Place, State
from orchard.domain.interval import ONE_OFF
from orchard.domain.quantity import ZERO
from orchard.domain.row import Row, Rows, ordered


class Stock(NamedTuple):
    """Units that are bought once for a plan; a purchase counts in a window of this length."""

    customer_plan_id: str
    feature_id: str
    units: Decimal
    interval: str | None = None
    interval_count: int = 1


def sold_once(plan: Plan, feature_id: str) -> Mapping[str, Any] | None:
    """Return the item of a plan by which units of a feature are bought in advance, for good."""
    found = (
        item
        for item in quantities.prepaid_items(plan)
        if item["feature_id"] == feature_id and item["price"]["interval"] == ONE_OFF
    )
    return next(found, None)


def whole(item: Mapping[str, Any], quantity: Decimal) -> Decimal:
    """Return a quantity in whole packs of an item, apart from what it includes."""
    return quantities.units({**item, "included": ZERO}, quantity)


def owned(held: CustomerPlan, item: Mapping[str, Any]) -> Decimal:
    """Return how many units of an item were bought with a customer's plan and since."""
    had = held.quantities.get(item["feature_id"], ZERO) - quantities.included(item)
    return max(ZERO, had)


def alone(plan: Plan, item: Mapping[str, Any]) -> Plan:
    """Return a plan that sells units of one item and nothing else, none of them included."""
    return plan._replace(price=None, items=({**item, "included": ZERO},))


def stocked(state: State, stocks: Iterable[Stock], now: int) -> State:
    """Return a state with what was bought: what others are overdrawn by is paid down first.

    Units of a plan that ended while its invoice was to be paid stay with the customer.
    """
    found = dict(state)
    for stock in stocks:
        place = Place(stock.feature_id)
        held = found.get(place, NOTHING)
        target = next((row for row in held.rows if _is_stock(row, stock)), None)
        rows = held.rows
        if target is None:
            target = Row(id=ids.new("cus_ent_", now), created_at=now)
            rows = (*rows, target)
        found[place] = held._replace(rows=ordered(_filled(rows, target, stock.units)))
    return found


def with_units(held: CustomerPlan, stocks: Iterable[Stock]) -> CustomerPlan:
    """Return a customer's plan with the quantities that it has then."""
    more = {one.feature_id: one.units for one in stocks if one.customer_plan_id == held.id}
    if not more:
        return held
    grown = {name: held.quantities.get(name, ZERO) + units for name, units in more.items()}
    return held._replace(quantities={**held.quantities, **grown})


def _is_stock(row: Row, stock: Stock) -> bool:
    price = row.price or {}
    return (
        row.customer_plan_id == stock.customer_plan_id
        and price.get("billing_method") == "prepaid"
        and price.get("interval") == ONE_OFF
        and row.entity_id is None
    )


def _filled(rows: Rows, target: Row, units: Decimal) -> Rows:
    after, amount = [], units
    for row in rows:
        paid = min(amount, row.overdrawn) if _is_owed(row) and row is not target else ZERO
        amount -= paid
        after.append(row._replace(balance=row.balance + paid) if paid else row)
    more = target._replace(prepaid=target.prepaid + units, balance=target.balance + amount)
    return tuple(more if row is target else row for row in after)


def _is_owed(row: Row) -> bool:
    """Whether what a row is overdrawn by is paid down: not that of entities, seats, purchases."""
    method = (row.price or {}).get("billing_method")
    return row.entity_id is None and not (row.is_mould or row.is_seat or method == "prepaid")
