"""The lines of fixed prices: for the rest of a period, for a purchase, or given back."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from orchard.domain import charges as metering
from orchard.domain import money
from orchard.domain.billing import descriptions, quantities, stripe_prices, tiers
from orchard.domain.billing.amounts import amount as amount_in
from orchard.domain.billing.lines import CHARGE, REFUND, SEATS, Bought, LineItem, Period, Sale
from orchard.domain.interval import ONE_OFF
from orchard.domain.quantity import ZERO

type PeriodOf = Callable[[Mapping[str, Any]], Period]


class _Fixed(NamedTuple):
    """A fixed price: what it comes to for a whole period, for how many units."""

    feature_id: str | None
    price: Mapping[str, Any]
    amount: Decimal
    quantity: Decimal
    kind: str = CHARGE

    @property
    def is_once(self) -> bool:
        return bool(self.price["interval"] == ONE_OFF)


def charges(bought: Bought, sale: Sale, at: int, period_of: PeriodOf) -> tuple[LineItem, ...]:
    """Return what a plan costs from now to the end of each price's period; one-off prices whole."""
    return tuple(_charge(one, bought, sale, at, period_of) for one in _fixed(bought, sale))


def refunds(bought: Bought, sale: Sale, at: int, period_of: PeriodOf) -> tuple[LineItem, ...]:
    """Return what is given back for the rest of each price's period, as negative lines."""
    lines = (
        (_charge(one, bought, sale, at, period_of), period_of(one.price))
        for one in _fixed(bought, sale)
        if not one.is_once
    )
    return tuple(
        line._replace(
            kind=REFUND,
            amount=-line.amount,
            description=f"Unused {line.description}",
            paid_since=period.start,
        )
        for line, period in lines
    )


def netted(refunded: Sequence[LineItem], charged: Sequence[LineItem]) -> tuple[LineItem, ...]:
    """Return both without the pairs of a price that stays as it is."""
    left = list(charged)
    kept = []
    for credit in refunded:
        same = next((one for one in left if _offsets(one, credit)), None)
        if same is None:
            kept.append(credit)
        else:
            left.remove(same)
    return (*kept, *left)


def next_cycle(bought: Bought, sale: Sale, period_of: PeriodOf) -> tuple[LineItem, ...]:
    """Return what a plan costs for a whole period of each of its recurring prices."""
    fixed = (one for one in _fixed(bought, sale) if not one.is_once)
    return tuple(_line(one, bought, sale, one.amount, period_of(one.price)) for one in fixed)


def _offsets(charge: LineItem, credit: LineItem) -> bool:
    """Whether a charge is for what a credit is for: the same price, the same time."""
    return charge.amount == -credit.amount and _what(charge) == _what(credit)


def _what(line: LineItem) -> tuple[object, ...]:
    return line.product, line.quantity, line.period, line.one_off


def _fixed(bought: Bought, sale: Sale) -> Iterator[_Fixed]:
    base = bought.plan.price
    if base is not None:
        yield _Fixed(None, base, amount_in(base, sale.currency), Decimal(1))
    for item in quantities.prepaid_items(bought.plan):
        asked = bought.quantities.get(item["feature_id"], ZERO)
        packs = quantities.packs(item, asked)
        if packs:
            cost = _cost(item, packs, sale.currency)
            yield _Fixed(item["feature_id"], item["price"], cost, asked)
    for item in quantities.seat_items(bought.plan):
        seats = bought.seats.get(item["feature_id"], ZERO)
        if seats:
            cost = metering.of_usage(item["price"], seats, sale.currency)
            yield _Fixed(item["feature_id"], item["price"], cost, seats, SEATS)


def _cost(item: Mapping[str, Any], packs: int, currency: str) -> Decimal:
    if "tiers" in item["price"]:
        return tiers.cost(item, packs, currency)
    return packs * amount_in(item["price"], currency)


def _charge(one: _Fixed, bought: Bought, sale: Sale, at: int, period_of: PeriodOf) -> LineItem:
    if one.is_once:
        return _line(one, bought, sale, one.amount, None)
    period = period_of(one.price)
    start = max(at, period.start)
    # Multiplied first: a share of its own would be rounded.
    left = one.amount * max(0, period.end - start) / (period.end - period.start)
    return _line(one, bought, sale, left, Period(start, max(start, period.end)))


def _line(
    one: _Fixed, bought: Bought, sale: Sale, amount: Decimal, period: Period | None
) -> LineItem:
    feature = None if one.feature_id is None else sale.features.get(one.feature_id)
    return LineItem(
        kind=one.kind,
        plan_id=bought.plan.id,
        customer_plan_id=bought.customer_plan_id,
        feature_id=one.feature_id,
        product=stripe_prices.product_id(sale.tenant, bought.plan.id, one.feature_id),
        display_name=feature.name if feature else bought.plan.name,
        description=descriptions.fixed(bought, feature, one.quantity, period),
        amount=money.rounded(amount, sale.currency),
        quantity=one.quantity,
        period=period,
        one_off=one.is_once,
    )
