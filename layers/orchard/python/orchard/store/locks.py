"""Locks in the table: what each reserved, until it is confirmed or released."""

import hashlib
from typing import NamedTuple

from orchard.domain.holding import Place
from orchard.domain.locks import Receipt, Taken
from orchard.domain.scope import Subject
from orchard.store import documents, keys
from orchard.store.keys import Key
from orchard.store.session import Session
from orchard.store.statements import Delete, Item, Put
from orchard.store.table import Table


class Lock(NamedTuple):
    """A lock that is held: whose usage it reserves, what, and when it is released by itself."""

    key: Key
    id: str
    #: Tells it from another lock of the same id, which may be taken once this one is gone.
    nonce: str
    hot_id: str
    internal_id: str
    entity_internal_id: str | None
    receipt: Receipt
    due_at: int


def key_of(session: Session, lock_id: str) -> Key:
    """Return where a lock of this id is kept."""
    return keys.lock(session.tenant, hashlib.sha256(lock_id.encode()).hexdigest())


def get(table: Table, key: Key) -> Lock | None:
    """Return a lock, strongly consistent; None when it is not held."""
    item = table.get(key)
    return None if item is None else _load(item)


def put(lock: Lock) -> Put:
    """Hold a lock; its id must be free."""
    receipt = lock.receipt
    item = {
        "pk": lock.key.pk,
        "sk": lock.key.sk,
        "lock_id": lock.id,
        "nonce": lock.nonce,
        "hot_id": lock.hot_id,
        "internal_id": lock.internal_id,
        "entity_internal_id": lock.entity_internal_id,
        "feature_id": receipt.feature_id,
        "entity_id": receipt.subject.entity_id,
        "pooled": receipt.subject.pooled,
        "properties": documents.dump(receipt.properties),
        "value": receipt.value,
        "taken": [{**part._asdict(), "place": list(part.place)} for part in receipt.taken],
        "due_shard": keys.LOCK_SHARD,
        "due_at": lock.due_at,
    }
    return Put(item, "attribute_not_exists(pk)")


def remove(lock: Lock) -> Delete:
    """Let a lock go, which must still be the one that was read."""
    return Delete(lock.key, "nonce = :nonce", {":nonce": lock.nonce})


def _load(item: Item) -> Lock:
    receipt = Receipt(
        feature_id=item["feature_id"],
        subject=Subject(item["entity_id"], item["pooled"]),
        properties=documents.load(item["properties"]),
        taken=tuple(_part(part) for part in item["taken"]),
        value=item["value"],
    )
    return Lock(
        key=Key(item["pk"], item["sk"]),
        id=item["lock_id"],
        nonce=item["nonce"],
        hot_id=item["hot_id"],
        internal_id=item["internal_id"],
        entity_internal_id=item["entity_internal_id"],
        receipt=receipt,
        due_at=int(item["due_at"]),
    )


def _part(item: Item) -> Taken:
    return Taken(**{**item, "place": Place(*item["place"]), "resets": int(item["resets"])})
