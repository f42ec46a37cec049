"""Requests that are repeated while the payment of an order is waited for."""

from orchard.domain.billing.order import CHECKOUT, PAYMENT
from orchard.gateways import stripe_billing, stripe_checkout
from orchard.store.orders import Pending
from orchard.store.session import Session
from orchard.usecases.billing.orders.performing import Outcome


def again(session: Session, held: Pending, digest: str) -> Outcome | None:
    """Return the answer to a request whose order waits to be paid; None if there is none."""
    same = next((one for one in held.orders if one.digest == digest), None)
    if same is None or same.paid_by is None:
        return None
    if same.status == CHECKOUT:
        found = stripe_checkout.get(session.environment, same.paid_by)
        is_open = found is not None and found.status == stripe_checkout.OPEN
        return Outcome(same, session=found, is_paid=False) if is_open else None
    if same.status != PAYMENT:
        return None
    invoice = stripe_billing.get(session.environment, same.paid_by)
    return None if invoice.is_paid else Outcome(same, invoice=invoice, is_paid=False)
