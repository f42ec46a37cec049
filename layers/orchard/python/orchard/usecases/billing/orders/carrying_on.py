"""Orders that are the beginning of an attach: it is decided when their time has come."""

from orchard.contracts.billing import hosted
from orchard.domain.billing.order import Order
from orchard.domain.catalog import Catalog
from orchard.errors import Conflict, Invalid, NotFound
from orchard.store import orders
from orchard.store.customers import Account
from orchard.store.optimistic import optimistic
from orchard.store.orders import Pending
from orchard.store.session import Session
from orchard.usecases.billing.orders import ordering, placing
from orchard.usecases.billing.orders.performing import Outcome
from orchard.usecases.billing.purchases import buying
from orchard.usecases.billing.purchases.buying import Purchase


def carry_on(session: Session, order: Order) -> Outcome | None:
    """Attach what an order is followed by; None if that can't be had any more.

    The order is closed then. Errors: `Locked`, `Unavailable` and `RateLimited` leave something to
    come back for.
    """
    try:
        return succeed(session, order)
    except (Invalid, Conflict, NotFound):
        close(session, order)
        return None


def succeed(session: Session, order: Order) -> Outcome:
    """Make the order for the attach that one is followed by, in its place, and carry it out.

    Errors: as `placing.place`.
    """
    own = ordering.as_maker(session, order)
    request = hosted.attach_request(dict(order.then or {}), order.internal_id)
    purchase = Purchase((request,), order.digest)

    def decide(account: Account, known: Catalog, held: Pending) -> Order | Outcome:
        others = held._replace(orders=tuple(one for one in held.orders if one.id != order.id))
        return buying.order_of(own, account, known, others, purchase)

    return placing.place(own, order.internal_id, decide, instead=order)


def close(session: Session, order: Order) -> None:
    """Give up an order that nothing was done for yet; one that is closed is fine."""

    def attempt() -> None:
        if orders.find(session, order.internal_id, order.id) is not None:
            session.unmarked().commit(orders.closed(session, order))

    optimistic(attempt)
