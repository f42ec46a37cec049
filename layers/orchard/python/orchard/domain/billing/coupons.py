"""Coupons, and what is discounted by them. Money in major units, times in UTC milliseconds."""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

ONCE, REPEATING, FOREVER = "once", "repeating", "forever"


class Coupon(NamedTuple):
    """A coupon at Stripe: `percent_off`, or `amount_off` of `currency`.

    `products` are the ids of the Stripe products it is for; without any it is for everything.
    """

    id: str
    name: str | None = None
    percent_off: Decimal | None = None
    amount_off: Decimal | None = None
    currency: str | None = None
    duration: str = ONCE
    #: For how many months, if it repeats.
    months: int | None = None
    products: tuple[str, ...] = ()
    is_valid: bool = True


class Discount(NamedTuple):
    """A coupon as it holds for a customer: about to be given, or (`id`) given by Stripe already.

    `started_at` and `ends_at` say since and until when it holds; None for one that is new, and
    for one without an end.
    """

    coupon: Coupon
    id: str | None = None
    promotion_code_id: str | None = None
    started_at: int | None = None
    ends_at: int | None = None


def lasting(some: Iterable[Discount]) -> tuple[Discount, ...]:
    """Return the discounts that are good for more than one invoice."""
    return tuple(one for one in some if one.coupon.duration != ONCE)


class CustomerCoupon(NamedTuple):
    """A coupon that was added to a customer (by the change `change_id`), for what it buys.

    Purchases get it until `ends_at`; None: without an end. One that is good for a single invoice
    may wait for the next of a subscription, `subscription_id`: then no purchase gets it. Once it
    is there (`is_placed`) it is gone when that subscription does not have it any more.
    """

    coupon: Coupon
    added_at: int
    change_id: str
    ends_at: int | None = None
    subscription_id: str | None = None
    is_placed: bool = False

    def lasts(self, now: int) -> bool:
        """Whether it may still be worth something."""
        return self.ends_at is None or self.ends_at > now


class Reduction(NamedTuple):
    """What a coupon takes off a line: `amount_off` in major units, with the sign of the line."""

    coupon_id: str
    coupon_name: str | None
    amount_off: Decimal
    percent_off: Decimal | None = None
