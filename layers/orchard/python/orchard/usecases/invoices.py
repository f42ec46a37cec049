"""Invoices as they were last fetched from Stripe: `invoices.list`."""

from collections.abc import Iterator
from typing import Any

from orchard.contracts import cursor
from orchard.contracts.cursor import Cursor
from orchard.contracts.invoices import (
    Listed,
    ListInvoicesRequest,
    detailed_response,
    list_response,
)
from orchard.store import customers, entities, invoices, keys
from orchard.store.invoices import Wanted
from orchard.store.session import Session
from orchard.usecases.looking import Look

#: So many are passed over at once where only some are meant.
_LOOKED_THROUGH = 200


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


def look_through(session: Session, request: ListInvoicesRequest, look: Look) -> dict[str, Any]:
    """Return a page of a customer's invoices, each with its number and when it is due.

    Where a look does not find all that is asked for, `look.reached` says how far it got.
    """
    wanted = Wanted(
        after=request.after,
        statuses=tuple(request.status),
        page=_LOOKED_THROUGH if request.status else request.limit + 1,
        goes_on=look.goes_on,
    )
    every = invoices.of_customer(session, look.internal_id, wanted)
    listed: Iterator[Listed] = ((one, look.hot_id) for one in every)
    found = cursor.page(listed, request.limit, _place)
    stopped = look.stopped_at
    reached = None if stopped is None else Cursor(*keys.placed_invoice(stopped["sk"]))
    return detailed_response(look.page(found, reached), session.base_url)


def _found(session: Session, customer_id: str | None, wanted: Wanted) -> Iterator[Listed]:
    if customer_id is None:
        return invoices.of_tenant(session, wanted)
    customer = customers.locate(session, customer_id)
    found = invoices.of_customer(session, customer.internal_id, wanted)
    return ((invoice, customer.id) for invoice in found)


def _place(listed: Listed) -> Cursor:
    invoice, _customer_id = listed
    return Cursor(invoice.created_at, invoice.stripe_id)
