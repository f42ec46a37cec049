"""A subscription as Stripe has it, in our terms: milliseconds, major units.

The items of one subscription may recur at different intervals: each has a period of its own.
"""

from decimal import Decimal
from typing import NamedTuple

from orchard.domain import interval as intervals
from orchard.domain.billing.coupons import Discount
from orchard.domain.billing.lines import Period

ACTIVE, TRIALING, CANCELED, INCOMPLETE = "active", "trialing", "canceled", "incomplete"
#: States in which a plan goes on, though its payment is overdue.
OVERDUE = {"incomplete", "past_due", "unpaid", "paused"}
#: Those in which a renewal was not paid.
PAST_DUE = {"past_due", "unpaid"}
OVER = {"canceled", "incomplete_expired"}


class Item(NamedTuple):
    """An item: so many units of a price. `lookup_key` is ours; None for a price of others."""

    id: str
    price_id: str
    lookup_key: str | None
    product: str
    quantity: int
    period: Period
    interval: str
    interval_count: int


class Subscription(NamedTuple):
    """A subscription. `cancel_at` is when it will end if it is being canceled."""

    id: str
    customer: str
    status: str
    currency: str
    items: tuple[Item, ...]
    discounts: tuple[Discount, ...] = ()
    trial_end: int | None = None
    cancel_at: int | None = None
    canceled_at: int | None = None
    ended_at: int | None = None
    schedule_id: str | None = None
    latest_invoice_id: str | None = None
    created_at: int = 0
    anchor: int = 0
    metadata: tuple[tuple[str, str], ...] = ()
    unit_amounts: tuple[tuple[str, Decimal], ...] = ()

    @property
    def is_over(self) -> bool:
        """Whether it will bill nothing any more."""
        return self.status in OVER

    @property
    def is_trialing(self) -> bool:
        """Whether its first period is free."""
        return self.status == TRIALING

    @property
    def period(self) -> Period | None:
        """The period of the item that recurs at the longest interval."""
        return max((item.period for item in self.items), key=_length, default=None)

    def period_of(self, interval: str, count: int, at: int) -> Period:
        """Return the whole period that an item is in at a time that recurs so (`month`, 3).

        It counts from the anchor as all do, also that of an item that joined within it, or is to
        join; during a trial it is that.
        """
        found = (
            one.period
            for one in self.items
            if (one.interval, one.interval_count) == (interval, count)
        )
        there = next(found, None)
        if self.is_trialing and self.trial_end is not None:
            return there or Period(at, max(at, self.trial_end))
        whole = Period(*intervals.around(self.anchor, interval, count, at))
        return whole if there is None or there.end == whole.end else there


def _length(period: Period) -> int:
    return period.end - period.start


def first_resets(subscription: Subscription) -> dict[tuple[str, int], int]:
    """Return when the period ends that each interval (name, count) of ours is in.

    Stripe knows weeks, months and years; a quarter is three months there.
    """
    found: dict[tuple[str, int], int] = {}
    for item in subscription.items:
        found[item.interval, item.interval_count] = item.period.end
        for name, months in (("quarter", 3), ("semi_annual", 6)):
            if item.interval == "month" and item.interval_count % months == 0:
                found[name, item.interval_count // months] = item.period.end
    if subscription.is_trialing and subscription.trial_end is not None:
        return dict.fromkeys(found, subscription.trial_end)
    return found
