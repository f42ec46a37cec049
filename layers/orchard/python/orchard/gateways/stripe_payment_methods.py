"""The cards and other means that customers pay with at Stripe. Errors as in `gateways.stripe`."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from orchard.errors import StripeMissing

if TYPE_CHECKING:
    from stripe import StripeClient


def default(environment: str, stripe_id: str) -> dict[str, Any] | None:
    """Return what a customer pays with unless told otherwise, in Stripe's own form.

    The default for invoices, else the one that was added last; None if there is none.
    """
    try:
        with _connected(environment) as client:
            found = client.v1.customers.retrieve(stripe_id).to_dict()
            if found.get("deleted"):
                return None
            chosen = (found.get("invoice_settings") or {}).get("default_payment_method")
            if chosen:
                return client.v1.payment_methods.retrieve(chosen).to_dict()
            newest = client.v1.payment_methods.list({"customer": stripe_id, "limit": 1}).data
            return newest[0].to_dict() if newest else None
    except StripeMissing:
        return None


def _connected(environment: str) -> AbstractContextManager["StripeClient"]:
    from orchard.gateways import stripe_client  # noqa: PLC0415 - loaded at the first call

    return stripe_client.connected(environment)
