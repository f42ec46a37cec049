"""`billing.verify`: what is known of a customer's billing, compared with what Stripe has."""

from collections.abc import Iterator
from typing import Any

from orchard.contracts.billing import verify as contract
from orchard.contracts.billing.verify import Difference, VerifyRequest
from orchard.domain.billing.order import CHECKOUT
from orchard.domain.billing.subscription import OVERDUE, Subscription
from orchard.domain.customer import ACTIVE, Customer, CustomerPlan
from orchard.gateways import stripe, stripe_billing, stripe_checkout, stripe_subscriptions
from orchard.store import catalog, customers, invoices, orders
from orchard.store.customers import Account
from orchard.store.orders import Pending
from orchard.store.session import Session
from orchard.usecases import placing
from orchard.usecases.billing.deal import Deal
from orchard.usecases.billing.orders import settings


def verify(session: Session, request: VerifyRequest) -> dict[str, Any]:
    """Return how billing differs here and at Stripe; nothing is written, here or there.

    Errors: 404 unknown customer; `StripeFailed` and the like.
    """
    account = customers.require(session, request.customer_id)
    return contract.response(request.customer_id, list(differences(session, account)))


def differences(session: Session, account: Account) -> Iterator[Difference]:
    """Yield what differs: the customer, subscriptions, invoices, and what is waited for."""
    stripe_id = account.customer.stripe_id
    held = orders.pending(session, account.customer.internal_id)
    yield from _left(session, held)
    named = subscription_ids(session, account)
    there = {name: stripe_subscriptions.get(session.environment, name) for name in named}
    for subscription_id, known in there.items():
        yield from _subscription(session, account, subscription_id, known)
    alive = [one for one in there.values() if one is not None and not one.is_over]
    yield from _discounts(session, account.customer, alive)
    if stripe_id is None:
        return
    if stripe.customer(session.environment, stripe_id) is None:
        yield Difference("customer_missing", stripe_id, stripe_id, None)
        return
    awaited = {one.id for one in held.orders}
    for found in stripe_subscriptions.of_customer(session.environment, stripe_id):
        # Of an order that is not paid yet: there is no plan before.
        if found.id not in named and dict(found.metadata).get(settings.ORDER) not in awaited:
            yield Difference("subscription_unknown", found.id, None, found.status)
    yield from _invoices(session, stripe_id)


def subscription_ids(session: Session, account: Account) -> tuple[str, ...]:
    """Return the subscriptions that pay for the plans of a customer."""
    held = (one for one in account.plans if one.is_held(session.now))
    found = (one.stripe_subscription_id for one in held)
    return tuple(dict.fromkeys(one for one in found if one is not None))


def _left(session: Session, held: Pending) -> Iterator[Difference]:
    for order in held.abandoned(session.now):
        yield Difference("order_unfinished", None, order.kind, None)
    for order in held.orders:
        if order.status == CHECKOUT and order.paid_by is not None:
            made = stripe_checkout.get(session.environment, order.paid_by)
            if made is not None and made.status == stripe_checkout.COMPLETE:
                yield Difference("checkout_completed", made.id, "waiting", made.status)


def _subscription(
    session: Session, account: Account, subscription_id: str, found: Subscription | None
) -> Iterator[Difference]:
    paid = [
        one
        for one in account.plans
        if one.stripe_subscription_id == subscription_id and one.status == ACTIVE
    ]
    plan_ids = [one.plan_id for one in paid]
    if found is None or found.is_over:
        told = None if found is None else found.status
        yield Difference("subscription_over", subscription_id, plan_ids, told)
        return
    deal = Deal(session, account, catalog.read(session), found)
    sold = {one.price.lookup_key: one.quantity for one in _items(deal)}
    there = {one.lookup_key or one.price_id: one.quantity for one in found.items}
    if paid and sold != there:
        yield Difference("items", found.id, sold, there)
    for one in paid:
        yield from _facts(one, found)


def _discounts(
    session: Session, customer: Customer, alive: list[Subscription]
) -> Iterator[Difference]:
    """Coupons of the customer that a subscription lacks; what it has beside them is its own."""
    lacking = placing.missing(session, customer, alive)
    for one in alive:
        if one.id in lacking:
            there = [discount.coupon.id for discount in one.discounts]
            wanted = [*there, *(entry.coupon.id for entry in lacking[one.id])]
            yield Difference("discounts", one.id, wanted, there)


def _items(deal: Deal) -> tuple[Any, ...]:
    return deal.goods(*(deal.coming(one) for one in deal.on_subscription())).items


def _facts(held: CustomerPlan, found: Subscription) -> Iterator[Difference]:
    period = found.period
    told = {
        "past_due": (held.past_due, found.status in OVERDUE),
        "trial_ends_at": (held.trial_ends_at, found.trial_end),
        "current_period_start": (held.current_period_start, period and period.start),
        "current_period_end": (held.current_period_end, period and period.end),
    }
    if found.cancel_at is not None or found.schedule_id is None:
        told["ends_at"] = (held.expires_at, found.cancel_at)
    for name, (here, there) in told.items():
        if here != there:
            yield Difference(name, found.id, here, there)


def _invoices(session: Session, stripe_id: str) -> Iterator[Difference]:
    listed = stripe_billing.of_customer(session.environment, stripe_id)
    known = invoices.find(session, [one.id for one in listed])
    for bill in listed:
        stored = known.get(bill.id)
        if stored is None:
            yield Difference("invoice_missing", bill.id, None, bill.status)
        elif (stored.status, stored.total) != (bill.status, bill.total):
            yield Difference("invoice", bill.id, stored.status, bill.status)
