"""Receipts that Stripe mails. Errors as in `gateways.stripe`."""

from typing import Any

from orchard.gateways.stripe_connection import connected


def send(environment: str, payment_intent: str, email: str) -> None:
    """Have a receipt of a payment mailed to an address; for the same payment and address once."""
    params: Any = {"receipt_email": email}
    with connected(environment) as client:
        client.v1.payment_intents.update(
            payment_intent, params, {"idempotency_key": f"orchard:receipt:{payment_intent}"}
        )
