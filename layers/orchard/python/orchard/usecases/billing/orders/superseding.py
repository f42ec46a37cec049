"""Orders that wait for a payment while another is about to be made."""

from orchard.domain.billing.order import CHECKOUT, PAYMENT, Effect
from orchard.errors import Locked
from orchard.gateways import stripe_checkout
from orchard.store import catalog, orders
from orchard.store.orders import Pending
from orchard.store.session import Session
from orchard.usecases.billing.orders import ordering, rivals


def superseded(session: Session, held: Pending, effect: Effect) -> None:
    """Give up orders that wait for a payment, since another is about to be made, of this effect.

    An invoice that was sent stays, unless what it is for can't be had any more then. Errors:
    `Locked` when one was paid a moment ago.
    """
    known = catalog.read(session)
    for order in held.orders:
        if order.status == CHECKOUT and order.paid_by is not None:
            state = stripe_checkout.expire(session.environment, order.paid_by)
            if state == stripe_checkout.COMPLETE:
                raise Locked(ordering.JUST_PAID)
            ordering.give_up(session, order)
        elif order.status == PAYMENT and order.early:
            # It was given already, and is owed.
            if rivals.ends(order.effect, effect):
                session.unmarked().commit(orders.closed(session, order))
        elif order.status == PAYMENT and (
            order.expires_at is not None or rivals.exclude(known, order.effect, effect)
        ):
            ordering.give_up(session, order)
