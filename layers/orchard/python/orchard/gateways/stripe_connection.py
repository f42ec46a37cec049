"""The way to Stripe: its package is loaded at the first call, since most requests never meet it."""

import hashlib
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stripe import RequestOptions, StripeClient


def connected(environment: str) -> AbstractContextManager["StripeClient"]:
    """Give the client of `sandbox` or `live`; what fails inside becomes one of our errors.

    Errors: `StripeMissing`, `StripeFailed`, `StripeRateLimited`, `Unavailable`.
    """
    from orchard.gateways import stripe_client  # noqa: PLC0415 - see the top

    return stripe_client.connected(environment)


def keyed(key: str, params: Mapping[str, Any]) -> "RequestOptions":
    """Return the options of a call that is made once with the same parameters.

    For calls whose parameters follow from what Stripe has by then: it refuses a key that comes
    again with others. Whoever calls looks first at what an earlier call did.
    """
    digest = hashlib.sha256(repr(sorted(params.items())).encode()).hexdigest()
    return {"idempotency_key": f"{key}:{digest[:16]}"}
