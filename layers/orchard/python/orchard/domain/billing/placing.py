"""On which subscriptions a coupon of a customer is put, so that their next invoices have it."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from orchard.domain.billing.coupons import ONCE, Coupon, CustomerCoupon, Discount
from orchard.domain.billing.subscription import Subscription

#: Why a subscription is passed over: it has discounts of its own, which hide those of the customer;
#: its currency is another; another plan is to follow, which Stripe was told the discounts of; it
#: ends before it renews; the coupon does; another subscription, which renews first, has it.
OWN, CURRENCY, SCHEDULED = "own_discounts", "other_currency", "change_scheduled"
ENDS, OVER, ELSEWHERE = "ends", "coupon_ends", "other_subscription"


class Site(NamedTuple):
    """A subscription, and what stands against putting a coupon on it; None: nothing."""

    subscription: Subscription
    obstacle: str | None

    @property
    def renews_at(self) -> int:
        """When its next invoice is made."""
        return renews_at(self.subscription)


def renews_at(subscription: Subscription) -> int:
    """Return when the next invoice of a subscription is made."""
    return min((item.period.end for item in subscription.items), default=0)


def sites(
    entry: CustomerCoupon, held: Iterable[CustomerCoupon], subscriptions: Iterable[Subscription]
) -> tuple[Site, ...]:
    """Return what each subscription is to a coupon, the one that renews first at the front.

    `held` are all coupons of the customer: discounts that come of them are not a subscription's
    own.
    """
    known = (*held, entry)
    found = [Site(one, _obstacle(entry, known, one)) for one in subscriptions]
    found.sort(key=lambda site: (site.renews_at, site.subscription.id))
    if entry.coupon.duration != ONCE:
        return tuple(found)
    chosen = entry.subscription_id or _first(found)
    return tuple(
        site._replace(obstacle=site.obstacle or ELSEWHERE)
        if site.subscription.id != chosen
        else site
        for site in found
    )


def chosen(some: Sequence[Site]) -> tuple[Site, ...]:
    """Return the sites that a coupon is put on."""
    return tuple(site for site in some if site.obstacle is None)


def comes_of(discount: Discount, entry: CustomerCoupon) -> bool:
    """Whether a subscription has a discount because the customer has the coupon.

    Stripe counts in seconds: a discount may seem a moment older than the coupon.
    """
    began = discount.started_at
    is_later = began is None or began >= entry.added_at // 1000 * 1000
    return discount.coupon.id == entry.coupon.id and is_later


def is_on(entry: CustomerCoupon, subscription: Subscription) -> bool:
    """Whether a subscription has a coupon of the customer."""
    return any(comes_of(one, entry) for one in subscription.discounts)


def is_used_up(entry: CustomerCoupon, subscriptions: Iterable[Subscription]) -> bool:
    """Whether a coupon for one invoice was put on a subscription that has it no more."""
    if not entry.is_placed or entry.subscription_id is None:
        return False
    there = (one for one in subscriptions if one.id == entry.subscription_id)
    return not any(is_on(entry, one) for one in there)


def missing(
    held: Sequence[CustomerCoupon], subscriptions: Sequence[Subscription], now: int
) -> dict[str, tuple[CustomerCoupon, ...]]:
    """Return the coupons that subscriptions ought to have and do not, by their ids.

    One for a single invoice belongs on the subscription that it waits for, until it was there.
    """
    found: dict[str, tuple[CustomerCoupon, ...]] = {}
    for entry in held:
        if not entry.lasts(now) or not _belongs_somewhere(entry):
            continue
        for site in chosen(sites(entry, held, subscriptions)):
            one = site.subscription
            if not is_on(entry, one):
                found[one.id] = (*found.get(one.id, ()), entry)
    return found


def fits(coupon: Coupon, currency: str) -> bool:
    """Whether a coupon is worth something in a currency."""
    return coupon.currency in (None, currency)


def _belongs_somewhere(entry: CustomerCoupon) -> bool:
    if entry.coupon.duration != ONCE:
        return True
    return entry.subscription_id is not None and not entry.is_placed


def _first(sites: Iterable[Site]) -> str | None:
    return next((site.subscription.id for site in sites if site.obstacle is None), None)


def _obstacle(
    entry: CustomerCoupon, held: Iterable[CustomerCoupon], subscription: Subscription
) -> str | None:
    at = renews_at(subscription)
    known = tuple(held)
    own = (one for one in subscription.discounts if not any(comes_of(one, kept) for kept in known))
    ends = subscription.cancel_at is not None and subscription.cancel_at <= at
    for is_so, why in (
        (any(own), OWN),
        (not fits(entry.coupon, subscription.currency), CURRENCY),
        (subscription.schedule_id is not None, SCHEDULED),
        (ends, ENDS),
        (entry.ends_at is not None and entry.ends_at <= at, OVER),
    ):
        if is_so:
            return why
    return None
