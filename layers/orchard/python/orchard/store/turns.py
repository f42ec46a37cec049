"""Turns at the billing of a customer that are no orders: a renewal waits for them, and they for it.

The lock is that of orders, held by a name of one's own.
"""

from orchard.errors import Locked
from orchard.store import keys, orders
from orchard.store.session import Session
from orchard.store.statements import ConditionFailed, Contention, Delete


def take(session: Session, internal_id: str, name: str) -> None:
    """Take the lock. Errors: `Locked` while somebody else has it."""
    try:
        session.commit(orders.taken(session, internal_id, name))
    except (ConditionFailed, Contention):
        raise Locked(orders.BUSY) from None


def leave(session: Session, internal_id: str, name: str) -> None:
    """Let go of the lock; one that ran out and was taken by somebody else is left alone."""
    try:
        session.commit(
            Delete(
                keys.billing_lock(session.tenant, internal_id),
                "attribute_not_exists(pk) OR order_id = :name",
                {":name": name},
            )
        )
    except (ConditionFailed, Contention):
        return
