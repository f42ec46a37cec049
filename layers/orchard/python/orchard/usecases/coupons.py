"""The coupons of a customer: added, removed, and where they are going to show.

A coupon lies with the customer and is passed to whatever the customer buys. Subscriptions that are
there already get it at once, unless they have discounts of their own. What is wanted is in the
table before Stripe is told: the same request again, after whatever went wrong, finishes it.
"""

from typing import Any

from orchard.contracts import coupons as contract
from orchard.contracts import reward as reward_view
from orchard.contracts.coupons import AddCouponRequest, RemoveCouponRequest, Showing
from orchard.domain import interval
from orchard.domain.billing import placing as rules
from orchard.domain.billing.coupons import ONCE, Coupon, CustomerCoupon
from orchard.domain.billing.subscription import Subscription
from orchard.domain.customer import Customer
from orchard.domain.money import MAIN_CURRENCY
from orchard.domain.rewards import Reward, RewardNotFound
from orchard.errors import CustomerNotFound, Invalid
from orchard.store import customers, rewards
from orchard.store.customers import Account
from orchard.store.optimistic import optimistic
from orchard.store.session import Session
from orchard.usecases import linking, placing, redeeming, standing, viewing
from orchard.usecases.billing.purchases.discounting import usable

#: As many discounts as Stripe takes for one subscription.
_MOST = 20

type _Subscriptions = tuple[Subscription, ...]


def add(session: Session, request: AddCouponRequest) -> dict[str, Any]:
    """Give a customer a coupon, of a reward or one that only Stripe has; twice is once.

    The code of a feature grant is redeemed instead. With `dry_run` nothing is written. Errors: 404
    `customer_not_found`, `reward_not_found`; 400 for a coupon that is unknown, over or of another
    currency; 423 while the customer's billing is being changed.
    """
    reward = rewards.find(session, request.coupon_id)
    account = _require(session, request.customer_id)
    if reward is not None and reward.terms is None:
        return _redeemed(session, request, reward)
    coupon = usable(session, request.coupon_id)
    _check_currency(account.customer, coupon)
    if request.dry_run:
        found = standing.subscriptions(session, account.plans)
        entry = _entry(session, account.customer, coupon, found, "")
        return _answer(session, account, reward, entry, found)
    account = linking.create_in_stripe(session, account, request.audit)
    with placing.held(session, account) as found:
        kept, entry = optimistic(lambda: _kept(session, request, coupon, found))
        placing.put_on(session, entry, kept.customer.coupons, found)
        kept = placing.noted(session, kept.customer.internal_id, entry)
    answered = _answer(session, kept, reward, entry, found)
    return {**answered, "change_id": entry.change_id}


def remove(session: Session, request: RemoveCouponRequest) -> dict[str, Any]:
    """Take a coupon, or all of them, from a customer and from its subscriptions.

    Discounts that subscriptions have of their own stay. Errors: 404 `customer_not_found`; 400 for
    a customer that Stripe does not know; 423 while the customer's billing is being changed.
    """
    account = _require(session, request.customer_id)
    if account.customer.stripe_id is None:
        raise Invalid("Customer has no Stripe customer to remove a coupon from")
    doomed = _named(account.customer, request.coupon_id)
    if request.dry_run or not doomed:
        found = standing.subscriptions(session, account.plans) if doomed else ()
        on = [one.id for one in found if any(rules.is_on(entry, one) for entry in doomed)]
        return _removed(session, account, doomed, on, None)
    with placing.held(session, account) as found:
        doomed = _named(_require(session, request.customer_id).customer, request.coupon_id)
        on = placing.take_off(session, doomed, found)
        after, change_id = optimistic(lambda: _without(session, request, doomed))
    return _removed(session, after, doomed, on, change_id)


def _require(session: Session, customer_id: str) -> Account:
    account = customers.require(session, customer_id)
    if account.customer.id is None:
        raise CustomerNotFound(customer_id)
    return account


def _check_currency(customer: Customer, coupon: Coupon) -> None:
    currency = customer.currency or MAIN_CURRENCY
    if not rules.fits(coupon, currency):
        sentence = f'Coupon "{coupon.id}" takes off an amount in {coupon.currency}, '
        raise Invalid(f"{sentence}the customer pays in {currency}", "currency_mismatch")


def _redeemed(session: Session, request: AddCouponRequest, reward: Reward) -> dict[str, Any]:
    """The answer to who got features by a code of the reward."""
    if request.promo_code is None:
        raise Invalid("Promo code is required for feature grant rewards")
    if all(code.spelled != request.promo_code.lower() for code in reward.codes):
        raise RewardNotFound(request.promo_code)
    if not request.dry_run:
        redeeming.give(session, request.customer_id, reward, request.promo_code, request.audit)
    account = _require(session, request.customer_id)
    return {
        "customer": viewing.view(session, account),
        "coupon": reward_view.reward(reward)["feature_grant"],
    }


def _kept(
    session: Session, request: AddCouponRequest, coupon: Coupon, found: _Subscriptions
) -> tuple[Account, CustomerCoupon]:
    """Keep the coupon with the customer, unless it is there; return both."""
    account = _require(session, request.customer_id)
    customer = account.customer
    alive = [
        one
        for one in customer.coupons
        if one.lasts(session.now) and not rules.is_used_up(one, found)
    ]
    there = next((one for one in alive if one.coupon.id == coupon.id), None)
    if there is not None:
        return account, there
    if len(alive) >= _MOST:
        raise Invalid(f"A customer can have {_MOST} coupons. Remove one first")
    last = session.stamp("coupon_added", coupon_id=coupon.id, **request.audit)
    entry = _entry(session, customer, coupon, found, last["id"])
    after = customer._replace(coupons=(*alive, entry), version=customer.version + 1)
    # The idempotency key goes with the end: until then the request can be repeated.
    session.unmarked().commit(customers.put(session, after, account.plans, last))
    return account._replace(customer=after), entry


def _entry(
    session: Session, customer: Customer, coupon: Coupon, found: _Subscriptions, change_id: str
) -> CustomerCoupon:
    """The coupon as the customer is to have it; one for a single invoice waits for the next."""
    months = coupon.months
    ends_at = None if months is None else interval.plus_months(session.now, months)
    entry = CustomerCoupon(coupon, session.now, change_id, ends_at)
    if coupon.duration != ONCE:
        return entry
    sites = rules.chosen(rules.sites(entry, customer.coupons, found))
    return entry._replace(subscription_id=sites[0].subscription.id if sites else None)


def _named(customer: Customer, coupon_id: str | None) -> tuple[CustomerCoupon, ...]:
    return tuple(one for one in customer.coupons if coupon_id in (None, one.coupon.id))


def _without(
    session: Session, request: RemoveCouponRequest, doomed: tuple[CustomerCoupon, ...]
) -> tuple[Account, str | None]:
    """Remove the coupons from the customer; those that came meanwhile stay."""
    account = _require(session, request.customer_id)
    customer, gone = account.customer, {one.change_id for one in doomed}
    left = tuple(one for one in customer.coupons if one.change_id not in gone)
    if left == customer.coupons:
        return account, None
    named = [one.coupon.id for one in doomed]
    last = session.stamp("coupon_removed", coupon_ids=list(named), **request.audit)
    after = customer._replace(coupons=left, version=customer.version + 1)
    session.commit(customers.put(session, after, account.plans, last))
    return account._replace(customer=after), last["id"]


def _answer(
    session: Session,
    account: Account,
    reward: Reward | None,
    entry: CustomerCoupon,
    found: _Subscriptions,
) -> dict[str, Any]:
    sites = rules.sites(entry, account.customer.coupons, found)
    showing = Showing(entry.subscription_id is None, entry.ends_at, sites)
    shown = (
        contract.coupon(entry.coupon) if reward is None else reward_view.reward(reward)["coupon"]
    )
    return {
        "customer": viewing.view(session, account),
        "coupon": shown,
        "shows": contract.shows(showing),
    }


def _removed(
    session: Session,
    account: Account,
    doomed: tuple[CustomerCoupon, ...],
    taken_off: list[str],
    change_id: str | None,
) -> dict[str, Any]:
    return {
        "success": True,
        "customer": viewing.view(session, account),
        "removed": [one.coupon.id for one in doomed],
        "subscriptions": [{"subscription_id": one} for one in taken_off],
        "change_id": change_id,
    }
