"""Keeping a customer under another id: all of its hot items, in one transaction."""

from typing import Any

from orchard.domain.customer import Customer
from orchard.store import customer_items, customers, entities, keys
from orchard.store.customers import Account
from orchard.store.keys import Key
from orchard.store.session import Session
from orchard.store.statements import Delete, Item, Put, Write


def moved(session: Session, account: Account, after: Customer, last: Item) -> list[Write]:
    """Return the writes that keep an account under another id; the first fails on a taken id.

    Balances must be as they were read: usage that arrives meanwhile makes the move start over.
    """
    was = account.customer._replace(version=after.version)
    before, now = customer_items.difference(
        customer_items.fields(was), customer_items.fields(after)
    )
    # Nobody can tell from the item itself what it was in its former place.
    told = {**last, "before": before, "after": now}
    writes: list[Write] = [customers.put(session, after, account.plans, told, new=True)]
    for item in account.items:
        if keys.is_customer(item["sk"]):
            writes.append(_left(item, "#version = :was", item["version"], "version"))
        elif keys.is_balance(item["sk"]):
            writes.append(_left(item, "#seq = :was", item["seq"], "seq"))
            writes.append(Put(_relocated(session, item, after, last), "attribute_not_exists(pk)"))
        elif keys.is_entity(item["sk"]) or keys.is_top_up(item["sk"]):
            writes.append(_left(item, "#version = :was", item["version"], "version"))
            there = _relocated(session, item, after, None) | {"hot_id": after.hot_id}
            writes.append(Put(there, "attribute_not_exists(pk)"))
            is_entity = keys.is_entity(item["sk"])
            writes += [entities.pointer(session, after, item["id"])] if is_entity else []
        else:
            writes.append(Delete(Key(item["pk"], item["sk"]), "attribute_exists(pk)"))
            writes.append(Put(_relocated(session, item, after, None), "attribute_not_exists(pk)"))
    return writes


def _left(item: Item, condition: str, was: Any, name: str) -> Delete:
    return Delete(Key(item["pk"], item["sk"]), condition, {":was": was}, {f"#{name}": name})


def _relocated(session: Session, item: Item, after: Customer, last: Item | None) -> Item:
    there = {**item, "pk": keys.hot_partition(session.tenant, after.hot_id)}
    if last is not None:
        there |= {"hot_id": after.hot_id, "seq": item["seq"] + 1, "last": last}
    if "due_shard" in item:
        there["due_shard"] = keys.due_shard_of(Key(there["pk"], there["sk"]))
    return there
