"""Invoices in the table: those of a customer side by side, those of a tenant in an index.

Both are ordered by creation time, then Stripe id. They hang on the internal id of the customer,
so neither a new id nor a successor under the same id touches them.
"""

from collections.abc import Iterator
from itertools import batched
from typing import Any, NamedTuple, cast

from orchard.domain.invoice import GONE, Discount, Invoice, Line
from orchard.store import keys
from orchard.store.keys import Key
from orchard.store.session import Session
from orchard.store.statements import Item, Put, Query

_BATCH = 100
#: Seconds that a deleted draft is remembered: longer than Stripe repeats a report.
_REMEMBERED = 30 * 86_400
#: The attribute that holds when an invoice has to be paid.
_DUE = "payment_due_at"
_TIMES = {"created_at", "period_start", "period_end", "due_at", "version"}


class Wanted(NamedTuple):
    """Which invoices: after a place (time, Stripe id), of some states and processors.

    Nothing given means all of them. `page` is how many are likely to be read.
    """

    after: tuple[int, str] | None = None
    statuses: tuple[str, ...] = ()
    processor_types: tuple[str, ...] = ()
    page: int = 50

    def admits(self, invoice: Invoice) -> bool:
        """Whether an invoice is one of them, its place aside."""
        return (not self.statuses or invoice.status in self.statuses) and (
            not self.processor_types or invoice.processor_type in self.processor_types
        )


def get(session: Session, internal_id: str, created_at: int, stripe_id: str) -> Invoice | None:
    """Return the stored invoice of a customer."""
    item = session.table.get(keys.invoice(session.tenant, internal_id, created_at, stripe_id))
    return None if item is None else _from_item(item)


def newest(session: Session, internal_id: str, count: int = 10) -> list[Invoice]:
    """Return the newest invoices of a customer, newest first, in one Query."""
    found = of_customer(session, internal_id, Wanted(page=count))
    return [invoice for _position, invoice in zip(range(count), found, strict=False)]


def of_customer(session: Session, internal_id: str, wanted: Wanted) -> Iterator[Invoice]:
    """Yield the invoices of a customer, newest first, as they are asked for."""
    partition = keys.invoices(session.tenant, internal_id)
    for item in session.table.query(_query(("pk", "sk"), partition, wanted)):
        if item["status"] != GONE:
            yield _from_item(item)


def of_tenant(session: Session, wanted: Wanted) -> Iterator[tuple[Invoice, str | None]]:
    """Yield the invoices of all customers, newest first, each with its customer's own id.

    The index may lag behind the table by a moment; what it finds is read again. Invoices of a
    deleted customer that are still to be removed are left out.
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


def put(session: Session, invoice: Invoice, read: Invoice | None) -> Put:
    """Store an invoice as it was just fetched, unless another write came since `read` was read."""
    item = _to_item(session, invoice._replace(version=1 if read is None else read.version + 1))
    if read is None:
        return Put(item, "attribute_not_exists(pk)")
    return Put(item, "#version = :read", {":read": read.version}, {"#version": "version"})


def _query(
    names: tuple[str, str], partition: str, wanted: Wanted, index: str | None = None
) -> Query:
    condition, values = f"{names[0]} = :pk", cast("dict[str, Any]", {":pk": partition})
    if wanted.after is not None:
        condition += f" AND {names[1]} < :after"
        values[":after"] = keys.listing_position(*wanted.after)
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
    return {
        item["internal_id"]: None if item["hot_id"] == item["internal_id"] else item["hot_id"]
        for item in pointers
    }


def _to_item(session: Session, invoice: Invoice) -> Item:
    owner = cast("str", invoice.owner)
    key = keys.invoice(session.tenant, owner, invoice.created_at, invoice.stripe_id)
    listing = {
        "listing_pk": keys.invoices_listing(session.tenant),
        "listing_sk": keys.listing_position(invoice.created_at, invoice.stripe_id),
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
        **(listing if invoice.status != GONE else {"ttl": session.now // 1000 + _REMEMBERED}),
    }


def _from_item(item: Item) -> Invoice:
    fields = {name: item[_DUE if name == "due_at" else name] for name in Invoice._fields}
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
