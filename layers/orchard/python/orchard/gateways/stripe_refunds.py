"""What was paid back at Stripe, by invoice. Errors as in `gateways.stripe`."""

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from orchard.domain import money
from orchard.domain.quantity import ZERO, total
from orchard.gateways.stripe_connection import connected

if TYPE_CHECKING:
    from stripe import StripeClient

#: A refund in one of these states gave nothing back.
_VAIN = {"failed", "canceled"}
_PAGE = 100


class Paid(NamedTuple):
    """An invoice that a payment was for: its id, whose it is (at Stripe), when it was made (ms)."""

    id: str
    customer: str
    created_at: int


def invoices_of(environment: str, payment_intent: str) -> list[Paid]:
    """Return the invoices that a payment was for: one as a rule, none for other payments."""
    with connected(environment) as client:
        payments = client.v1.invoice_payments.list(
            {"payment": {"type": "payment_intent", "payment_intent": payment_intent}}
        )
        ids = dict.fromkeys(str(one.to_dict()["invoice"]) for one in payments.data)
        found = [client.v1.invoices.retrieve(one).to_dict() for one in ids]
    return [Paid(one["id"], one["customer"], one["created"] * 1000) for one in found]


def amount(environment: str, invoice_id: str) -> Decimal:
    """Return how much of an invoice's payments was paid back, or is on its way, in major units."""
    with connected(environment) as client:
        payments = client.v1.invoice_payments.list({"invoice": invoice_id, "limit": _PAGE})
        made = [one.to_dict()["payment"] for one in payments.data]
        intents = dict.fromkeys(one["payment_intent"] for one in made if one.get("payment_intent"))
        return total(one for intent in intents for one in _refunded(client, str(intent)))


def _refunded(client: "StripeClient", payment_intent: str) -> Iterator[Decimal]:
    listed = client.v1.refunds.list({"payment_intent": payment_intent, "limit": _PAGE})
    for refund in listed.auto_paging_iter():
        given = refund.to_dict()
        yield ZERO if given["status"] in _VAIN else money.major(given["amount"], given["currency"])
