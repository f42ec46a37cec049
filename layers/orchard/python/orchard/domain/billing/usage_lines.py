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


class _Share(NamedTuple):
    """A quantity at a price, of which some was billed before."""

    price: Price
    quantity: Decimal
    done: Decimal

    @property
    def billed(self) -> Decimal:
        whole = charges.billed_units(self.price, self.quantity)
        return whole - charges.billed_units(self.price, self.done)

    def cost(self, currency: str) -> Decimal:
        whole = charges.of_quantity(self.price, self.quantity, currency)
        return whole - charges.of_quantity(self.price, self.done, currency)


class Account(NamedTuple):
    """Whose usage it is: a customer's plan, the plan as it holds for it, where it was sold."""

    held: CustomerPlan
    plan: Plan
    sale: Sale
    entity_name: str | None = None


def charged(
    rows: Iterable[tuple[Place, Row]],
    account: Account,
    wanted: Wanted,
    before: Mapping[str, Decimal] | None = None,
) -> tuple[Charge, ...]:
    """Return what the wanted overage of rows comes to, group by group.

    So much of each row was billed `before`: the first of it; tiers and units go on from there.
    """
    found: dict[tuple[str, Group], tuple[Price, Decimal]] = {}
    seats: set[Group] = set()
    for place, row in rows:
        for one in row.unbilled:
            price = one.price or row.price
            if wanted(one) and price is not None:
                key = place.feature_id, Group(row.id, one.period_end)
                seats |= {key[1]} if row.is_seat else set()
                _price, so_far = found.get(key, (price, ZERO))
                found[key] = price, so_far + one.quantity
    left, charges_ = dict(before or {}), []
    for (feature_id, group), (cost, quantity) in sorted(found.items(), key=lambda one: one[0]):
        done = min(quantity, left.get(group.row_id, ZERO))
        left[group.row_id] = left.get(group.row_id, ZERO) - done
        if quantity > done:
            share = _Share(cost, quantity, done)
            line = _line(account, feature_id, group, share, in_advance=group in seats)
            charges_.append(Charge(group, quantity - done, line))
    return tuple(charges_)


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
    share: _Share,
    *,
    in_advance: bool,
) -> LineItem:
    held, plan, sale, entity_name = account
    feature = sale.features[feature_id]
    period = _before(held, group, share.price)
    if in_advance:
        end = interval.after(group.period_end, *price_interval(share.price))
        period = Period(group.period_end, end)
    text = f"{plan.name} - {plan_display.counted(feature, share.billed)}"
    return LineItem(
        kind=USAGE,
        plan_id=plan.id,
        customer_plan_id=held.id,
        feature_id=feature_id,
        product=product_id(sale.tenant, plan.id, feature_id),
        display_name=feature.name,
        description=descriptions.spanning(text, period, entity_name or held.entity_id),
        amount=share.cost(sale.currency),
        quantity=share.billed,
        period=period,
    )
