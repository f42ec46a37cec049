"""Invoices as they were last fetched from Stripe: `invoices.list`."""

from collections.abc import Iterator
from typing import Any

from orchard.contracts import cursor
from orchard.contracts.cursor import Cursor
from orchard.contracts.invoices import Listed, ListInvoicesRequest, list_response
from orchard.store import customers, entities, invoices
from orchard.store.invoices import Wanted
from orchard.store.session import Session


def list_(session: Session, request: ListInvoicesRequest) -> dict[str, Any]:
    """Return a page of invoices, newest first. Errors: 404 for an unknown customer or entity."""
    if request.customer_id is not None and request.entity_id is not None:
        customer = customers.locate(session, request.customer_id)
        entities.require(session, customer, request.entity_id)
    wanted = Wanted(
        after=request.after,
        statuses=tuple(request.status),
        processor_types=tuple(request.processor_types),
        page=request.limit + 1,
    )
    every = _found(session, request.customer_id, wanted)
    found = (one for one in every if request.entity_id in (None, one[0].entity_id))
    return list_response(cursor.page(found, request.limit, _place), session.base_url)


def _found(session: Session, customer_id: str | None, wanted: Wanted) -> Iterator[Listed]:
    if customer_id is None:
        return invoices.of_tenant(session, wanted)
    customer = customers.locate(session, customer_id)
    found = invoices.of_customer(session, customer.internal_id, wanted)
    return ((invoice, customer.id) for invoice in found)


def _place(listed: Listed) -> Cursor:
    invoice, _customer_id = listed
    return Cursor(invoice.created_at, invoice.stripe_id)
