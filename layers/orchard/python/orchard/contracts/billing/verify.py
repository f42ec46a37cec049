"""Requests of `billing.verify` and `.sync`, and their answers."""

from typing import Any, NamedTuple

from orchard.contracts.audit import AuditedRequest
from orchard.contracts.fields import CustomerId
from orchard.contracts.request import Request


class VerifyRequest(Request):
    """Compare what is known of a customer's billing with what Stripe has."""

    customer_id: CustomerId


class SyncRequest(AuditedRequest):
    """Bring what is known of a customer's billing into line with what Stripe has."""

    customer_id: CustomerId


class Difference(NamedTuple):
    """Something that is not the same here and at Stripe: of what, and how it is on each side."""

    kind: str
    stripe_id: str | None
    here: Any
    at_stripe: Any


def response(customer_id: str, differences: list[Difference]) -> dict[str, Any]:
    """Return what was found."""
    return {
        "customer_id": customer_id,
        "in_line": not differences,
        "differences": [one._asdict() for one in differences],
    }


def synced(customer_id: str, done: list[str], left: list[Difference]) -> dict[str, Any]:
    """Return what was done, and what differs all the same."""
    return {**response(customer_id, left), "done": done}
