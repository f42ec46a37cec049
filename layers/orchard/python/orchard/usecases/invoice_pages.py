"""The pages of invoices, under addresses of ours that never run out.

Stripe's own addresses do after some weeks: one that is older than a week is fetched anew. If Stripe
does not answer, the stored one has to do: its page offers to send a new one.
"""

import re
from contextlib import suppress
from typing import NamedTuple

from orchard.domain import ids
from orchard.domain.invoice import GONE, NOBODY, Invoice
from orchard.errors import InvoiceNotFound, OrchardError
from orchard.gateways import stripe
from orchard.store import invoice_places, invoices, pointers
from orchard.store.session import Session
from orchard.store.table import Table

#: Stripe's addresses work for a month at least.
FRESH_MS = 7 * 86_400_000
_PREFIX = "inv_"
_WEB = re.compile(r"https?://[!-~]+")


class _Pages(NamedTuple):
    hosted: str | None
    pdf: str | None


def hosted(table: Table, invoice_id: str, now: int) -> str:
    """Return where the page of an invoice is, on which it is seen and paid.

    Errors: `InvoiceNotFound`, also for one that has no page.
    """
    return _on_the_web(_pages(table, invoice_id, now).hosted)


def pdf(table: Table, invoice_id: str, now: int) -> str:
    """Return where the invoice is as a PDF. Errors: as `hosted`."""
    return _on_the_web(_pages(table, invoice_id, now).pdf)


def _pages(table: Table, invoice_id: str, now: int) -> _Pages:
    known = invoice_id.startswith(_PREFIX) and ids.created_second(invoice_id) is not None
    place = invoice_places.address(table, invoice_id) if known else None
    if place is None:
        raise InvoiceNotFound
    session = Session.of_job(table, place.key, now, "pages")
    invoice = invoices.get(session, place.owner, place.created_at, place.stripe_id)
    if invoice is None or invoice.status == GONE or not _is_somebodys(session, invoice):
        raise InvoiceNotFound
    return _current(session, invoice)


def _is_somebodys(session: Session, invoice: Invoice) -> bool:
    """Whether the customer is still there: of a deleted one the invoices go a little later."""
    owner = invoice.owner
    return owner not in (None, NOBODY) and pointers.find(session, str(owner)) is not None


def _current(session: Session, invoice: Invoice) -> _Pages:
    kept = _Pages(invoice.hosted_invoice_url, invoice.pdf_url)
    fetched_at = invoice.fetched_at
    if fetched_at is None or session.now - fetched_at < FRESH_MS:
        return kept
    with suppress(OrchardError):
        fresh = stripe.invoice_pages(session.environment, invoice.stripe_id)
        return _Pages(*fresh) if fresh is not None else kept
    return kept


def _on_the_web(address: str | None) -> str:
    if address is None or not _WEB.fullmatch(address):
        raise InvoiceNotFound
    return address
