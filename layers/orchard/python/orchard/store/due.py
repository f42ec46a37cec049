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

#: No function runs longer: then whoever comes by goes on with what another one began.
LEASE_MS = 30_000
#: A stream record lives a day; this much after a deletion no more history of it can be written.
LAST_PASS_MS = 25 * 3_600_000
#: What a deletion does next: it waits for Stripe, makes a pass, or has made all of them.
_STRIPE, _FIRST, _LAST, _DONE = "stripe", "first", "last", "done"


class Deletion(NamedTuple):
    """A deletion that is not done: its customer's history is to be removed, twice.

    At once, and for the last time; before that Stripe may have to delete its customer.
    """

    key: Key
    tenant: str
    internal_id: str
    hot_id: str
    deleted_at: int
    due_at: int
    is_last_pass: bool
    #: Stripe is asked first; until it did its part the customer is there.
    awaits_stripe: bool
    #: Invoices stay, without personal data.
    anonymize: bool
    #: What the deletion will say of itself once it is made: who asked for it, and why.
    last: Item
    #: How often Stripe refused or did not answer, and what it said at last.
    attempts: int = 0
    error: str | None = None


def deletion(session: Session, customer: Customer, last: Item, *, anonymize: bool = False) -> Put:
    """Leave word that a customer was deleted: written with the deletion itself, purged by a job.

    It stays for good, as the record of who did it and why; of the customer it holds the ids alone.
    """
    item = _item(session, customer, last, anonymize=anonymize)
    return Put(item | changes.listed(session.tenant, changes.of_deletion(item)))


def intent(session: Session, customer: Customer, last: Item, *, anonymize: bool) -> Put:
    """Leave word that a customer is to be deleted once Stripe has deleted its own.

    It takes the place of the word of an earlier intent, which was meant for nothing else.
    """
    item = _item(session, customer, last, anonymize=anonymize)
    return Put({**item, "pass": _STRIPE, "due_at": session.now + LEASE_MS})


def refused(deletion: Deletion, error: str, now: int) -> Update:
    """Note that Stripe did not delete its customer, and why; it is tried again."""
    return Update(
        deletion.key,
        "SET attempts = :attempts, stripe_error = :error, due_at = :now",
        {":attempts": deletion.attempts + 1, ":error": error, ":now": now, ":stripe": _STRIPE},
        "#pass = :stripe",
        {"#pass": "pass"},
    )


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
        awaits_stripe=item["pass"] == _STRIPE,
        anonymize=bool(item.get("anonymize")),
        last=item["last"],
        attempts=int(item.get("attempts", 0)),
        error=item.get("stripe_error"),
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


def _item(session: Session, customer: Customer, last: Item, *, anonymize: bool) -> Item:
    key = keys.deletion(session.tenant, customer.internal_id)
    return {
        "pk": key.pk,
        "sk": key.sk,
        "internal_id": customer.internal_id,
        "hot_id": customer.hot_id,
        "deleted_at": session.now,
        "pass": _FIRST,
        "due_shard": keys.PURGE_SHARD,
        "due_at": session.now,
        "anonymize": anonymize,
        "last": last,
    }


def _due(table: Table, shard: str, now: int) -> Iterator[Key]:
    query = Query(
        "due_shard = :shard AND due_at <= :now", {":shard": shard, ":now": now}, index_name="due"
    )
    return (Key(item["pk"], item["sk"]) for item in table.query(query))
