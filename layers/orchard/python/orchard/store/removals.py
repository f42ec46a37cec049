"""Removing what lies in a customer's place: its own items, and nothing of whoever comes after."""

from contextlib import suppress
from typing import Any

from orchard.domain.customer import Customer
from orchard.store import keys
from orchard.store.keys import Key
from orchard.store.statements import ConditionFailed, Delete, Item, Query
from orchard.store.table import Table


def removal(customer: Customer, item: Item) -> Delete:
    """Remove an item of an account that was read; of the customer, only as it was read."""
    condition = "internal_id = :internal_id"
    values: dict[str, Any] = {":internal_id": customer.internal_id}
    key = Key(item["pk"], item["sk"])
    if not keys.is_customer(item["sk"]):
        return Delete(key, condition, values)
    values |= {":version": customer.version}
    return Delete(key, f"{condition} AND #version = :version", values, {"#version": "version"})


def sweep(table: Table, tenant: str, hot_id: str, internal_id: str) -> None:
    """Remove what still lies beside a deleted customer, and nothing of a new one."""
    partition = keys.hot_partition(tenant, hot_id)
    query = Query(
        "pk = :pk AND begins_with(sk, :hot)",
        {":pk": partition, ":hot": keys.HOT, ":internal_id": internal_id},
        filter="internal_id = :internal_id",
    )
    for item in table.query(query):
        with suppress(ConditionFailed):
            mine = {":internal_id": internal_id}
            table.delete(Delete(Key(item["pk"], item["sk"]), "internal_id = :internal_id", mine))
