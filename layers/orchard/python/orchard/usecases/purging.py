"""Removing what is left of deleted customers: ledger, roll-ups, history, invoices, parked records.

Before that comes Stripe, if it is to delete its customer and has not: the job tries it again.

Writes that were under way when a customer was deleted may still leave lines until the stream has
forgotten them, so each deletion is made twice: at once, and when no more lines can come.
"""

from collections.abc import Callable
from itertools import batched

from orchard.store import due, keys, parked, removals
from orchard.store.due import Deletion
from orchard.store.keys import Key
from orchard.store.session import Session
from orchard.store.statements import ConditionFailed, Query
from orchard.store.table import Table
from orchard.usecases import deletion as deleting
from orchard.usecases import erasing
from orchard.usecases.billing.orders import winding_up
from orchard.usecases.resets import Each

#: Items that are removed between two looks at the clock.
_TOGETHER = 100

type HasTime = Callable[[], bool]
type Time = Callable[[], int]


def run(table: Table, time: Time, each: Each, has_time: HasTime) -> dict[str, int]:
    """Go on with every deletion that is due: how many passes were completed, how many failed."""
    passes, failed = each(
        due.deletions(table, time()), lambda key: purge(table, key, time(), has_time)
    )
    return {"Purged": sum(passes), "PurgeFailed": failed}


def purge(table: Table, key: Key, now: int, has_time: HasTime) -> bool:
    """Go on with one deletion; return whether its pass is complete.

    May stop anywhere: nothing is noted before all is removed, and removing again does no harm.
    Errors: Stripe's, when the deletion goes on waiting for it.
    """
    deletion = due.get_deletion(table, key)
    if deletion is None or deletion.due_at > now:
        return False
    if deletion.awaits_stripe:
        deleting.go_on(Session.of_job(table, key, now, "purge_customers"), deletion)
        return purge(table, key, now, has_time)
    session = Session.of_job(table, key, now, "purge_customers")
    is_paid_back = winding_up.is_wound_up(session, deletion.internal_id)
    if not (is_paid_back and erasing.erased(table, deletion, now, has_time)):
        return False
    if not all(_remove(table, partition, has_time) for partition in _partitions(deletion)):
        return False
    for one in parked.of_customer(table, deletion.tenant, deletion.internal_id):
        parked.remove(table, one)
    removals.sweep(table, deletion.tenant, deletion.hot_id, deletion.internal_id)
    try:
        _complete(table, deletion, now)
    except ConditionFailed:
        return False  # Another run completed the pass.
    return True


def _partitions(deletion: Deletion) -> tuple[str, ...]:
    """Where everything of a customer lies that is kept by the id that is never used again."""
    return tuple(
        partition(deletion.tenant, deletion.internal_id)
        for partition in (keys.ledger, keys.usage, keys.history, keys.orders, keys.offers)
    )


def _remove(table: Table, partition: str, has_time: HasTime) -> bool:
    """Remove a partition as far as time permits; return whether it is empty now."""
    found = table.query(Query("pk = :pk", {":pk": partition}))
    for some in batched(found, _TOGETHER, strict=False):
        if not has_time():
            return False
        table.delete_many([Key(item["pk"], item["sk"]) for item in some])
    return True


def _complete(table: Table, deletion: Deletion, now: int) -> None:
    done = due.finished(deletion) if deletion.is_last_pass else due.await_last_pass(deletion, now)
    table.update(done)
