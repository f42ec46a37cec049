"""Stripe's customer portal, where customers see their invoices and keep their cards."""

from typing import TYPE_CHECKING, Any

from orchard.gateways.stripe_connection import connected, keyed

if TYPE_CHECKING:
    from stripe import StripeClient

#: What customers may do by themselves unless somebody sets the portal up otherwise.
_FEATURES: dict[str, Any] = {
    "invoice_history": {"enabled": True},
    "payment_method_update": {"enabled": True},
    "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
}
_KEY = "orchard_portal"


def opened(
    environment: str,
    stripe_id: str,
    configuration_id: str | None = None,
    return_url: str | None = None,
) -> str:
    """Return the address of a new session of a customer, good for a few minutes.

    Without a configuration the account's default one counts, else one is made, once.
    Errors: `StripeMissing` for a configuration, or a customer, that is not there.
    """
    with connected(environment) as client:
        params: dict[str, Any] = {"customer": stripe_id}
        configured = configuration_id or _configuration(client)
        params |= {} if configured is None else {"configuration": configured}
        params |= {} if return_url is None else {"return_url": return_url}
        asked: Any = params
        return client.v1.billing_portal.sessions.create(asked).url


def _configuration(client: "StripeClient") -> str | None:
    """The configuration to name; None: the account has a default one."""
    found = client.v1.billing_portal.configurations.list({"active": True, "limit": 100}).data
    if any(one.is_default for one in found):
        return None
    own = [one.id for one in found if _KEY in (one.to_dict().get("metadata") or {})]
    if own:
        return own[0]
    asked: Any = {"features": _FEATURES, "metadata": {_KEY: "true"}}
    made = client.v1.billing_portal.configurations.create(asked, keyed(_KEY, asked))
    return made.id
