"""Requests and responses of `coupons.*`: the coupons of a customer."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from orchard.contracts.audit import AuditedRequest
from orchard.contracts.fields import CustomerId, Id
from orchard.contracts.numbers import optional
from orchard.domain.billing.coupons import ONCE, REPEATING, Coupon, CustomerCoupon, Discount
from orchard.domain.billing.placing import Site
from orchard.domain.billing.subscription import Subscription

#: What is cut off the id of a coupon that holds the rest of another.
_REST = re.compile(r"_roll_.*$")


class AddCouponRequest(AuditedRequest):
    """Give a customer a coupon, or (with its code) a grant of features."""

    customer_id: CustomerId
    coupon_id: Id
    promo_code: Id | None = None
    dry_run: bool = False


class RemoveCouponRequest(AuditedRequest):
    """Take a coupon from a customer, or all of them."""

    customer_id: CustomerId
    coupon_id: Id | None = None
    dry_run: bool = False


class Showing(NamedTuple):
    """Where a coupon will be seen: in purchases, and on these subscriptions or not."""

    in_purchases: bool
    ends_at: int | None
    sites: Sequence[Site]


def shows(showing: Showing) -> dict[str, Any]:
    """Return when and where a coupon is going to show."""
    return {
        "checkout": showing.in_purchases,
        "until": showing.ends_at,
        "subscriptions": [
            {"subscription_id": site.subscription.id, "at": site.renews_at}
            for site in showing.sites
            if site.obstacle is None
        ],
        "passed_over": [
            {"subscription_id": site.subscription.id, "reason": site.obstacle}
            for site in showing.sites
            if site.obstacle is not None
        ],
    }


def coupon(one: Coupon) -> dict[str, Any]:
    """Return a coupon that is no reward, as Stripe has it; amounts in major units."""
    return {
        "id": one.id,
        "name": one.name,
        "percent_off": optional(one.percent_off),
        "amount_off": optional(one.amount_off),
        "currency": one.currency,
        "duration": one.duration,
        "duration_in_months": one.months,
        "valid": one.is_valid,
    }


def discounts(
    subscriptions: Iterable[Subscription], kept: Iterable[CustomerCoupon]
) -> dict[str, Any]:
    """Return the discounts of a customer: those of subscriptions, and those for what it buys."""
    on_them = (
        _discount(one.coupon, one, subscription.id)
        for subscription in subscriptions
        for one in subscription.discounts
    )
    own = (
        _discount(one.coupon, Discount(one.coupon, None, None, one.added_at, one.ends_at), None)
        for one in kept
        if one.subscription_id is None
    )
    return {"discounts": [*on_them, *own]}


def _discount(one: Coupon, held: Discount, subscription_id: str | None) -> dict[str, Any]:
    is_percent = one.percent_off is not None
    kinds = {ONCE: "one_off", REPEATING: "months"}
    return {
        "id": _REST.sub("", one.id),
        "name": one.name or one.id,
        "type": "percentage_discount" if is_percent else "fixed_discount",
        "discount_value": optional(one.percent_off if is_percent else one.amount_off),
        "currency": one.currency,
        "start": _seconds(held.started_at),
        "end": _seconds(held.ends_at),
        "subscription_id": subscription_id,
        "duration_type": kinds.get(one.duration, "forever"),
        "duration_value": one.months,
    }


def _seconds(at: int | None) -> int | None:
    return None if at is None else at // 1000
