"""Orders that wait for a payment while the cycle ends that they are priced for."""

from orchard.domain.billing.order import PAYMENT, Arrange, Order
from orchard.gateways import stripe_billing, stripe_renewals
from orchard.store import orders
from orchard.store.session import Session
from orchard.usecases.billing.orders import ordering


def overtaken(session: Session, internal_id: str, invoice_id: str) -> None:
    """Give up changes of a subscription that were not paid for when this invoice renewed it.

    What was paid in time is carried out; an invoice that was sent goes on waiting. Errors:
    `Locked`, `Unavailable`.
    """
    waiting = [one for one in orders.pending(session, internal_id).orders if _is_brief(one)]
    renewal = stripe_renewals.get(session.environment, invoice_id) if waiting else None
    for order in waiting:
        if renewal is None or renewal.subscription_id not in _changed(order):
            continue
        if stripe_billing.get(session.environment, str(order.paid_by)).is_paid:
            ordering.finish(session, order)
        else:
            ordering.give_up(session, order)


def _is_brief(order: Order) -> bool:
    return order.status == PAYMENT and order.expires_at is not None and order.paid_by is not None


def _changed(order: Order) -> set[str]:
    return {step.subscription_id for step in order.steps if isinstance(step, Arrange)}
