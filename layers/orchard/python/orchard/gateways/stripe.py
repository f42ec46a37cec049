"""Stripe, as far as this application needs it: the only modules that know the `stripe` package.

Plain values go in and come out; amounts become major units on the way. Stripe's errors are
translated here and nowhere else: `StripeFailed` when Stripe refuses, `StripeRateLimited`,
`Unavailable` when it can't be reached or fails. A call ends within 14 seconds, retries included.

The package is loaded at the first call: most requests never meet Stripe.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, cast

from orchard.domain.customer import Customer
from orchard.domain.invoice import Invoice
from orchard.errors import StripeFailed, StripeRateLimited, Unavailable
from orchard.gateways import secrets, stripe_invoices

if TYPE_CHECKING:
    from stripe import StripeClient
    from stripe.params import CustomerCreateParams, CustomerUpdateParams

#: Seconds to wait for a connection and for an answer, and how often to try again after a failure.
_TIMEOUT, _RETRIES = (1.0, 3.0), 2
#: More lines are not read: an item of the table has its limit.
_MOST_LINES = 100
_GONE = "resource_missing"
_clients: dict[tuple[str, str], "StripeClient"] = {}


class StripeCustomer(NamedTuple):
    """A customer at Stripe."""

    id: str
    name: str | None
    email: str | None
    metadata: dict[str, str]


def is_configured(environment: str) -> bool:
    """Whether a Stripe key is stored for `sandbox` or `live`."""
    return secrets.secret_key(environment) is not None


def customer(environment: str, stripe_id: str) -> StripeCustomer | None:
    """Return a customer, None when Stripe has none with this id or has deleted it."""
    with _stripe(environment) as client, _absent_is_none():
        found = client.v1.customers.retrieve(stripe_id).to_dict()
        return None if found.get("deleted") else _customer(found)
    return None


def create_customer(environment: str, customer: Customer, idempotency_key: str) -> StripeCustomer:
    """Create a customer; the same key makes the same one again, without a second."""
    metadata = {"autumn_id": customer.id or "", "autumn_internal_id": customer.internal_id}
    params: CustomerCreateParams = {
        "metadata": {name: text for name, text in metadata.items() if text}
    }
    if customer.name:
        params["name"] = customer.name
    if customer.email:
        params["email"] = customer.email
    with _stripe(environment) as client:
        created = client.v1.customers.create(params, {"idempotency_key": idempotency_key})
        return _customer(created.to_dict())


def update_customer(
    environment: str, stripe_id: str, *, name: str | None = None, email: str | None = None
) -> StripeCustomer:
    """Change the name or e-mail address; None leaves it as it is."""
    params: CustomerUpdateParams = {}
    if name is not None:
        params["name"] = name
    if email is not None:
        params["email"] = email
    with _stripe(environment) as client:
        return _customer(client.v1.customers.update(stripe_id, params).to_dict())


def delete_customer(environment: str, stripe_id: str) -> None:
    """Delete a customer, which ends its subscriptions; one that is gone already is fine."""
    with _stripe(environment) as client, _absent_is_none():
        client.v1.customers.delete(stripe_id)


def invoice(environment: str, stripe_id: str) -> Invoice | None:
    """Return an invoice with its lines as it is now, None when Stripe has no such invoice."""
    with _stripe(environment) as client, _absent_is_none():
        found = client.v1.invoices.retrieve(stripe_id, {"expand": stripe_invoices.EXPANDED})
        # Prices lie too deep to be expanded together with the invoice.
        listed = client.v1.invoices.line_items.list(
            stripe_id, {"expand": stripe_invoices.EXPANDED_LINES, "limit": _MOST_LINES}
        )
        return stripe_invoices.read(found.to_dict(), [line.to_dict() for line in listed.data])
    return None


def forget() -> None:
    """Drop clients and secrets; the next call reads and connects anew."""
    _clients.clear()
    secrets.forget()


@contextmanager
def _stripe(environment: str) -> Iterator["StripeClient"]:
    """Give the client of an environment, and put what goes wrong into our terms."""
    client = _client(environment)
    import stripe  # noqa: PLC0415 - loaded by the client already; see the top

    try:
        yield client
    except stripe.RateLimitError as limited:
        raise StripeRateLimited("Stripe receives too many requests; try again") from limited
    except (stripe.APIConnectionError, stripe.APIError) as failed:
        raise Unavailable("Stripe did not answer; try again") from failed
    except (stripe.AuthenticationError, stripe.PermissionError) as refused:
        # Stripe's own sentence shows a part of the key.
        raise StripeFailed(f"Stripe does not accept the {environment} key") from refused
    except stripe.StripeError as refused:
        raise StripeFailed(refused.user_message or "Stripe gave no reason") from refused


@contextmanager
def _absent_is_none() -> Iterator[None]:
    """Let the block end quietly when Stripe does not have what it asks for."""
    import stripe  # noqa: PLC0415 - as above

    try:
        yield
    except stripe.InvalidRequestError as refused:
        if refused.code != _GONE:
            raise


def _client(environment: str) -> "StripeClient":
    key, address = secrets.secret_key(environment), os.environ["STRIPE_API_BASE"]
    if key is None:
        place = f"{secrets.path()}/{environment}/secret_key"
        raise StripeFailed(f"Stripe is not set up: Parameter Store has no {place}")
    if (key, address) not in _clients:
        _clients[key, address] = _connect(key, address)
    return _clients[key, address]


def _connect(key: str, address: str) -> "StripeClient":
    import stripe  # noqa: PLC0415 - as above

    # It would write an id of this machine to the home folder and send it along.
    stripe.enable_telemetry = False
    return stripe.StripeClient(
        key,
        stripe_version=stripe.api_version,
        base_addresses={"api": address},
        max_network_retries=_RETRIES,
        http_client=stripe.RequestsClient(timeout=_TIMEOUT),
    )


def _customer(found: dict[str, object]) -> StripeCustomer:
    return StripeCustomer(
        id=cast("str", found["id"]),
        name=cast("str | None", found.get("name")),
        email=cast("str | None", found.get("email")),
        metadata=cast("dict[str, str]", found.get("metadata") or {}),
    )
