"""Billing orders of a customer, and the lock under which they are made: one at a time.

Whoever makes an order holds the lock for longer than a request may take. After that whoever comes
by finishes the order: the next request, a report of Stripe, or the job that looks for what is due.
A deletion of the customer takes the same lock.

Jobs and queues may work on one order for longer, while Stripe is slow. Then two are at it, which
does no harm: both take its steps with the same keys, so there is one of each object at Stripe; the
one who is done first closes the order in the transaction that writes its effect, which fails for
the other. Nobody writes an effect that somebody began to take back, nor the other way round.
"""

from typing import Any, NamedTuple

from pydantic import TypeAdapter

from orchard.domain.billing.order import OPEN, REFUSED, Order
from orchard.domain.customer import Customer
from orchard.errors import Locked
from orchard.store import customers, keys
from orchard.store.keys import Key
from orchard.store.session import Session
from orchard.store.statements import Check, Delete, Item, Put, Query, Write
from orchard.store.table import Table

#: No request runs longer.
LEASE_MS = 30_000
BUSY = "Billing of this customer is being changed by another request, try again in a few seconds"
_READER = TypeAdapter(Order)


class Lock(NamedTuple):
    """Who changes the billing of a customer, and until when nobody else may."""

    order_id: str
    until: int


class Pending(NamedTuple):
    """The lock, if there is one, and the orders of a customer that are not closed."""

    lock: Lock | None
    orders: tuple[Order, ...]

    def abandoned(self, now: int) -> tuple[Order, ...]:
        """The orders that a process left in the middle: nobody works on them any more."""
        busy = self.lock.order_id if self.lock and self.lock.until > now else None
        left = (one for one in self.orders if one.status in (OPEN, REFUSED))
        return tuple(one for one in left if one.id != busy)


def pending(session: Session, internal_id: str) -> Pending:
    """Return what the customer's billing is waiting for."""
    lock, orders = None, []
    query = Query("pk = :pk", {":pk": keys.orders(session.tenant, internal_id)})
    for item in session.table.query(query):
        if "order" in item:
            orders.append(load(item))
        else:
            lock = Lock(item["order_id"], int(item["until"]))
    return Pending(lock, tuple(orders))


def refuse_busy(session: Session, held: Pending) -> None:
    """Refuse to begin while somebody else changes the billing. Errors: `Locked`."""
    if held.lock is not None and held.lock.until > session.now:
        raise Locked(BUSY)


def begun(session: Session, order: Order, customer: Customer, held: Pending) -> list[Write]:
    """Take the lock and keep the order, if the customer and its orders are as they were read.

    The first write fails when another one holds the lock, or held it since and left an order that
    waits. Errors: `CustomerDeleting`.
    """
    customers.refuse_deleting(customer)
    return [
        _taken_as_read(session, order, held),
        _put(session, order, session.now + LEASE_MS, "attribute_not_exists(pk)"),
        Check(
            keys.customer(session.tenant, customer.hot_id),
            "#version = :version AND internal_id = :internal_id",
            {":version": customer.version, ":internal_id": customer.internal_id},
            {"#version": "version"},
        ),
    ]


def taken(session: Session, internal_id: str, order_id: str) -> Put:
    """Take the lock; it fails while another one holds it."""
    key = keys.billing_lock(session.tenant, internal_id)
    until = session.now + LEASE_MS
    item: Item = {
        "pk": key.pk,
        "sk": key.sk,
        "internal_id": internal_id,
        "order_id": order_id,
        "until": until,
        "ttl": until // 1000 + 86_400,
    }
    values = {":now": session.now, ":order_id": order_id}
    condition = "attribute_not_exists(pk) OR #until <= :now OR order_id = :order_id"
    return Put(item, condition, values, {"#until": "until"})


def _taken_as_read(session: Session, order: Order, held: Pending) -> Put:
    lock = taken(session, order.internal_id, order.id)
    seen = "" if held.lock is None else held.lock.order_id
    condition = "attribute_not_exists(pk) OR (#until <= :now AND order_id = :seen)"
    return lock._replace(
        condition=condition, values={":now": session.now, ":seen": seen}, names={"#until": "until"}
    )


def untouched(session: Session, internal_id: str) -> Check:
    """Require that nobody holds the lock: for changes that take one write alone."""
    return Check(
        keys.billing_lock(session.tenant, internal_id),
        "attribute_not_exists(pk) OR #until <= :now",
        {":now": session.now},
        {"#until": "until"},
    )


def freed(session: Session, order: Order) -> Delete:
    """Let go of the lock, if it is this order's; that of a rival stays, and the write fails."""
    return Delete(
        keys.billing_lock(session.tenant, order.internal_id),
        "attribute_not_exists(pk) OR order_id = :order_id",
        {":order_id": order.id},
    )


def left(session: Session, order: Order) -> Put:
    """Let go of the lock for an order that waits: who decided before that sees it was taken."""
    lock = taken(session, order.internal_id, order.id)
    return lock._replace(
        item={**lock.item, "until": 0},
        condition="attribute_not_exists(pk) OR order_id = :order_id",
        values={":order_id": order.id},
        names={},
    )


def waiting(session: Session, order: Order) -> Put:
    """Keep an order that waits for its payment; it is due when that is given up."""
    return _put(session, order, order.expires_at, "attribute_exists(pk)")


def intended(session: Session, order: Order, due_at: int) -> Put:
    """Keep an order of which nothing is done yet; somebody looks after it from then on."""
    return _put(session, order, due_at)


def resumed(session: Session, order: Order) -> Put:
    """Keep an order that goes on, as it is carried out from now on."""
    return _put(session, order, session.now + LEASE_MS, "attribute_exists(pk)")


def refused(session: Session, order: Order) -> Put:
    """Keep an order that is to be taken back; it is due when nobody is at that any more."""
    return _put(session, order, session.now + LEASE_MS, "attribute_exists(pk)")


def closed(session: Session, order: Order) -> Delete:
    """Remove an order that is done or given up; it fails if somebody else was faster."""
    return Delete(_key(session, order), "attribute_exists(pk)")


def settled(session: Session, order: Order) -> Delete:
    """Remove an order with its effect; it fails if somebody was faster, or takes it back."""
    return Delete(
        _key(session, order),
        "attribute_exists(pk) AND #order.#status <> :refused",
        {":refused": REFUSED},
        {"#order": "order", "#status": "status"},
    )


def find(session: Session, internal_id: str, order_id: str) -> Order | None:
    """Return an order that is not closed."""
    item = session.table.get(keys.order(session.tenant, internal_id, order_id))
    return None if item is None else load(item)


def due(table: Table, now: int) -> list[Key]:
    """Return the keys of orders that a process left, or whose payment did not come in time."""
    query = Query(
        "due_shard = :shard AND due_at <= :now",
        {":shard": keys.ORDER_SHARD, ":now": now},
        index_name="due",
    )
    return [Key(item["pk"], item["sk"]) for item in table.query(query)]


def load(item: Item) -> Order:
    """Return an order from its item."""
    return _READER.validate_python(item["order"])


def _put(session: Session, order: Order, due_at: int | None, condition: str | None = None) -> Put:
    key = _key(session, order)
    item: Item = {
        "pk": key.pk,
        "sk": key.sk,
        "internal_id": order.internal_id,
        "order": _plain(order),
    }
    if due_at is not None:
        item |= {"due_shard": keys.ORDER_SHARD, "due_at": due_at}
    return Put(item, condition)


def _key(session: Session, order: Order) -> Key:
    return keys.order(session.tenant, order.internal_id, order.id)


def _plain(value: Any) -> Any:
    """A value with named tuples as maps and other tuples as lists."""
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: _plain(one) for name, one in value._asdict().items()}
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, tuple | list) else value
