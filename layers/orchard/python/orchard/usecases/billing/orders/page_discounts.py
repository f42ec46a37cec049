"""Discounts of a subscription that was paid for on a page which showed several as one.

The page's own discount was good for the first invoice. From then on the subscription has the real
ones, as if it had begun with them: so each counts as redeemed, and lasts no longer than it would.
"""

import hashlib
from collections.abc import Iterable, Sequence
from contextlib import suppress

from orchard.domain.billing.coupons import ONCE, Coupon, Discount
from orchard.domain.billing.order import Checkout, Order
from orchard.domain.billing.subscription import Subscription
from orchard.errors import StripeFailed
from orchard.gateways import stripe_coupons, stripe_subscriptions
from orchard.usecases.billing.purchases.discounting import as_parameters

_YEAR = 12


def settle(environment: str, order: Order, step: Checkout, subscription: Subscription) -> None:
    """Give a subscription the discounts of its page. It may be done again. Errors: those of Stripe.

    What can't be given any more, used up by others since the page was made, is left out: what was
    paid stays paid.
    """
    there = {one.coupon.id for one in subscription.discounts}
    if there & {one.coupon.id for one in step.discounts}:
        # It was begun before.
        found = subscription
    else:
        found = _given(environment, order, step.discounts, subscription)
    left = _left(environment, step, found)
    if left != found.discounts:
        _change(environment, order, found, left)


def _given(
    environment: str, order: Order, wanted: Sequence[Discount], subscription: Subscription
) -> Subscription:
    try:
        return _change(environment, order, subscription, wanted)
    except StripeFailed:
        found = subscription._replace(discounts=())
    for one in wanted:
        with suppress(StripeFailed):
            found = _change(environment, order, found, (*found.discounts, one))
    return found


def _change(
    environment: str, order: Order, found: Subscription, wanted: Iterable[Discount]
) -> Subscription:
    params = {"discounts": as_parameters(wanted) or ""}
    key = f"orchard:{order.id}:discounts"
    return stripe_subscriptions.change(environment, found.id, params, key)


def _left(environment: str, step: Checkout, found: Subscription) -> tuple[Discount, ...]:
    """What is left of discounts after the first invoice, if that had them."""
    own = {one.coupon.id: one.coupon for one in step.discounts}
    given = [one for one in found.discounts if one.coupon.id in own]
    if step.merged <= 0:
        return tuple(given)
    left = []
    for one in given:
        if one.coupon.duration == ONCE:
            continue
        # One that is shorter than it was asked for is what is left already.
        is_whole = one.coupon.months == own[one.coupon.id].months
        if is_whole and _sees_one_cycle_more(one, found):
            left += _rest(environment, one.coupon)
        else:
            left.append(one)
    return tuple(left)


def _sees_one_cycle_more(one: Discount, found: Subscription) -> bool:
    """Whether a discount for months that began a moment late ends just after a cycle begins."""
    months, began = one.coupon.months, one.started_at
    if months is None or began is None or began <= found.created_at:
        return False
    cycles = {
        item.interval_count * (_YEAR if item.interval == "year" else 1)
        for item in found.items
        if item.interval in ("month", "year")
    }
    return any(months % every == 0 for every in cycles)


def _rest(environment: str, coupon: Coupon) -> list[Discount]:
    """A coupon for one month less; nothing is left of one for a single month."""
    if coupon.months is None or coupon.months <= 1:
        return []
    rest = coupon._replace(months=coupon.months - 1)
    digest = hashlib.sha256(repr(rest).encode()).hexdigest()
    rest = rest._replace(id=f"orchard_rest_{digest[:24]}")
    stripe_coupons.ensure_rest(environment, rest, coupon.id)
    return [Discount(rest)]
