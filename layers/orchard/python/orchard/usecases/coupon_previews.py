"""What the coupons of a customer do: where they show, and what the next invoices become by them."""

from collections.abc import Callable
from typing import Any

from orchard.contracts import coupons as contract
from orchard.contracts.coupons import AddCouponRequest, RemoveCouponRequest, Showing
from orchard.domain.billing import placing as rules
from orchard.domain.billing.coupons import CustomerCoupon
from orchard.domain.billing.subscription import Subscription
from orchard.domain.customer import Customer
from orchard.errors import StripeFailed, StripeRateLimited, Unavailable
from orchard.store import customers
from orchard.store.customers import Account
from orchard.store.session import Session
from orchard.usecases import coupons, standing, viewing
from orchard.usecases.billing.purchases.discounting import given, usable

type _Changed = Callable[[Subscription], Subscription]


def held(session: Session, customer_id: str) -> dict[str, Any]:
    """Return the coupons of a customer, and the discounts that subscriptions have of their own.

    `error` says why Stripe told nothing of the subscriptions, if it did not.
    """
    account = customers.require(session, customer_id)
    customer, error = account.customer, ""
    found: tuple[Subscription, ...] = ()
    try:
        found = standing.subscriptions(session, account.plans)
    except (StripeFailed, StripeRateLimited, Unavailable) as failed:
        error = failed.message
    kept = (one for one in customer.coupons if one.lasts(session.now))
    return {
        "coupons": [_shown(one, customer, found) for one in kept],
        "discounts": contract.discounts((_own(one, customer) for one in found), ())["discounts"],
        "error": error,
    }


def adding(session: Session, request: AddCouponRequest) -> dict[str, Any]:
    """Return what `coupons.add` would do, and the next invoices `before` and `after` that.

    Nothing is written. Errors: as in `coupons.add`.
    """
    told = coupons.add(session, request.model_copy(update={"dry_run": True}))
    if "shows" not in told:
        return {**told, "before": [], "after": []}
    fresh = given(usable(session, request.coupon_id), session.now)
    named = {one["subscription_id"] for one in told["shows"]["subscriptions"]}

    def changed(one: Subscription) -> Subscription:
        if one.id not in named or any(it.coupon.id == fresh.coupon.id for it in one.discounts):
            return one
        return one._replace(discounts=(*one.discounts, fresh))

    return {**told, **_invoices(session, customers.require(session, request.customer_id), changed)}


def removing(session: Session, request: RemoveCouponRequest) -> dict[str, Any]:
    """Return what `coupons.remove` would do, and the next invoices `before` and `after` that."""
    told = coupons.remove(session, request.model_copy(update={"dry_run": True}))
    account = customers.require(session, request.customer_id)
    doomed = [one for one in account.customer.coupons if one.coupon.id in told["removed"]]

    def changed(one: Subscription) -> Subscription:
        return _without(one, doomed)

    return {**told, **_invoices(session, account, changed)}


def _shown(entry: CustomerCoupon, customer: Customer, found: tuple[Subscription, ...]) -> Any:
    sites = rules.sites(entry, customer.coupons, found)
    showing = Showing(entry.subscription_id is None, entry.ends_at, sites)
    return {
        "coupon": contract.coupon(entry.coupon),
        "is_for_all": not entry.coupon.products,
        "added_at": entry.added_at,
        "change_id": entry.change_id,
        "is_used_up": rules.is_used_up(entry, found),
        "shows": contract.shows(showing),
    }


def _own(one: Subscription, customer: Customer) -> Subscription:
    """A subscription with the discounts that do not come of the customer's coupons."""
    return _without(one, customer.coupons)


def _without(one: Subscription, entries: Any) -> Subscription:
    left = (it for it in one.discounts if not any(rules.comes_of(it, entry) for entry in entries))
    return one._replace(discounts=tuple(left))


def _invoices(session: Session, account: Account, changed: _Changed) -> dict[str, Any]:
    """The next invoices as they are, and as they would be of subscriptions that were changed."""
    profile = viewing.profile_of(session, account)
    if not any(one.stripe_subscription_id for one in profile.plans):
        return {"before": [], "after": []}
    from orchard.usecases.billing.renewals import upcoming  # noqa: PLC0415 - rarely asked for, and large

    return {
        "before": upcoming.invoices(session, profile, account),
        "after": upcoming.invoices(session, profile, account, changed),
    }
