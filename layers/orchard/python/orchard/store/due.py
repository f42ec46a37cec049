"""What falls due by itself: balances to reset, locks to release, deleted customers to purge."""

from collections.abc import Iterator
from itertools import zip_longest
from typing import NamedTuple

from orchard.domain.customer import Customer
from orchard.store import changes, keys
from orchard.store.keys import Key
from orchard.store.session import Session
from orchard.store.statements import Item, Put, Query, Update
from orchard.store.table import Table

#: A stream record lives a day; this much after a deletion no more history of it can be written.
LAST_PASS_MS = 25 * 3_600_000
_FIRST, _LAST, _DONE = "first", "last", "done"


class Deletion(NamedTuple):
    """A deleted customer whose history is to be removed, twice: at once, and for the last time."""

    key: Key
    tenant: str
    internal_id: str
    hot_id: str
    deleted_at: int
    due_at: int
    is_last_pass: bool


def deletion(session: Session, customer: Customer, last: Item) -> Put:
    """Leave word that a customer was deleted: written with the deletion itself, purged by a job.

    It stays for good, as the record of who did it and why; of the customer it holds the ids alone.
    """
    key = keys.deletion(session.tenant, customer.internal_id)
    item: Item = {
        "pk": key.pk,
        "sk": key.sk,
        "internal_id": customer.internal_id,
        "hot_id": customer.hot_id,
        "deleted_at": session.now,
        "pass": _FIRST,
        "due_shard": keys.PURGE_SHARD,
        "due_at": session.now,
        "last": last,
    }
    return Put(item | changes.listed(session.tenant, changes.of_deletion(item)))


def balances(table: Table, now: int) -> Iterator[Key]:
    """Yield the keys of balances and plans that fell due, the longest overdue first, in turn.

    The index may lag behind the table by a moment: read an item again before changing it.
    """
    shards = [_due(table, keys.due_shard(number), now) for number in range(keys.DUE_SHARDS)]
    for turn in zip_longest(*shards):
        yield from (key for key in turn if key is not None)


def deletions(table: Table, now: int) -> Iterator[Key]:
    """Yield the keys of deletions with a pass to make."""
    return _due(table, keys.PURGE_SHARD, now)


def locks(table: Table, now: int) -> Iterator[Key]:
    """Yield the keys of locks that ran out, the longest overdue first."""
    return _due(table, keys.LOCK_SHARD, now)


def get_deletion(table: Table, key: Key) -> Deletion | None:
    """Return a deletion, strongly consistent; None once it was made for the last time."""
    item = table.get(key)
    if item is None or "due_shard" not in item:
        return None
    return Deletion(
        key=key,
        tenant=keys.tenant_of(key.pk),
        internal_id=item["internal_id"],
        hot_id=item["hot_id"],
        deleted_at=int(item["deleted_at"]),
        due_at=int(item["due_at"]),
        is_last_pass=item["pass"] == _LAST,
    )


def await_last_pass(deletion: Deletion, now: int) -> Update:
    """Let a deletion wait until nothing of the customer can be written any more."""
    due_at = deletion.deleted_at + LAST_PASS_MS
    values = {":last": _LAST, ":due": due_at, ":first": _FIRST, ":now": now}
    return Update(
        deletion.key,
        "SET #pass = :last, due_at = :due, purged_at = :now",
        values,
        "#pass = :first",
        {"#pass": "pass"},
    )


def finished(deletion: Deletion) -> Update:
    """Let a deletion that was made for the last time rest: it stays on record."""
    return Update(
        deletion.key,
        "SET #pass = :done REMOVE due_shard, due_at",
        {":done": _DONE, ":last": _LAST},
        "#pass = :last",
        {"#pass": "pass"},
    )


def _due(table: Table, shard: str, now: int) -> Iterator[Key]:
    query = Query(
        "due_shard = :shard AND due_at <= :now", {":shard": shard, ":now": now}, index_name="due"
    )
    return (Key(item["pk"], item["sk"]) for item in table.query(query))
