"""Request and response of `invoices.list`, and the invoices inside a customer."""

from typing import Any, Literal, Self

from pydantic import model_validator

from orchard.contracts.cursor import Page, PageRequest
from orchard.contracts.fields import CustomerId, Id, fault
from orchard.contracts.numbers import number
from orchard.domain.invoice import Invoice

type Listed = tuple[Invoice, str | None]


class ListInvoicesRequest(PageRequest):
    """Invoices of one customer, or of all, newest first. An empty list filters nothing."""

    customer_id: CustomerId | None = None
    entity_id: Id | None = None
    status: list[Literal["draft", "open", "paid", "void", "uncollectible"]] = []
    processor_types: list[Literal["stripe", "revenuecat"]] = []

    @model_validator(mode="after")
    def _entity_of_a_customer(self) -> Self:
        if self.entity_id is not None and self.customer_id is None:
            raise fault("entity_id needs customer_id: entities are told apart within a customer")
        return self


def list_response(page: Page[Listed]) -> dict[str, Any]:
    """Return a page of invoices, each paired with the id of its customer."""
    shown = [row(invoice, customer_id) for invoice, customer_id in page.items]
    return {"list": shown, "next_cursor": page.next_cursor}


def row(invoice: Invoice, customer_id: str | None) -> dict[str, Any]:
    """Return an invoice as `invoices.list` shows it; the customer may have no id."""
    return {
        "id": invoice.id,
        "customer_id": customer_id,
        "entity_id": invoice.entity_id,
        **entry(invoice),
        "amount_paid": number(invoice.amount_paid),
        "refunded_amount": number(invoice.refunded_amount),
    }


def entry(invoice: Invoice) -> dict[str, Any]:
    """Return an invoice as it is shown inside its customer."""
    return {
        "plan_ids": list(invoice.plan_ids),
        "stripe_id": invoice.stripe_id,
        "processor_type": invoice.processor_type,
        "status": invoice.status,
        "total": number(invoice.total),
        "currency": invoice.currency,
        "created_at": invoice.created_at,
        "hosted_invoice_url": invoice.hosted_invoice_url,
    }
