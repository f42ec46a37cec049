"""Where invoices are kept, by what is known of them: their id at Stripe, or their own id.

An invoice lies with its customer at its time of creation. Its place is written down with it, in
the same transaction, so a tenant has each invoice of Stripe once, whoever's it is.
"""

from collections.abc import Iterable
from typing import NamedTuple

from orchard.domain.invoice import Invoice
from orchard.store import keys
from orchard.store.keys import Key
from orchard.store.session import Session
from orchard.store.statements import Delete, Item, Put
from orchard.store.table import Table


class Place(NamedTuple):
    """Where an invoice is kept; `owner` is the internal id of its customer."""

    tenant: str
    owner: str
    created_at: int
    stripe_id: str

    @property
    def key(self) -> Key:
        """The key of the invoice."""
        return keys.invoice(self.tenant, self.owner, self.created_at, self.stripe_id)


def place_of(session: Session, invoice: Invoice) -> Place:
    """Return where an invoice belongs."""
    return Place(session.tenant, str(invoice.owner), invoice.created_at, invoice.stripe_id)


def find(session: Session, stripe_ids: Iterable[str]) -> list[Place]:
    """Return where those of some invoices of Stripe are kept that are known."""
    wanted = {keys.invoice_pointer(session.tenant, one): None for one in stripe_ids}
    return [_load(item) for item in session.table.batch_get(list(wanted)).values()]


def address(table: Table, invoice_id: str) -> Place | None:
    """Return where the invoice with this id is kept, whichever tenant's it is."""
    item = table.get(keys.invoice_address(invoice_id))
    return None if item is None else _load(item)


def written(session: Session, invoice: Invoice, ttl: Item) -> list[Put]:
    """Write down where an invoice is; fails if another one has its Stripe id meanwhile."""
    place = place_of(session, invoice)
    noted: Item = {**place._asdict(), "internal_id": place.owner, "id": invoice.id, **ttl}
    return [
        Put(
            {**noted, "pk": key.pk, "sk": key.sk},
            "attribute_not_exists(pk) OR id = :id",
            {":id": invoice.id},
        )
        for key in _keys(session.tenant, invoice.stripe_id, invoice.id)
    ]


def dropped(tenant: str, item: Item) -> list[Delete]:
    """Forget where the stored invoice was, unless it is another customer's by now."""
    mine = {":internal_id": item["owner"]}
    return [
        Delete(key, "attribute_not_exists(pk) OR internal_id = :internal_id", mine)
        for key in _keys(tenant, item["stripe_id"], item["id"])
    ]


def _keys(tenant: str, stripe_id: str, invoice_id: str) -> tuple[Key, Key]:
    return keys.invoice_pointer(tenant, stripe_id), keys.invoice_address(invoice_id)


def _load(item: Item) -> Place:
    return Place(item["tenant"], item["owner"], int(item["created_at"]), item["stripe_id"])
