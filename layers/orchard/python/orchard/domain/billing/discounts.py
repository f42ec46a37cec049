"""What coupons take off lines of an invoice.

Percentages come first, each of what the one before left, then fixed amounts: whatever order they
are given in, the result is the same, to the cent. Nothing falls below zero.

A credit for unused time is what was paid for it: a discount counts there if it held already when
that time began, a fixed amount for the part of the period that is credited.
"""

from collections.abc import Sequence
from decimal import Decimal

from orchard.domain import money
from orchard.domain.billing.coupons import ONCE, Discount, Reduction
from orchard.domain.billing.lines import REFUND, LineItem
from orchard.domain.quantity import ZERO, exact

type _Lines = tuple[LineItem, ...]


def reduced(lines: Sequence[LineItem], discounts: Sequence[Discount], currency: str) -> _Lines:
    """Return the lines with what is taken off each; reductions that they have stay.

    An amount of another currency takes nothing off. Of a credit the reduction is negative: so much
    less is given back.
    """
    found = tuple(lines)
    for discount in ordered(discounts):
        if discount.coupon.percent_off is not None:
            found = tuple(_less_percent(line, discount, currency) for line in found)
        elif discount.coupon.currency in (None, currency):
            found = _less_amount(found, discount, currency)
    return found


def ordered(discounts: Sequence[Discount]) -> tuple[Discount, ...]:
    """Return discounts as they are applied, here and at Stripe: percentages, then amounts.

    Amounts for some products come before those for all, which find something left elsewhere.
    """
    return tuple(sorted(discounts, key=_rank))


def alive_next_cycle(
    discounts: Sequence[Discount], at: int, *, invoiced_now: bool
) -> tuple[Discount, ...]:
    """Return the discounts that the invoice of the cycle beginning at `at` has.

    One that is good for a single invoice is used up if there is one now.
    """
    return tuple(
        one
        for one in discounts
        if (one.ends_at is None or one.ends_at > at)
        and not (one.coupon.duration == ONCE and invoiced_now)
    )


def _rank(discount: Discount) -> tuple[bool, bool, str]:
    coupon = discount.coupon
    return coupon.percent_off is None, not coupon.products, coupon.id


def _applies(line: LineItem, discount: Discount) -> bool:
    products = discount.coupon.products
    if products and line.product not in products:
        return False
    if line.kind != REFUND:
        return line.amount > 0
    began, since = discount.started_at, line.paid_since
    return line.amount < 0 and began is not None and since is not None and began <= since


def _less_percent(line: LineItem, discount: Discount, currency: str) -> LineItem:
    percent = discount.coupon.percent_off
    if percent is None or not _applies(line, discount):
        return line
    return _less(line, discount, money.rounded(line.total * percent / 100, currency))


def _less_amount(lines: _Lines, discount: Discount, currency: str) -> _Lines:
    chosen = [at for at, line in enumerate(lines) if _applies(line, discount)]
    amount = discount.coupon.amount_off or ZERO
    off: dict[int, Decimal] = {}
    for is_credit, price in ((False, _price), (True, _whole_price)):
        places = [at for at in chosen if (lines[at].kind == REFUND) is is_credit]
        prices = [price(lines[at]) for at in places]
        off |= zip(places, shares(amount, prices, currency), strict=True)
    return tuple(
        _less(line, discount, _credited(line, off[at], currency)) if at in off else line
        for at, line in enumerate(lines)
    )


def shares(amount: Decimal, prices: Sequence[Decimal], currency: str) -> list[Decimal]:
    """Return an amount spread over prices in proportion, in whole minor units.

    What does not divide goes to the largest remainders. No share is more than its price; together
    they are the amount, or all prices if these are less.
    """
    weights = [_floor(price, currency) for price in prices]
    whole = sum(weights)
    units = min(_floor(amount, currency), whole)
    if not units:
        return [ZERO] * len(weights)
    parts = [divmod(units * weight, whole) for weight in weights]
    found = [part for part, _rest in parts]
    largest = sorted(range(len(parts)), key=lambda at: -parts[at][1])
    for at in largest[: units - sum(found)]:
        found[at] += 1
    return [money.major(part, currency) for part in found]


def _floor(amount: Decimal, currency: str) -> int:
    return int(amount.scaleb(money.decimals(currency)))


def _price(line: LineItem) -> Decimal:
    return line.total


def _whole_price(line: LineItem) -> Decimal:
    """What was paid for the period of which a credit gives the rest back."""
    return exact(-line.total / _rest(line))


def _rest(line: LineItem) -> Decimal:
    """Which part of the paid period a credit is for."""
    period, since = line.period, line.paid_since
    if period is None or since is None or not since <= period.start < period.end:
        return Decimal(1)
    return Decimal(period.end - period.start) / Decimal(period.end - since)


def _credited(line: LineItem, share: Decimal, currency: str) -> Decimal:
    """The share of a fixed amount that a line has; of a credit, for the time that it is for."""
    return share if line.kind != REFUND else -money.rounded(share * _rest(line), currency)


def _less(line: LineItem, discount: Discount, off: Decimal) -> LineItem:
    """Take something off a line, never past zero."""
    left = line.total
    off = min(off, left) if left > 0 else max(off, left)
    if not off:
        return line
    coupon = discount.coupon
    told = Reduction(coupon.id, coupon.name, off, coupon.percent_off)
    return line._replace(reductions=(*line.reductions, told))
