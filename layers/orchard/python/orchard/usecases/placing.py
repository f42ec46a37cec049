"""A customer's coupons on its subscriptions at Stripe: putting them there, taking them off.

Both hold the billing lock of the customer, so no order changes the same discounts meanwhile. Each
looks at what Stripe has first and changes only what differs: it can be done again at any time.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress

from orchard.domain import ids
from orchard.domain.billing import placing as rules
from orchard.domain.billing.coupons import CustomerCoupon, Discount
from orchard.domain.billing.order import Effect, Order
from orchard.domain.billing.placing import chosen, comes_of, is_on, sites
from orchard.domain.billing.subscription import Subscription
from orchard.domain.customer import Customer
from orchard.domain.money import MAIN_CURRENCY
from orchard.errors import Locked
from orchard.gateways import stripe_coupons, stripe_subscriptions
from orchard.store import customer_coupons, customers, orders
from orchard.store.customers import Account
from orchard.store.optimistic import optimistic
from orchard.store.session import Session
from orchard.store.statements import ConditionFailed
from orchard.usecases import standing
from orchard.usecases.billing.orders import ordering
from orchard.usecases.billing.purchases.discounting import as_parameters, given


@contextmanager
def held(session: Session, account: Account) -> Iterator[tuple[Subscription, ...]]:
    """Give the subscriptions that pay for the customer's plans, their billing locked meanwhile.

    Without any nothing is locked, and Stripe not asked. Errors: `Locked`.
    """
    if not standing.paid_by(session, account.plans):
        yield ()
        return
    internal_id = account.customer.internal_id
    for left in orders.pending(session, internal_id).abandoned(session.now):
        ordering.finish(session, left)
    lock = _lock(session, account.customer)
    try:
        session.unmarked().commit(orders.taken(session, internal_id, lock.id))
    except ConditionFailed:
        raise Locked(orders.BUSY) from None
    try:
        yield standing.subscriptions(session, account.plans)
    except Exception:
        _free(session, lock)
        raise
    _free(session, lock)


def _free(session: Session, lock: Order) -> None:
    """Let go of the lock, unless it ran out and is another's by now."""
    with suppress(ConditionFailed):
        session.unmarked().commit(orders.freed(session, lock))


def put_on(
    session: Session,
    entry: CustomerCoupon,
    held_coupons: Collection[CustomerCoupon],
    some: Sequence[Subscription],
) -> None:
    """Put a coupon on the subscriptions that are to have it and do not."""
    for site in chosen(sites(entry, held_coupons, some)):
        if not is_on(entry, site.subscription):
            fresh = given(entry.coupon, session.now)
            _set(session, site.subscription, (*site.subscription.discounts, fresh))


def missing(
    session: Session, customer: Customer, some: Sequence[Subscription]
) -> dict[str, tuple[CustomerCoupon, ...]]:
    """Return what subscriptions, by their ids, lack of the customer's coupons.

    What Stripe gives nobody any more is not lacking.
    """
    found = rules.missing(customer.coupons, some, session.now)
    named = {entry.coupon.id for entries in found.values() for entry in entries}
    read = {name: stripe_coupons.coupon(session.environment, name) for name in sorted(named)}
    usable = {name for name, one in read.items() if one is not None and one.coupon.is_valid}
    kept = {
        name: tuple(entry for entry in entries if entry.coupon.id in usable)
        for name, entries in found.items()
    }
    return {name: entries for name, entries in kept.items() if entries}


def put_missing(session: Session, account: Account) -> list[str]:
    """Put a customer's coupons where they are missing; return the subscriptions that got any.

    Errors: `Locked` while the customer's billing is changed; those of Stripe.
    """
    if not account.customer.coupons:
        return []
    with held(session, account) as some:
        customer = customers.require(session, account.customer.internal_id).customer
        lacking = missing(session, customer, some)
        for one in some:
            if one.id in lacking:
                fresh = (given(entry.coupon, session.now) for entry in lacking[one.id])
                _set(session, one, (*one.discounts, *fresh))
        for entry in (entry for entries in lacking.values() for entry in entries):
            noted(session, customer.internal_id, entry)
        return list(lacking)


def noted(session: Session, customer_id: str, entry: CustomerCoupon) -> Account:
    """Keep that a coupon which waits on a subscription is there by now; return the account."""

    def attempt() -> Account:
        account = customers.require(session, customer_id)
        customer = account.customer
        if entry.is_placed or entry.subscription_id is None or entry not in customer.coupons:
            return account
        coupons = tuple(
            one._replace(is_placed=True) if one == entry else one for one in customer.coupons
        )
        after = customer._replace(coupons=coupons)
        session.unmarked().commit(customer_coupons.noted(session, after))
        return account._replace(customer=after._replace(version=customer.version + 1))

    return optimistic(attempt)


def take_off(
    session: Session, entries: Collection[CustomerCoupon], some: Sequence[Subscription]
) -> list[str]:
    """Take coupons off the subscriptions that have them; return the ids of these."""
    changed = []
    for one in some:
        left = tuple(
            discount
            for discount in one.discounts
            if not any(comes_of(discount, entry) for entry in entries)
        )
        if left != one.discounts:
            _set(session, one, left)
            changed.append(one.id)
    return changed


def _set(session: Session, one: Subscription, discounts: tuple[Discount, ...]) -> None:
    key = ids.new("orchard:coupons:", session.now)
    params = {"discounts": as_parameters(discounts) or ""}
    stripe_subscriptions.change(session.environment, one.id, params, key)


def _lock(session: Session, customer: Customer) -> Order:
    """An order that is never kept: under its name the lock is held."""
    return Order(
        id=ids.new("ord_", session.now),
        internal_id=customer.internal_id,
        stripe_id=customer.stripe_id,
        created_at=session.now,
        kind="coupon",
        digest="",
        currency=MAIN_CURRENCY,
        steps=(),
        effect=Effect(),
    )
