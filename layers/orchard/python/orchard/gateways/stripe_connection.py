"""The way to Stripe: its package is loaded at the first call, since most requests never meet it."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stripe import StripeClient


def connected(environment: str) -> AbstractContextManager["StripeClient"]:
    """Give the client of `sandbox` or `live`; what fails inside becomes one of our errors.

    Errors: `StripeMissing`, `StripeFailed`, `StripeRateLimited`, `Unavailable`.
    """
    from orchard.gateways import stripe_client  # noqa: PLC0415 - see the top

    return stripe_client.connected(environment)
