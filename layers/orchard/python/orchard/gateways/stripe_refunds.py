"""What was paid back at Stripe, by invoice. Errors as in `gateways.stripe`."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

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


class Payment(NamedTuple):
    """What a payment paid of an invoice and what of it was paid back, or is on its way."""

    intent: str
    currency: str
    paid: Decimal
    refunded: Decimal

    @property
    def left(self) -> Decimal:
        """What can be paid back, in major units."""
        return max(ZERO, self.paid - self.refunded)


def amount(environment: str, invoice_id: str) -> Decimal:
    """Return how much of an invoice's payments was paid back, or is on its way, in major units."""
    return total(one.refunded for one in payments(environment, invoice_id))


def payments(environment: str, invoice_id: str) -> list[Payment]:
    """Return the payments of an invoice that go through Stripe, those that failed among them.

    What the customer had as credit is no payment, nor is what was paid elsewhere.
    """
    with connected(environment) as client:
        listed = client.v1.invoice_payments.list({"invoice": invoice_id, "limit": _PAGE})
        made = {str(one["payment"].get("payment_intent")): one for one in _documents(listed.data)}
        return [
            Payment(
                intent=intent,
                currency=one["currency"],
                paid=money.major(one.get("amount_paid") or 0, one["currency"]),
                refunded=total(_refunded(client, intent)),
            )
            for intent, one in made.items()
            if one["payment"].get("payment_intent")
        ]


def _documents(found: Iterable[Any]) -> Iterator[dict[str, Any]]:
    return (one.to_dict() for one in found)


def _refunded(client: "StripeClient", payment_intent: str) -> Iterator[Decimal]:
    listed = client.v1.refunds.list({"payment_intent": payment_intent, "limit": _PAGE})
    for refund in listed.auto_paging_iter():
        given = refund.to_dict()
        yield ZERO if given["status"] in _VAIN else money.major(given["amount"], given["currency"])
