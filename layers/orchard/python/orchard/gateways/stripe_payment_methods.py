"""The cards and other means that customers pay with at Stripe. Errors as in `gateways.stripe`."""

from collections.abc import Mapping
from typing import Any

from orchard.errors import StripeMissing
from orchard.gateways.stripe_connection import connected

#: So many subscriptions of a customer are looked at.
_MOST = 100


def default(environment: str, stripe_id: str) -> dict[str, Any] | None:
    """Return what a customer pays with unless told otherwise, in Stripe's own form.

    The default for invoices, else the one that was added last; None if there is none.
    """
    try:
        with connected(environment) as client:
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


def saved(environment: str, setup_intent_id: str) -> str | None:
    """Return the id of the payment method that a setup saved, None if it saved none."""
    with connected(environment) as client:
        found = client.v1.setup_intents.retrieve(setup_intent_id).to_dict()
    method = found.get("payment_method")
    if found["status"] != "succeeded" or method is None:
        return None
    return str(method["id"] if isinstance(method, Mapping) else method)


def prefer(environment: str, stripe_id: str, method: str) -> None:
    """Let a customer's invoices be charged to a payment method from now on."""
    with connected(environment) as client:
        client.v1.customers.update(
            stripe_id, {"invoice_settings": {"default_payment_method": method}}
        )


def subscriptions(environment: str, stripe_id: str) -> list[str]:
    """Return the ids of a customer's subscriptions that are not over."""
    with connected(environment) as client:
        found = client.v1.subscriptions.list({"customer": stripe_id, "limit": _MOST})
    return [one.id for one in found.data]


def unpaid(environment: str, subscription_id: str) -> list[str]:
    """Return the open invoices of a subscription that are charged, not sent; oldest first."""
    with connected(environment) as client:
        found = client.v1.invoices.list({"subscription": subscription_id, "status": "open"})
    charged = [one.id for one in found.data if one.collection_method == "charge_automatically"]
    return [one for one in reversed(charged) if one]
