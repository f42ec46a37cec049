"""`billing.sync`: what reports of Stripe would have done, had they come."""

from typing import Any

from orchard.contracts.billing import verify as contract
from orchard.contracts.billing.verify import SyncRequest
from orchard.domain.billing.order import CHECKOUT, PAYMENT, Order
from orchard.gateways import stripe, stripe_billing, stripe_checkout, stripe_subscriptions
from orchard.store import customers, orders
from orchard.store.customers import Account
from orchard.store.session import Session
from orchard.usecases import placing, stripe_events
from orchard.usecases.billing.orders import completing, ordering
from orchard.usecases.billing.reconciling import following, importing, verifying


def sync(session: Session, request: SyncRequest) -> dict[str, Any]:
    """Bring a customer's billing into line with Stripe; return what was done and what is left.

    Done twice it does nothing more. Errors: 404 unknown customer; `Locked` while the billing is
    being changed; `StripeFailed` and the like, after which it may be asked for again.
    """
    account = customers.require(session, request.customer_id)
    first, internal_id = session.unmarked(), account.customer.internal_id
    held = orders.pending(session, internal_id)
    orders.refuse_busy(session, held)
    done = [name for order in held.orders for name in _finished(first, order)]
    account = customers.require(session, request.customer_id)
    done += [
        f"subscription {subscription_id}"
        for subscription_id in verifying.subscription_ids(session, account)
        if following.converge(first, internal_id, subscription_id, **request.audit)
    ]
    done += _from_stripe(first, account, request.audit)
    account = customers.require(session, request.customer_id)
    done += [f"discounts {name}" for name in placing.put_missing(first, account)]
    account = customers.require(session, request.customer_id)
    left = list(verifying.differences(session, account))
    return contract.synced(request.customer_id, done, left)


def _finished(session: Session, order: Order) -> list[str]:
    """Finish an order that was left, or that was paid without anybody telling."""
    if order.status == CHECKOUT and order.paid_by is not None:
        made = stripe_checkout.get(session.environment, order.paid_by)
        if made is None or not made.is_settled:
            return []
        completing.complete(session, order, made)
        return [f"checkout session {made.id}"]
    waits = order.status == PAYMENT and order.paid_by is not None
    if waits and not stripe_billing.get(session.environment, str(order.paid_by)).is_paid:
        return []
    ordering.finish(session, order)
    return [f"order {order.kind}"]


def _from_stripe(session: Session, account: Account, audit: dict[str, str]) -> list[str]:
    """Adopt subscriptions that nobody told of, and store invoices that are missing."""
    stripe_id, internal_id = account.customer.stripe_id, account.customer.internal_id
    if stripe_id is None or stripe.customer(session.environment, stripe_id) is None:
        return []
    done = [
        f"subscription {found.id}"
        for found in stripe_subscriptions.of_customer(session.environment, stripe_id)
        if importing.adopt(session, internal_id, found, audit)
    ]
    for one in verifying.differences(session, account):
        if one.kind in ("invoice_missing", "invoice") and one.stripe_id is not None:
            stripe_events.store(session, stripe_id, one.stripe_id)
            done.append(f"invoice {one.stripe_id}")
    return done
