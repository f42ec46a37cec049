"""Taking back invoices that are paid: what a card paid, and what the customer's credit did.

Whatever is done takes a key and is done once. Errors as in `gateways.stripe`.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from orchard.domain import money
from orchard.errors import StripeMissing
from orchard.gateways import stripe_refunds
from orchard.gateways.stripe_connection import connected

#: Noted at an invoice that counts no more.
TAKEN_BACK = "orchard_taken_back"


def reverse(environment: str, invoice_id: str, key: str) -> None:
    """Undo a paid invoice: refund what payments paid of it, and put credit back as it was.

    One that credited the customer takes the credit back. Again is fine.
    """
    with connected(environment) as client:
        params: Any = {"metadata": {TAKEN_BACK: "true"}}
        found = client.v1.invoices.update(invoice_id, params).to_dict()
    for number, payment in enumerate(stripe_refunds.payments(environment, invoice_id)):
        if payment.left > 0:
            _refund(environment, payment, f"{key}:{number}" if number else key)
    if _moved(found):
        _put_back(environment, found, f"{key}:balance")


def _refund(environment: str, payment: stripe_refunds.Payment, key: str) -> None:
    params: Any = {
        "payment_intent": payment.intent,
        "amount": money.minor(payment.left, payment.currency),
    }
    with connected(environment) as client:
        client.v1.refunds.create(params, {"idempotency_key": key})


def _moved(found: Mapping[str, Any]) -> int:
    """How much an invoice changed the customer's balance, in minor units; credit is negative."""
    return (found.get("ending_balance") or 0) - (found.get("starting_balance") or 0)


def _put_back(environment: str, found: Mapping[str, Any], key: str) -> None:
    params: Any = {
        "amount": -_moved(found),
        "currency": found["currency"],
        "description": f"Invoice {found['number'] or found['id']} was taken back",
    }
    # A customer that was deleted has no credit.
    with suppress(StripeMissing), connected(environment) as client:
        client.v1.customers.balance_transactions.create(
            found["customer"], params, {"idempotency_key": key}
        )
