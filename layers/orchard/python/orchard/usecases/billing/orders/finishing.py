"""Orders that nobody comes back for: left by a process that died, or never paid."""

from collections.abc import Callable

from orchard.domain.billing.order import CHECKOUT, INTENDED, OPEN, PAYMENT, REFUSED, Order
from orchard.errors import Locked
from orchard.gateways import stripe_billing, stripe_checkout
from orchard.store import orders
from orchard.store.keys import Key
from orchard.store.session import Session
from orchard.store.table import Table
from orchard.usecases.billing.orders import completing, ordering
from orchard.usecases.billing.purchases import starting
from orchard.usecases.resets import Each

JOB = "finish_orders"


def run(table: Table, time: Callable[[], int], each: Each) -> dict[str, int]:
    """Finish what is due: how many orders, how many failed, how late the latest was (ms).

    Each is finished at its own `time`: the lock is to last from then on.
    """
    lags, failed = each(orders.due(table, time()), lambda key: finish(table, key, time()))
    late = [lag for lag in lags if lag is not None]
    return {"OrdersFinished": len(late), "OrdersFailed": failed, "OrdersLag": max(late, default=0)}


def finish(table: Table, key: Key, now: int) -> int | None:
    """Carry out an order that was left, or give up one whose payment did not come.

    Returns by how many ms it was late; None if somebody else is at it or was faster.
    """
    session = Session.of_job(table, key, now, JOB)
    item = table.get(key)
    if item is None or "due_at" not in item or item["due_at"] > now:
        return None
    try:
        _finish(session, orders.load(item))
    except Locked:
        return None
    return now - int(item["due_at"])


def _finish(session: Session, order: Order) -> None:
    if order.status == INTENDED:
        starting.look_after(session, order)
    elif order.status in {OPEN, REFUSED}:
        ordering.finish(session, order)
    elif order.status == CHECKOUT and order.paid_by is not None:
        made = stripe_checkout.get(session.environment, order.paid_by)
        if made is not None and made.is_settled:
            # Its report never came.
            completing.complete(session, order, made)
        else:
            ordering.give_up(session, order)
    elif order.status == PAYMENT and order.paid_by is not None:
        if stripe_billing.get(session.environment, order.paid_by).is_paid:
            ordering.finish(session, order)
        else:
            ordering.give_up(session, order)
