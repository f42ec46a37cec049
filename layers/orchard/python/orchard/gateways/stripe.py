"""Stripe, as far as this application needs it: plain values in, plain values out.

Stripe's errors arrive as `StripeFailed` when Stripe refuses, `StripeRateLimited`, and
`Unavailable` when it can't be reached or fails. A call ends within 14 seconds, retries included.

The `stripe` package is loaded at the first call: most requests never meet Stripe.
"""

import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, cast
from uuid import uuid4

from orchard.domain.customer import Customer
from orchard.domain.invoice import Invoice
from orchard.errors import StripeMissing
from orchard.gateways import stripe_invoices
from orchard.gateways.stripe_connection import connected

if TYPE_CHECKING:
    from stripe import RequestOptions
    from stripe.params import CustomerCreateParams, CustomerUpdateParams

#: How the idempotency keys of all our calls begin.
OWN = "orchard:"
#: More lines are not read: an item of the table has its limit.
_MOST_LINES = 100


class StripeCustomer(NamedTuple):
    """A customer at Stripe."""

    id: str
    name: str | None
    email: str | None
    metadata: dict[str, str]


def customer(environment: str, stripe_id: str) -> StripeCustomer | None:
    """Return a customer, None when Stripe has none with this id or has deleted it."""
    try:
        with connected(environment) as client:
            found = client.v1.customers.retrieve(stripe_id).to_dict()
    except StripeMissing:
        return None
    return None if found.get("deleted") else _customer(found)


def create_customer(environment: str, customer: Customer, idempotency_key: str) -> StripeCustomer:
    """Create a customer; the same key and data give the same one again, not a second."""
    metadata = {"autumn_id": customer.id or "", "autumn_internal_id": customer.internal_id}
    params: CustomerCreateParams = {
        "metadata": {name: text for name, text in metadata.items() if text}
    }
    if customer.name:
        params["name"] = customer.name
    if customer.email:
        params["email"] = customer.email
    # Stripe refuses a key that comes again with other data.
    digest = hashlib.sha256(repr(sorted(params.items())).encode()).hexdigest()
    options: RequestOptions = {"idempotency_key": f"{idempotency_key}:{digest[:16]}"}
    with connected(environment) as client:
        return _customer(client.v1.customers.create(params, options).to_dict())


def update_customer(
    environment: str, stripe_id: str, *, name: str | None = None, email: str | None = None
) -> StripeCustomer:
    """Change the name or e-mail address; None leaves it as it is, an empty text clears it."""
    params: CustomerUpdateParams = {}
    if name is not None:
        params["name"] = name
    if email is not None:
        params["email"] = email
    # By its key the report that follows is known as our own doing.
    options: RequestOptions = {"idempotency_key": f"{OWN}update:{uuid4()}"}
    with connected(environment) as client:
        return _customer(client.v1.customers.update(stripe_id, params, options).to_dict())


def delete_customer(environment: str, stripe_id: str) -> None:
    """Delete a customer, which ends its subscriptions; one that is gone already is fine."""
    with suppress(StripeMissing), connected(environment) as client:
        client.v1.customers.delete(stripe_id)


def invoice(environment: str, stripe_id: str) -> Invoice | None:
    """Return an invoice with its lines as it is now, None when Stripe has no such invoice."""
    try:
        with connected(environment) as client:
            found = client.v1.invoices.retrieve(stripe_id, {"expand": stripe_invoices.EXPANDED})
            # Prices lie too deep to be expanded together with the invoice.
            lines = client.v1.invoices.line_items.list(
                stripe_id, {"expand": stripe_invoices.EXPANDED_LINES, "limit": _MOST_LINES}
            )
    except StripeMissing:
        return None
    return stripe_invoices.read(found.to_dict(), [line.to_dict() for line in lines.data])


def invoice_pages(environment: str, stripe_id: str) -> tuple[str | None, str | None] | None:
    """Return where an invoice's page and PDF are now; None when Stripe has no such invoice."""
    try:
        with connected(environment) as client:
            found = client.v1.invoices.retrieve(stripe_id).to_dict()
    except StripeMissing:
        return None
    return found.get("hosted_invoice_url"), found.get("invoice_pdf")


def _customer(found: dict[str, object]) -> StripeCustomer:
    return StripeCustomer(
        id=cast("str", found["id"]),
        name=cast("str | None", found.get("name")),
        email=cast("str | None", found.get("email")),
        metadata=cast("dict[str, str]", found.get("metadata") or {}),
    )
