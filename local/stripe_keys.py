"""Which Stripe account the local stack works with: the double, or a real one in test mode."""

from collections.abc import Mapping
from dataclasses import dataclass

from local.processes import Failed

API = "https://api.stripe.com"
_TEST_KEYS = ("sk_test_", "rk_test_")


@dataclass(frozen=True)
class StripeSecrets:
    """The API key of the Stripe account and the secret that signs its webhooks."""

    secret_key: str
    webhook_secret: str


def real_key(environment: Mapping[str, str]) -> str | None:
    """Return the key of a real account that STRIPE_SECRET_KEY names, None for the double.

    Raises:
        Failed: it is not a key of test mode; the message does not show it.

    """
    key = environment.get("STRIPE_SECRET_KEY", "").strip()
    if not key:
        return None
    if not key.startswith(_TEST_KEYS):
        kinds = " or ".join(_TEST_KEYS)
        message = f"STRIPE_SECRET_KEY is not a key of Stripe's test mode ({kinds}...)."
        raise Failed(f"{message} The local stack takes no other.")
    return key


def webhook_secret(environment: Mapping[str, str]) -> str | None:
    """Return the secret that STRIPE_WEBHOOK_SECRET names, None without one.

    Raises:
        Failed: it is no such secret; the message does not show it.

    """
    secret = environment.get("STRIPE_WEBHOOK_SECRET", "").strip()
    if secret and not secret.startswith("whsec_"):
        raise Failed("STRIPE_WEBHOOK_SECRET is no secret of a webhook (whsec_...).")
    return secret or None


def advice(base_url: str, environment: Mapping[str, str]) -> str:
    """Say what a stack with a real account works with, and what it lacks."""
    said = "Working with Stripe's test mode"
    if webhook_secret(environment):
        return said
    forward = f"stripe listen --forward-to {base_url}/webhooks/stripe"
    return f"{said}; its webhooks need STRIPE_WEBHOOK_SECRET (`{forward}` prints it)"
