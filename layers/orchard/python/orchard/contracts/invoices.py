"""Requests and responses of `invoices.*`, and the invoices inside a customer."""

from collections import Counter
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from orchard.contracts.cursor import Page, PageRequest
from orchard.contracts.fields import (
    Currency,
    CustomerId,
    Id,
    PlanId,
    Positive,
    Quantity,
    Timestamp,
    WebAddress,
    fault,
)
from orchard.contracts.numbers import number, optional
from orchard.contracts.request import Request
from orchard.domain.invoice import Invoice
from orchard.domain.quantity import ZERO

type Listed = tuple[Invoice, str | None]
type Status = Literal["draft", "open", "paid", "void", "uncollectible"]
type Processor = Literal["stripe", "revenuecat"]

#: How many invoices one request may bring, and how many plans one of them may be for.
MOST_INSERTED, MOST_PLANS = 500, 50


class ListInvoicesRequest(PageRequest):
    """Invoices of one customer, or of all, newest first. An empty list filters nothing."""

    customer_id: CustomerId | None = None
    entity_id: Id | None = None
    status: list[Status] = []
    processor_types: list[Processor] = []

    @model_validator(mode="after")
    def _entity_of_a_customer(self) -> Self:
        if self.entity_id is not None and self.customer_id is None:
            raise fault("entity_id needs customer_id: entities are told apart within a customer")
        return self


class InvoiceToInsert(Request):
    """An invoice that was made elsewhere. Money in major units, the time in UTC milliseconds."""

    customer_id: CustomerId
    entity_id: Id | None = None
    plan_ids: Annotated[list[PlanId], Field(max_length=MOST_PLANS)] = []
    stripe_id: Id
    processor_type: Processor = "stripe"
    status: Status
    total: Quantity
    amount_paid: Quantity | None = None
    refunded_amount: Positive = ZERO
    currency: Currency | None = None
    created_at: Timestamp
    hosted_invoice_url: Annotated[WebAddress, Field(max_length=5000)] | None = None


class InsertInvoicesRequest(Request):
    """Invoices to store, each once by its `stripe_id`; one that is stored is replaced."""

    invoices: Annotated[list[InvoiceToInsert], Field(max_length=MOST_INSERTED)]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        counts = Counter(one.stripe_id for one in self.invoices)
        twice = next((name for name, count in counts.items() if count > 1), None)
        if twice is not None:
            raise fault(f"invoices: stripe_id {twice} is given more than once")
        return self


def list_response(page: Page[Listed], base_url: str) -> dict[str, Any]:
    """Return a page of invoices, each paired with the id of its customer."""
    shown = [
        {**row(invoice, customer_id, base_url), "entity_id": invoice.entity_id}
        for invoice, customer_id in page.items
    ]
    return {"list": shown, "next_cursor": page.next_cursor}


def detailed_response(page: Page[Listed], base_url: str) -> dict[str, Any]:
    """Return a page of invoices with what people read of them, which `invoices.list` has not."""
    shown = list_response(page, base_url)
    told = ({"number": one.number, "due_at": one.due_at} for one, _customer_id in page.items)
    return {**shown, "list": [row | more for row, more in zip(shown["list"], told, strict=True)]}


def insert_response(stored: list[tuple[Invoice, str]], base_url: str) -> dict[str, Any]:
    """Return invoices as they were stored, each paired with the id of its customer."""
    return {"invoices": [row(invoice, named, base_url) for invoice, named in stored]}


def row(invoice: Invoice, customer_id: str | None, base_url: str) -> dict[str, Any]:
    """Return an invoice as lists show it; the customer may have no id."""
    return {
        "id": invoice.id,
        "customer_id": customer_id,
        **entry(invoice, base_url),
        "amount_paid": optional(invoice.amount_paid),
        "refunded_amount": number(invoice.refunded_amount),
    }


def entry(invoice: Invoice, base_url: str) -> dict[str, Any]:
    """Return an invoice as it is shown inside its customer; `base_url` is the API's own."""
    return {
        "plan_ids": list(invoice.plan_ids),
        "stripe_id": invoice.stripe_id,
        "processor_type": invoice.processor_type,
        "status": invoice.status,
        "total": number(invoice.total),
        "currency": invoice.currency,
        "created_at": invoice.created_at,
        "hosted_invoice_url": _address(invoice, base_url),
    }


def _address(invoice: Invoice, base_url: str) -> str | None:
    """Our own address, which leads on for good; of an imported invoice, what was given."""
    if invoice.fetched_at is None or invoice.hosted_invoice_url is None or not base_url:
        return invoice.hosted_invoice_url
    return f"{base_url}/invoices/hosted_invoice_url/{invoice.id}"
