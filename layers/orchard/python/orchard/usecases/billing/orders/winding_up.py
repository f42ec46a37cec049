"""Orders of a customer that is deleted: what was paid for comes back, nothing more can be paid."""

from contextlib import suppress

from orchard.domain.billing.order import CHECKOUT, OPEN, PAYMENT, REFUSED, Order
from orchard.errors import Locked, StripeFailed
from orchard.gateways import stripe_checkout
from orchard.store import orders
from orchard.store.session import Session
from orchard.usecases.billing.orders import ordering, taking_back


def is_wound_up(session: Session, internal_id: str) -> bool:
    """Take back what orders of a customer that is gone did at Stripe, and close their pages.

    An invoice for what the customer was given before is still owed. Returns False while somebody
    is at an order. Errors: `Unavailable` and the like, after which it may be tried again.
    """
    try:
        for order in orders.pending(session, internal_id).orders:
            if order.status in {OPEN, REFUSED}:
                # Done to its end, it is known what there is to take back.
                ordering.finish(session, order)
        for order in orders.pending(session, internal_id).orders:
            _take_back(session, order)
    except Locked:
        return False
    return True


def _take_back(session: Session, order: Order) -> None:
    if order.status == CHECKOUT and order.paid_by is not None:
        _close_page(session, order, order.paid_by)
    elif order.status == PAYMENT and not order.early:
        _withdraw(session, order)


def _close_page(session: Session, order: Order, page_id: str) -> None:
    stripe_checkout.expire(session.environment, page_id)
    made = stripe_checkout.get(session.environment, page_id)
    with suppress(StripeFailed):
        if made is not None and made.is_settled:
            taking_back.page(session.environment, order, made)


def _withdraw(session: Session, order: Order) -> None:
    try:
        ordering.give_up(session, order)
    except Locked:
        # It was paid meanwhile.
        ordering.finish(session, order)
