"""Entities in the table: each lies beside its customer, and a pointer leads from its id there.

Ids of entities are told apart within a customer, so several customers may have the same.
"""

from collections.abc import Iterator
from typing import NamedTuple

from orchard.domain.customer import Customer
from orchard.domain.entity import Entity
from orchard.errors import EntityNotFound
from orchard.store import keys
from orchard.store.session import Session
from orchard.store.statements import Delete, Item, Put, Query, Write

#: Sorts after every id that can follow a time in the index.
_LAST = "\uffff"


class Entry(NamedTuple):
    """An entity in the index: its place in the list, and where its customer is kept."""

    created_at: int
    place: str
    hot_id: str


def find(session: Session, customer: Customer, entity_id: str) -> Entity | None:
    """Return the entity of a customer with this id, strongly consistent."""
    item = session.table.get(keys.entity(session.tenant, customer.hot_id, entity_id))
    # What a deleted customer of the same id left is not this one's.
    is_theirs = item is not None and item["internal_id"] == customer.internal_id
    return load(item) if item is not None and is_theirs else None


def require(session: Session, customer: Customer, entity_id: str) -> Entity:
    """Return the entity of a customer with this id. Errors: `EntityNotFound`."""
    entity = find(session, customer, entity_id)
    if entity is None:
        raise EntityNotFound(entity_id)
    return entity


def owners(session: Session, entity_id: str) -> Iterator[str]:
    """Yield where the customers are kept that have an entity of this id now."""
    pointers = Query("pk = :pk", {":pk": keys.entity_pointers(session.tenant, entity_id)})
    for pointer in session.table.query(pointers):
        item = session.table.get(keys.entity(session.tenant, pointer["hot_id"], entity_id))
        if item is not None and item["internal_id"] == pointer["internal_id"]:
            yield pointer["hot_id"]


def entries(session: Session, after: tuple[int, str] | None, search: str) -> Iterator[Entry]:
    """Yield the entities of a tenant, newest first, behind a place (creation time, place).

    `search` is part of the id or the name, in lower case.
    """
    high = _LAST if after is None else keys.listing_position(*after)
    values = {":pk": keys.entities_listing(session.tenant), ":high": high}
    query = Query(
        "listing_pk = :pk AND listing_sk <= :high",
        values | ({":search": search} if search else {}),
        index_name="listing",
        filter="contains(search_text, :search)" if search else None,
        forward=False,
    )
    for item in session.table.query(query):
        position = item["listing_sk"]
        if position != high:
            yield Entry(*keys.placed(position), item["hot_id"])


def creation(session: Session, customer: Customer, entity: Entity, last: Item) -> list[Write]:
    """Return the writes of a new entity; the first fails if the customer has one of this id."""
    free = "attribute_not_exists(pk) OR internal_id <> :internal_id"
    item = _to_item(session, customer, entity, last)
    return [
        Put(item, free, {":internal_id": customer.internal_id}),
        pointer(session, customer, entity.id),
    ]


def changed(session: Session, customer: Customer, entity: Entity, last: Item) -> Put:
    """Store the next version of an entity in the place of the one that was read."""
    values = {":version": entity.version - 1, ":entity": entity.internal_id}
    return Put(
        _to_item(session, customer, entity, last),
        "#version = :version AND entity_internal_id = :entity",
        values,
        {"#version": "version"},
    )


def removal(session: Session, customer: Customer, entity: Entity) -> list[Write]:
    """Return the writes that remove an entity, which must be as it was read."""
    values = {":version": entity.version, ":entity": entity.internal_id}
    return [
        Delete(
            keys.entity(session.tenant, customer.hot_id, entity.id),
            "#version = :version AND entity_internal_id = :entity",
            values,
            {"#version": "version"},
        ),
        Delete(keys.entity_pointer(session.tenant, entity.id, customer.internal_id)),
    ]


def pointer(session: Session, customer: Customer, entity_id: str) -> Put:
    """Let the customer be found by the id of an entity that it has."""
    key = keys.entity_pointer(session.tenant, entity_id, customer.internal_id)
    return Put(
        {
            "pk": key.pk,
            "sk": key.sk,
            "hot_id": customer.hot_id,
            "internal_id": customer.internal_id,
        }
    )


def load(item: Item) -> Entity:
    """Return an entity from its item."""
    return Entity(
        id=item["id"],
        internal_id=item["entity_internal_id"],
        customer_internal_id=item["internal_id"],
        feature_id=item["feature_id"],
        created_at=int(item["created_at"]),
        name=item["name"],
        billing_controls=item["billing_controls"],
        version=int(item["version"]),
    )


def _to_item(session: Session, customer: Customer, entity: Entity, last: Item) -> Item:
    key = keys.entity(session.tenant, customer.hot_id, entity.id)
    return {
        "pk": key.pk,
        "sk": key.sk,
        "id": entity.id,
        "internal_id": entity.customer_internal_id,
        "entity_internal_id": entity.internal_id,
        "hot_id": customer.hot_id,
        "feature_id": entity.feature_id,
        "created_at": entity.created_at,
        "name": entity.name,
        "billing_controls": dict(entity.billing_controls),
        "version": entity.version,
        "listing_pk": keys.entities_listing(session.tenant),
        "listing_sk": keys.listing_position(entity.created_at, entity.place),
        "search_text": "\n".join((text or "").lower() for text in (entity.id, entity.name)),
        "last": last,
    }
