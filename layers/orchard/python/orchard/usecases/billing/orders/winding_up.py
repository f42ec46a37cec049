"""Pages on which a customer that is deleted could still pay: they are closed."""

from contextlib import suppress

from orchard.domain.billing.order import CHECKOUT
from orchard.errors import StripeFailed
from orchard.gateways import stripe_checkout
from orchard.store import orders
from orchard.store.session import Session
from orchard.usecases.billing.orders import taking_back


def close_pages(session: Session, internal_id: str) -> None:
    """Close the pages of a customer that is gone; what was paid there meanwhile is paid back.

    Errors: `Unavailable` and the like, after which it may be tried again.
    """
    for order in orders.pending(session, internal_id).orders:
        if order.status == CHECKOUT and order.paid_by is not None:
            stripe_checkout.expire(session.environment, order.paid_by)
            made = stripe_checkout.get(session.environment, order.paid_by)
            with suppress(StripeFailed):
                if made is not None and made.is_settled:
                    taking_back.page(session.environment, order, made)
