"""Invoices of deleted customers: removed, or kept without personal data.

Either may stop anywhere and be done again.
"""

from collections.abc import Callable, Iterator
from itertools import islice

from orchard.domain.invoice import GONE, anonymous
from orchard.store import invoice_places, invoices, keys
from orchard.store.due import Deletion
from orchard.store.keys import Key
from orchard.store.optimistic import optimistic
from orchard.store.session import Session
from orchard.store.statements import Item, Query
from orchard.store.table import Table

type HasTime = Callable[[], bool]


def made_anonymous(session: Session, internal_id: str, most: int) -> bool:
    """Keep some of the invoices as nobody's; return whether there are more."""
    some = list(islice(_stored(session.table, session.tenant, internal_id), most + 1))
    for item in some[:most]:
        _make_anonymous(session, item)
    return len(some) > most


def erased(table: Table, deletion: Deletion, now: int, has_time: HasTime) -> bool:
    """Remove all invoices, or keep them as nobody's; return whether that is complete."""
    session = Session.of_job(table, deletion.key, now, "purge_customers")
    for item in _stored(table, deletion.tenant, deletion.internal_id):
        if not has_time():
            return False
        if deletion.anonymize:
            _make_anonymous(session, item)
        else:
            _remove(table, deletion.tenant, item)
    return True


def _stored(table: Table, tenant: str, internal_id: str) -> Iterator[Item]:
    return table.query(Query("pk = :pk", {":pk": keys.invoices(tenant, internal_id)}))


def _make_anonymous(session: Session, item: Item) -> None:
    def attempt() -> None:
        read = invoices.find(session, [item["stripe_id"]]).get(item["stripe_id"])
        if read is None or read.owner != item["owner"]:
            return  # It was brought in for another customer meanwhile.
        session.commit(*invoices.stored(session, anonymous(read), read))

    if item["status"] == GONE:
        _remove(session.table, session.tenant, item)
    else:
        optimistic(attempt)


def _remove(table: Table, tenant: str, item: Item) -> None:
    """The invoice goes last: a run that stops before finds it again."""
    for pointer in invoice_places.dropped(tenant, item):
        table.delete(pointer)
    table.delete_many([Key(item["pk"], item["sk"])])
