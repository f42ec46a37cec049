"""Invoices in the table: those of a customer side by side, those of a tenant in an index.

Both are ordered by creation time, then Stripe id. They hang on the internal id of the customer,
so neither a new id nor a successor under the same id touches them. A tenant has each of Stripe's
invoices once: where it is, is written with it (`invoice_places`).
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import batched
from typing import Any, NamedTuple, cast

from orchard.domain.invoice import GONE, NOBODY, Discount, Invoice, Line
from orchard.store import invoice_places, keys
from orchard.store.keys import Key
from orchard.store.session import Session
from orchard.store.statements import Delete, Item, Put, Query, Write

_BATCH = 100
#: Seconds that a deleted draft is remembered: longer than Stripe repeats a report.
_REMEMBERED = 30 * 86_400
#: The attribute that holds when an invoice has to be paid.
_DUE = "payment_due_at"
_TIMES = {"created_at", "period_start", "period_end", "due_at", "version", "fetched_at"}


class Wanted(NamedTuple):
    """Which invoices: after a place (time, Stripe id), of some states and processors.

    Nothing given means all of them. `page` is how many are likely to be read.
    """

    after: tuple[int, str] | None = None
    statuses: tuple[str, ...] = ()
    processor_types: tuple[str, ...] = ()
    page: int = 50
    #: Asked, with the key of what was read last, whether to read further of one customer.
    goes_on: Callable[[Item], bool] | None = None

    def admits(self, invoice: Invoice) -> bool:
        """Whether an invoice is one of them, its place aside."""
        return (not self.statuses or invoice.status in self.statuses) and (
            not self.processor_types or invoice.processor_type in self.processor_types
        )


def get(session: Session, internal_id: str, created_at: int, stripe_id: str) -> Invoice | None:
    """Return the stored invoice of a customer."""
    item = session.table.get(keys.invoice(session.tenant, internal_id, created_at, stripe_id))
    return None if item is None else _from_item(item)


def find(session: Session, stripe_ids: Iterable[str]) -> dict[str, Invoice]:
    """Return those of some invoices of Stripe that are stored, whoever's they are, by their id."""
    places = [one.key for one in invoice_places.find(session, stripe_ids)]
    found = map(_from_item, session.table.batch_get(places).values())
    return {invoice.stripe_id: invoice for invoice in found}


def newest(session: Session, internal_id: str, count: int = 10) -> list[Invoice]:
    """Return the newest invoices of a customer, newest first, in one Query."""
    found = of_customer(session, internal_id, Wanted(page=count))
    return [invoice for _position, invoice in zip(range(count), found, strict=False)]


def of_customer(session: Session, internal_id: str, wanted: Wanted) -> Iterator[Invoice]:
    """Yield the invoices of a customer, newest first, as they are asked for."""
    partition = keys.invoices(session.tenant, internal_id)
    query = _query(("pk", "sk"), partition, wanted)
    for item in session.table.query(query, goes_on=wanted.goes_on):
        if item["status"] != GONE:
            yield _from_item(item)


def of_tenant(session: Session, wanted: Wanted) -> Iterator[tuple[Invoice, str | None]]:
    """Yield the invoices of all customers, newest first, each with its customer's own id.

    The index may lag behind the table by a moment; what it finds is read again. Invoices of a
    deleted customer that are still to be removed are left out; what is kept of one is nobody's.
    """
    partition = keys.invoices_listing(session.tenant)
    query = _query(("listing_pk", "listing_sk"), partition, wanted, index="listing")
    for found in batched(session.table.query(query), min(_BATCH, wanted.page), strict=False):
        places = [Key(item["pk"], item["sk"]) for item in found]
        items = session.table.batch_get(places)
        listed = [_from_item(items[place]) for place in places if place in items]
        owners = _owners(session, listed)
        for invoice in listed:
            if wanted.admits(invoice) and invoice.owner in owners:
                yield invoice, owners[invoice.owner]


def stored(session: Session, invoice: Invoice, read: Invoice | None) -> list[Write]:
    """Store an invoice, unless another write came since `read` was read; four writes at most.

    It may belong to another customer than before, or have another time: then it moves.
    """
    version = 1 if read is None else read.version + 1
    item = _to_item(session, invoice._replace(version=version))
    noted = invoice_places.written(session, invoice, _life(session, invoice))
    if read is None:
        return [Put(item, "attribute_not_exists(pk)"), *noted]
    unchanged = "#version = :read", {":read": read.version}, {"#version": "version"}
    was = invoice_places.place_of(session, read).key
    if was == Key(item["pk"], item["sk"]):
        return [Put(item, *unchanged), *noted]
    return [Delete(was, *unchanged), Put(item, "attribute_not_exists(pk)"), *noted]


def _query(
    names: tuple[str, str], partition: str, wanted: Wanted, index: str | None = None
) -> Query:
    condition, values = f"{names[0]} = :pk", cast("dict[str, Any]", {":pk": partition})
    if wanted.after is not None:
        condition += f" AND {names[1]} < :after"
        values[":after"] = _position(*wanted.after)
    return Query(condition, values, index, _filter(wanted, values), forward=False, page=wanted.page)


def _filter(wanted: Wanted, values: dict[str, Any]) -> str | None:
    """The filter on what both the table and the index hold; puts its values among `values`."""
    choices = []
    for name, texts in (("tokens", wanted.statuses), ("processors", wanted.processor_types)):
        texts_by_name = {f":{name}{number}": text for number, text in enumerate(texts)}
        values.update(texts_by_name)
        if texts_by_name:
            choices.append(" OR ".join(f"contains({name}, {text})" for text in texts_by_name))
    return " AND ".join(f"({choice})" for choice in choices) or None


def _owners(session: Session, listed: list[Invoice]) -> dict[str | None, str | None]:
    """The caller's id, which may be None, of each customer that still exists."""
    wanted = {keys.pointer(session.tenant, one.owner) for one in listed if one.owner}
    pointers = session.table.batch_get(sorted(wanted)).values()
    owners: dict[str | None, str | None] = {
        item["internal_id"]: None if item["hot_id"] == item["internal_id"] else item["hot_id"]
        for item in pointers
    }
    return owners | {NOBODY: None}


def _to_item(session: Session, invoice: Invoice) -> Item:
    owner = cast("str", invoice.owner)
    key = keys.invoice(session.tenant, owner, invoice.created_at, invoice.stripe_id)
    listing = {
        "listing_pk": keys.invoices_listing(session.tenant),
        "listing_sk": key.sk,
        "tokens": [invoice.status],
        "processors": [invoice.processor_type],
    }
    fields = invoice._asdict()
    # The table's index of what is due has a key `due_at`, which takes numbers and nothing else.
    fields[_DUE] = fields.pop("due_at")
    return {
        **fields,
        "pk": key.pk,
        "sk": key.sk,
        "lines": [
            {**line._asdict(), "discounts": [one._asdict() for one in line.discounts]}
            for line in invoice.lines
        ],
        "discounts": [one._asdict() for one in invoice.discounts],
        **(listing if invoice.status != GONE else _life(session, invoice)),
    }


def _life(session: Session, invoice: Invoice) -> Item:
    """The attribute that lets what is stored of a deleted draft end."""
    return {"ttl": session.now // 1000 + _REMEMBERED} if invoice.status == GONE else {}


def _position(created_at: int, stripe_id: str) -> str:
    """The sort key of an invoice, in the table and in the index."""
    return keys.invoice("", "", created_at, stripe_id).sk


def _from_item(item: Item) -> Invoice:
    names = {name: _DUE if name == "due_at" else name for name in Invoice._fields}
    fields = {name: item[stored_as] for name, stored_as in names.items() if stored_as in item}
    return Invoice(
        **{
            **_whole(fields, _TIMES),
            "lines": tuple(_line(line) for line in item["lines"]),
            "discounts": tuple(Discount(**one) for one in item["discounts"]),
            "plan_ids": tuple(item["plan_ids"]),
        }
    )


def _line(stored: Item) -> Line:
    discounts = tuple(Discount(**one) for one in stored["discounts"])
    return Line(**{**_whole(stored, _TIMES), "discounts": discounts})


def _whole(fields: Item, names: set[str]) -> Item:
    """The fields with those of the names that are numbers as int."""
    return {
        name: int(value) if name in names and value is not None else value
        for name, value in fields.items()
    }
