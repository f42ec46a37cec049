"""Lines that show usage in arrears: overage of one period, group by group."""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from orchard.domain import charges, interval, plan_display
from orchard.domain.billing import descriptions
from orchard.domain.billing.lines import USAGE, LineItem, Period, Sale
from orchard.domain.billing.stripe_prices import product_id
from orchard.domain.catalog import Plan
from orchard.domain.customer import CustomerPlan
from orchard.domain.holding import Place
from orchard.domain.quantity import ZERO
from orchard.domain.row import Row, Unbilled

type Wanted = Callable[[Unbilled], bool]
type Price = Mapping[str, Any]


class Group(NamedTuple):
    """Overage that is billed as one quantity: of a row, all its slices, in one period."""

    row_id: str
    period_end: int


class Charge(NamedTuple):
    """What a group comes to: the exact quantity, and the line that shows it."""

    group: Group
    quantity: Decimal
    line: LineItem


class Account(NamedTuple):
    """Whose usage it is: a customer's plan, the plan as it holds for it, where it was sold."""

    held: CustomerPlan
    plan: Plan
    sale: Sale
    entity_name: str | None = None


def charged(
    rows: Iterable[tuple[Place, Row]], account: Account, wanted: Wanted
) -> tuple[Charge, ...]:
    """Return what the wanted overage of rows comes to, group by group."""
    found: dict[tuple[str, Group], tuple[Price, Decimal]] = {}
    seats: set[Group] = set()
    for place, row in rows:
        for one in row.unbilled:
            price = one.price or row.price
            if wanted(one) and price is not None:
                key = place.feature_id, Group(row.id, one.period_end)
                seats |= {key[1]} if row.is_seat else set()
                _price, before = found.get(key, (price, ZERO))
                found[key] = price, before + one.quantity
    return tuple(
        Charge(
            key[1],
            found[key][1],
            _line(account, *key, *found[key], in_advance=key[1] in seats),
        )
        for key in sorted(found)
    )


def price_interval(price: Price) -> tuple[str, int]:
    """Return how often a price is billed: a name, and how many of it."""
    return str(price["interval"]), int(price.get("interval_count") or 1)


def _before(held: CustomerPlan, group: Group, price: Price) -> Period:
    """The period that a group was used in."""
    start = interval.after(group.period_end, *price_interval(price), -1)
    return Period(min(max(start, held.started_at), group.period_end), group.period_end)


def _line(
    account: Account,
    feature_id: str,
    group: Group,
    price: Price,
    quantity: Decimal,
    *,
    in_advance: bool,
) -> LineItem:
    held, plan, sale, entity_name = account
    feature, billed = sale.features[feature_id], charges.billed_units(price, quantity)
    period = _before(held, group, price)
    if in_advance:
        period = Period(group.period_end, interval.after(group.period_end, *price_interval(price)))
    text = f"{plan.name} - {plan_display.counted(feature, billed)}"
    return LineItem(
        kind=USAGE,
        plan_id=plan.id,
        customer_plan_id=held.id,
        feature_id=feature_id,
        product=product_id(sale.tenant, plan.id, feature_id),
        display_name=feature.name,
        description=descriptions.spanning(text, period, entity_name or held.entity_id),
        amount=charges.of_quantity(price, quantity, sale.currency),
        quantity=billed,
        period=period,
    )
