"""Connections to Stripe: one for each secret key, and its errors in our terms."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

import stripe

from orchard.errors import Locked, StripeFailed, StripeMissing, StripeRateLimited, Unavailable
from orchard.gateways import secrets

#: Seconds to wait for a connection and for an answer, and how often to try again after a failure.
_TIMEOUT, _RETRIES = (1.0, 3.0), 2
#: Another call has the same idempotency key and is not answered yet.
_CONFLICT = 409
_clients: dict[tuple[str, str], stripe.StripeClient] = {}


@contextmanager
def connected(environment: str) -> Iterator[stripe.StripeClient]:
    """Give the client of `sandbox` or `live`; what fails inside becomes one of our errors.

    Errors: `StripeMissing`, `StripeFailed`, `StripeRateLimited`, `Unavailable`; `Locked` while
    the same call, of a rival, is under way.
    """
    client = _client(environment)
    try:
        yield client
    except stripe.RateLimitError as limited:
        raise StripeRateLimited("Stripe receives too many requests; try again") from limited
    except (stripe.APIConnectionError, stripe.APIError) as failed:
        if failed.http_status == _CONFLICT:
            raise Locked("The same call to Stripe is under way; try again") from failed
        raise Unavailable("Stripe did not answer; try again") from failed
    except (stripe.AuthenticationError, stripe.PermissionError) as refused:
        # Stripe's own sentence shows a part of the key.
        raise StripeFailed(f"Stripe does not accept the {environment} key") from refused
    except stripe.StripeError as refused:
        kind = StripeMissing if refused.code == "resource_missing" else StripeFailed
        told = refused.user_message or "Stripe gave no reason"
        raise kind(told.replace(str(secrets.secret_key(environment)), "***")) from refused


def forget() -> None:
    """Drop connections and secrets; the next call reads and connects anew."""
    _clients.clear()
    secrets.forget()


def _client(environment: str) -> stripe.StripeClient:
    key, address = secrets.secret_key(environment), os.environ["STRIPE_API_BASE"]
    if key is None:
        place = f"{secrets.path()}/{environment}/secret_key"
        raise StripeFailed(f"Stripe is not set up: Parameter Store has no {place}")
    if (key, address) not in _clients:
        _clients[key, address] = _connect(key, address)
    return _clients[key, address]


def _connect(key: str, address: str) -> stripe.StripeClient:
    # It would write an id of this machine to the home folder and send it along.
    stripe.enable_telemetry = False
    # It tells of every call and names customers; ours is one line for a request.
    logging.getLogger("stripe").setLevel(logging.WARNING)
    return stripe.StripeClient(
        key,
        stripe_version=stripe.api_version,
        base_addresses={"api": address},
        max_network_retries=_RETRIES,
        http_client=stripe.RequestsClient(timeout=_TIMEOUT),
    )
