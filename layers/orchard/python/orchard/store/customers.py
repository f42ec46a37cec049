"""Customers in the table: the customer, its plans and its balances lie side by side.

They are kept under the caller's id (or the internal id of a customer that has none), so one Query
reads all of a customer. A pointer leads from the internal id to them.
"""

from typing import Any, NamedTuple

from orchard.domain.billing.top_ups import Record
from orchard.domain.customer import Customer, CustomerPlan
from orchard.domain.entity import Entity
from orchard.domain.holding import Holding, Place, State
from orchard.errors import CustomerDeleting, CustomerNotFound
from orchard.store import (
    balances,
    customer_items,
    customer_plans,
    entities,
    keys,
    pointers,
    stored,
    top_ups,
)
from orchard.store.session import Session
from orchard.store.statements import Item, Put, Query, Update, Write
from orchard.store.stored import Owner, Stored

_INTERNAL_PREFIX = "cus_"
#: What an entity sees: what is the customer's own, what is the entity's, and the entity itself.
_SEEN = (
    "attribute_not_exists(entity_internal_id) AND "
    "(attribute_not_exists(entity_id) OR entity_id = :nobody) OR "
    "entity_id = :entity OR attribute_exists(entity_internal_id) AND id = :entity"
)


class Account(NamedTuple):
    """A customer with all that is kept beside it. `items` are the raw items, for moving them."""

    customer: Customer
    plans: tuple[CustomerPlan, ...]
    balances: tuple[Stored, ...]
    items: tuple[Item, ...]
    entities: tuple[Entity, ...] = ()
    top_ups: tuple[Record, ...] = ()

    def state(self, now: int) -> dict[Place, Holding]:
        """What all balances hold at `now`."""
        return {one.place: one.current(now) for one in self.balances}

    def top_up(self, feature_id: str) -> Record:
        """What became of the automatic top-ups of a feature."""
        found = (one for one in self.top_ups if one.feature_id == feature_id)
        return next(found, Record(feature_id))


def find(session: Session, customer_id: str, entity_id: str | None = None) -> Account | None:
    """Return the account with this id, the caller's or the internal one.

    With `entity_id` other entities and what is theirs are left out: to be shown, not to decide on.
    """
    account = _at(session, customer_id, entity_id)
    if account is not None or not customer_id.startswith(_INTERNAL_PREFIX):
        return account
    hot_id = pointers.find(session, customer_id)
    return None if hot_id is None else _at(session, hot_id, entity_id)


def require(session: Session, customer_id: str, entity_id: str | None = None) -> Account:
    """Return the account with this id, or the part of it. Errors: `CustomerNotFound`."""
    account = find(session, customer_id, entity_id)
    if account is None:
        raise CustomerNotFound(customer_id)
    return account


def locate(session: Session, customer_id: str) -> Customer:
    """Return the customer alone, with this id of the caller's or internal id.

    Errors: `CustomerNotFound`.
    """
    item = session.table.get(keys.customer(session.tenant, customer_id))
    if item is None and customer_id.startswith(_INTERNAL_PREFIX):
        hot_id = pointers.find(session, customer_id)
        if hot_id is not None:
            item = session.table.get(keys.customer(session.tenant, hot_id))
    if item is None:
        raise CustomerNotFound(customer_id)
    return customer_items.load(item)


def find_by_email(session: Session, email: str) -> Account | None:
    """Return the customer without an id that has this e-mail address."""
    hot_id = pointers.find_by_email(session, email)
    return None if hot_id is None else _at(session, hot_id)


def creation(
    session: Session, customer: Customer, plans: tuple[CustomerPlan, ...], last: Item
) -> list[Write]:
    """Return the writes of a new customer and its plans; they fail if its place is taken."""
    return [
        put(session, customer, plans, last, new=True),
        *(customer_plans.put(session, customer, plan) for plan in plans),
        *pointers.claimed(session, customer),
    ]


def put(
    session: Session,
    customer: Customer,
    plans: tuple[CustomerPlan, ...],
    last: Item,
    *,
    new: bool = False,
) -> Put:
    """Store a customer: a new one where none is, or the next version of the one that was read.

    Errors: `CustomerDeleting`, as all that is to change such a customer.
    """
    refuse_deleting(customer)
    item = {**customer_items.dump(session, customer, plans), "last": last}
    if new:
        return Put(item, "attribute_not_exists(pk)")
    values = {":version": customer.version - 1, ":internal_id": customer.internal_id}
    return Put(
        item, "#version = :version AND internal_id = :internal_id", values, {"#version": "version"}
    )


def refuse_deleting(customer: Customer) -> None:
    """Refuse to change a customer whose deletion has begun. Errors: `CustomerDeleting`."""
    if customer.deleting_since is not None:
        raise CustomerDeleting(customer.hot_id)


def mark_deleting(session: Session, customer: Customer, last: Item) -> Update:
    """Let the customer, as it was read, be known as one whose deletion has begun."""
    return Update(
        keys.customer(session.tenant, customer.hot_id),
        "SET deleting_since = :now, #last = :last, #version = #version + :one",
        {
            ":now": session.now,
            ":last": last,
            ":one": 1,
            ":version": customer.version,
            ":internal_id": customer.internal_id,
        },
        "#version = :version AND internal_id = :internal_id",
        {"#version": "version", "#last": "last"},
    )


def touch(session: Session, customer: Customer) -> Update:
    """Require that the customer is as it was read, and let others find that it is not any more.

    Errors: `CustomerDeleting`.
    """
    refuse_deleting(customer)
    return Update(
        keys.customer(session.tenant, customer.hot_id),
        "SET #version = #version + :one",
        {":one": 1, ":version": customer.version, ":internal_id": customer.internal_id},
        "#version = :version AND internal_id = :internal_id",
        {"#version": "version"},
    )


def owner_of(customer: Customer) -> Owner:
    """Return whose the balances of a customer are."""
    return Owner(customer.hot_id, customer.internal_id)


def fresh(
    session: Session, customer: Customer, plans: tuple[CustomerPlan, ...], state: State
) -> Account:
    """Return the account that `creation` and its first balances wrote, without reading it again."""
    held = first_balances(session, customer, state, session.stamp("create"))
    return Account(customer, plans, tuple(stored.load(put.item) for put in held), ())


def first_balances(session: Session, customer: Customer, state: State, last: Item) -> list[Put]:
    """Return the balances of a new customer, which has no entities yet."""
    owner = owner_of(customer)
    return [
        balances.created(session, owner, place, holding, last) for place, holding in state.items()
    ]


def load(items: tuple[Item, ...]) -> Account | None:
    """Return an account from its items; None when the customer itself is not among them."""
    own = next((item for item in items if keys.is_customer(item["sk"])), None)
    if own is None:
        return None
    customer, plans, held, parts, bought = customer_items.load(own), [], [], [], []
    # What a deleted customer of the same id left is not this one's.
    items = tuple(item for item in items if item["internal_id"] == customer.internal_id)
    for item in items:
        if keys.is_customer_plan(item["sk"]):
            plans.append(customer_plans.load(item))
        elif keys.is_balance(item["sk"]):
            held.append(stored.load(item))
        elif keys.is_entity(item["sk"]):
            parts.append(entities.load(item))
        elif keys.is_top_up(item["sk"]):
            bought.append(top_ups.load(item))
    by_age = tuple(sorted(parts, key=lambda entity: (entity.created_at, entity.id)))
    by_start = sorted(plans, key=lambda plan: (plan.started_at, plan.id))
    return Account(customer, tuple(by_start), tuple(held), items, by_age, tuple(bought))


def _at(session: Session, hot_id: str, entity_id: str | None = None) -> Account | None:
    values: dict[str, Any] = {
        ":pk": keys.hot_partition(session.tenant, hot_id),
        ":hot": keys.HOT,
    }
    query = Query("pk = :pk AND begins_with(sk, :hot)", values)
    if entity_id is not None:
        query.values.update({":entity": entity_id, ":nobody": None})
        query = query._replace(filter=_SEEN)
    return load(tuple(session.table.query(query)))
