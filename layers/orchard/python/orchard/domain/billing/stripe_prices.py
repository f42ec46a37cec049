"""What is sold, in the form of Stripe's products and prices.

Both are found by what they are: a product by an id made of the tenant, the plan and the feature, a
price by a key made of all that it consists of. So nothing has to be remembered here, and what was
made before a crash is found again.
"""

import hashlib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from orchard.domain import charges, money
from orchard.domain.billing import quantities, tiers
from orchard.domain.billing.amounts import amount as amount_in
from orchard.domain.billing.lines import Bought, Sale
from orchard.domain.catalog import Plan
from orchard.domain.interval import LENGTH_MINUTES, ONE_OFF
from orchard.domain.quantity import ZERO

#: How the ids of our products begin, and the keys of our prices.
PREFIX = "orchard_"
#: Our intervals in those of Stripe: how many months, weeks or years make one.
_AT_STRIPE = {
    "week": ("week", 1),
    "month": ("month", 1),
    "quarter": ("month", 3),
    "semi_annual": ("month", 6),
    "year": ("year", 1),
}


class ProductSpec(NamedTuple):
    """A product: what a plan costs by itself, or what one of its features costs."""

    id: str
    name: str
    metadata: Mapping[str, str] = {}


class PriceSpec(NamedTuple):
    """A price; `unit_amount` in minor units, possibly a fraction. Without an interval: once."""

    product: str
    currency: str
    unit_amount: Decimal
    interval: str | None = None
    interval_count: int = 1
    metadata: Mapping[str, str] = {}

    @property
    def lookup_key(self) -> str:
        """What the price is found by at Stripe."""
        what = (self.product, self.currency, f"{self.unit_amount.normalize():f}")
        return PREFIX + _digest(*what, self.interval or ONE_OFF, str(self.interval_count))[:32]


class SubscriptionItem(NamedTuple):
    """So many units of a price."""

    price: PriceSpec
    quantity: int
    plan_id: str
    feature_id: str | None = None


def product_id(tenant: str, plan_id: str, feature_id: str | None) -> str:
    """Return the id of the product of a plan's base price, or of one of its features."""
    return PREFIX + _digest(tenant, plan_id, feature_id or "")[:24]


def products(plan: Plan, sale: Sale) -> tuple[ProductSpec, ...]:
    """Return the products of a plan that has to be paid for."""
    return tuple(
        ProductSpec(
            product_id(sale.tenant, plan.id, feature_id),
            plan.name if feature_id is None else _name(plan, sale, feature_id),
            _noted(plan.id, feature_id),
        )
        for feature_id in _sold(plan)
    )


def product_ids(tenant: str, plan: Plan) -> tuple[str, ...]:
    """Return the ids of the products of a plan."""
    return tuple(product_id(tenant, plan.id, feature_id) for feature_id in _sold(plan))


def subscription_items(bought: Bought, sale: Sale) -> tuple[SubscriptionItem, ...]:
    """Return what of a plan recurs at Stripe: none if nothing of it does.

    Usage is billed when it is known; a plan with nothing else recurs as an item that is free.
    """
    items = tuple(_recurring(bought, sale))
    if items or not any(price["interval"] != ONE_OFF for price in _prices(bought.plan)):
        return items
    usage = max((one for one in _prices(bought.plan)), key=_length)
    free = {**usage, "amount": ZERO}
    return (_item(bought, sale, None, free, (ZERO, 1)),)


def one_off_items(bought: Bought, sale: Sale) -> tuple[SubscriptionItem, ...]:
    """Return what of a plan is paid once, or with the first invoice: seats that are in use."""
    return (*_fixed(bought, sale, once=True), *_seats(bought, sale))


def standing_prices(plan: Plan, sale: Sale) -> tuple[PriceSpec, ...]:
    """Return the prices of a plan that do not depend on how much of it is bought."""
    flat = [item for item in quantities.prepaid_items(plan) if "tiers" not in item["price"]]
    bare = Bought(plan, "")
    whole = Bought(
        plan._replace(items=tuple(flat)),
        "",
        {item["feature_id"]: quantities.included(item) + 1 for item in flat},
    )
    sold = [
        item
        for one in (bare, whole)
        for item in (*subscription_items(one, sale), *one_off_items(one, sale))
    ]
    return tuple({one.price.lookup_key: one.price for one in sold}.values())


def largest_interval(plan: Plan) -> tuple[str, int] | None:
    """Return the longest interval at which a plan is billed, None if it is not."""
    recurring = [one for one in _prices(plan) if one["interval"] != ONE_OFF]
    if not recurring:
        return None
    longest = max(recurring, key=_length)
    return longest["interval"], int(longest.get("interval_count", 1))


def upfront_intervals(plan: Plan) -> set[tuple[str, int]]:
    """Return the intervals at which something of a plan is paid in advance."""
    return {
        (price["interval"], int(price.get("interval_count", 1)))
        for price in _prices(plan)
        if price["interval"] != ONE_OFF and price.get("billing_method") != "usage_based"
    }


def _recurring(bought: Bought, sale: Sale) -> Iterator[SubscriptionItem]:
    return _fixed(bought, sale, once=False)


def _fixed(bought: Bought, sale: Sale, *, once: bool) -> Iterator[SubscriptionItem]:
    base = bought.plan.price
    if base is not None and (base["interval"] == ONE_OFF) == once:
        yield _item(bought, sale, None, base, (amount_in(base, sale.currency), 1))
    for item in quantities.prepaid_items(bought.plan):
        price, name = item["price"], item["feature_id"]
        packs = quantities.packs(item, bought.quantities.get(name, ZERO))
        if (price["interval"] == ONE_OFF) != once or not packs:
            continue
        if "tiers" in price:
            yield _item(bought, sale, name, price, (tiers.cost(item, packs, sale.currency), 1))
        else:
            yield _item(bought, sale, name, price, (amount_in(price, sale.currency), packs))


def _seats(bought: Bought, sale: Sale) -> Iterator[SubscriptionItem]:
    for item in quantities.seat_items(bought.plan):
        price, name = item["price"], item["feature_id"]
        cost = charges.of_usage(price, bought.seats.get(name, ZERO), sale.currency)
        if cost:
            once = {**price, "interval": ONE_OFF}
            yield _item(bought, sale, name, once, (money.rounded(cost, sale.currency), 1))


def _item(
    bought: Bought,
    sale: Sale,
    feature_id: str | None,
    price: Mapping[str, Any],
    amount_and_quantity: tuple[Decimal, int],
) -> SubscriptionItem:
    (amount, quantity), every = amount_and_quantity, price["interval"]
    name, times = _AT_STRIPE.get(every, (None, 1))
    spec = PriceSpec(
        product=product_id(sale.tenant, bought.plan.id, feature_id),
        currency=sale.currency,
        unit_amount=amount.scaleb(money.decimals(sale.currency)),
        interval=name,
        interval_count=times * int(price.get("interval_count", 1)) if name else 1,
        metadata=_noted(bought.plan.id, feature_id),
    )
    return SubscriptionItem(spec, quantity, bought.plan.id, feature_id)


def _sold(plan: Plan) -> list[str | None]:
    """The features of a plan that have a price, and None for the plan itself."""
    if plan.is_free:
        return []
    return [None, *dict.fromkeys(item["feature_id"] for item in plan.items if item.get("price"))]


def _prices(plan: Plan) -> Iterator[Mapping[str, Any]]:
    if plan.price is not None:
        yield plan.price
    yield from (item["price"] for item in plan.items if item.get("price"))


def _length(price: Mapping[str, Any]) -> int:
    if price["interval"] == ONE_OFF:
        return 0
    return LENGTH_MINUTES[price["interval"]] * int(price.get("interval_count", 1))


def _name(plan: Plan, sale: Sale, feature_id: str) -> str:
    feature = sale.features.get(feature_id)
    return f"{plan.name} - {feature.name if feature else feature_id}"


def _noted(plan_id: str, feature_id: str | None) -> dict[str, str]:
    noted = {"orchard_plan_id": plan_id}
    return noted if feature_id is None else {**noted, "orchard_feature_id": feature_id}


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
