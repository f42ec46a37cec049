"""Removing what lies in a customer's place: its own items, and nothing of whoever comes after."""

from collections.abc import Iterable
from contextlib import suppress
from itertools import islice
from typing import Any

from orchard.domain.customer import Customer
from orchard.store import keys
from orchard.store.keys import Key
from orchard.store.session import Session
from orchard.store.statements import ConditionFailed, Delete, Item, Query
from orchard.store.table import Table

#: Sorts after everything that a key goes on with.
_LAST = "\uffff"


def removals(session: Session, customer: Customer, items: Iterable[Item]) -> list[Delete]:
    """Remove items of an account that were read: the customer first, and pointers before items.

    So wherever the list is cut, what is left of an entity still leads to its pointer. What is the
    customer's own goes before what is its entities': nothing can be used any more.
    """
    own_first = sorted(items, key=_turn)
    return [
        delete
        for item in own_first
        for delete in (*_pointers(session.tenant, item), removal(customer, item))
    ]


def _turn(item: Item) -> tuple[bool, bool]:
    return not keys.is_customer(item["sk"]), "entity_internal_id" in item


def removal(customer: Customer, item: Item) -> Delete:
    """Remove an item of an account that was read; of the customer, only as it was read."""
    condition = "internal_id = :internal_id"
    values: dict[str, Any] = {":internal_id": customer.internal_id}
    key = Key(item["pk"], item["sk"])
    if not keys.is_customer(item["sk"]):
        return Delete(key, condition, values)
    values |= {":version": customer.version}
    return Delete(key, f"{condition} AND #version = :version", values, {"#version": "version"})


def counted(session: Session, internal_id: str, most: int) -> tuple[int, int]:
    """Return how many changes and how many usage events a customer has, both up to `most`.

    They lie one after the other, so that few of them are counted in one request.
    """
    partition = keys.ledger(session.tenant, internal_id)
    both = Query(
        "pk = :pk AND sk BETWEEN :low AND :high",
        {":pk": partition, ":low": keys.CHANGES, ":high": f"{keys.EVENTS}{_LAST}"},
        projection="pk, sk",
        page=2 * most,
    )
    found = [item["sk"] for item in islice(session.table.query(both), 2 * most)]
    changes = sum(sk.startswith(keys.CHANGES) for sk in found)
    if changes <= most:
        return changes, min(len(found) - changes, most)
    values = {":pk": partition, ":sk": keys.EVENTS}
    events = Query("pk = :pk AND begins_with(sk, :sk)", values, projection="pk, sk", page=most)
    return most, sum(1 for _event in islice(session.table.query(events), most))


def sweep(table: Table, tenant: str, hot_id: str, internal_id: str) -> None:
    """Remove what still lies beside a deleted customer, and nothing of a new one."""
    partition = keys.hot_partition(tenant, hot_id)
    query = Query(
        "pk = :pk AND begins_with(sk, :hot)",
        {":pk": partition, ":hot": keys.HOT, ":internal_id": internal_id},
        filter="internal_id = :internal_id",
    )
    for item in table.query(query):
        for pointer in _pointers(tenant, item):
            table.delete(pointer)
        with suppress(ConditionFailed):
            mine = {":internal_id": internal_id}
            table.delete(Delete(Key(item["pk"], item["sk"]), "internal_id = :internal_id", mine))


def _pointers(tenant: str, item: Item) -> list[Delete]:
    if not keys.is_entity(item["sk"]):
        return []
    return [Delete(keys.entity_pointer(tenant, item["id"], item["internal_id"]))]
