"""Stripe's hosted pages: Checkout sessions, and the customer portal."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from orchard.errors import StripeFailed, StripeMissing
from orchard.gateways.stripe_connection import connected

OPEN, COMPLETE, EXPIRED = "open", "complete", "expired"
#: The mode of a page that a card is saved on, and nothing sold.
SETUP = "setup"
_EXPANDED = ["line_items"]


class Session(NamedTuple):
    """A Checkout session. `quantities` are those bought in the end, by the id of the price."""

    id: str
    status: str
    mode: str
    url: str | None
    customer: str | None
    expires_at: int
    metadata: Mapping[str, str]
    subscription_id: str | None = None
    invoice_id: str | None = None
    setup_intent_id: str | None = None
    payment_status: str | None = None
    name: str | None = None
    email: str | None = None
    quantities: Mapping[str, int] = {}

    @property
    def is_settled(self) -> bool:
        """Whether it is done and nothing is left to be paid: a bank's payment takes days."""
        return self.status == COMPLETE and self.payment_status != "unpaid"


def create(environment: str, params: Mapping[str, Any], key: str) -> Session:
    """Make a session with Stripe's own parameters."""
    asked: Any = dict(params)
    with connected(environment) as client:
        return _read(client.v1.checkout.sessions.create(asked, {"idempotency_key": key}).to_dict())


def get(environment: str, session_id: str) -> Session | None:
    """Return a session as it is now, None when Stripe has none with this id."""
    try:
        with connected(environment) as client:
            found = client.v1.checkout.sessions.retrieve(session_id, {"expand": _EXPANDED})
    except StripeMissing:
        return None
    return _read(found.to_dict())


def expire(environment: str, session_id: str) -> str:
    """Close a session that is open; return the state it is in then."""
    try:
        with connected(environment) as client:
            client.v1.checkout.sessions.expire(session_id)
    except StripeMissing:
        return EXPIRED
    except StripeFailed:
        # Paid or expired meanwhile.
        found = get(environment, session_id)
        return EXPIRED if found is None else found.status
    return EXPIRED


def _read(found: Mapping[str, Any]) -> Session:
    details = found.get("customer_details") or {}
    lines = (found.get("line_items") or {}).get("data") or ()
    return Session(
        id=found["id"],
        status=found["status"],
        mode=found["mode"],
        url=found.get("url"),
        customer=_id(found.get("customer")),
        expires_at=found["expires_at"] * 1000,
        metadata=found.get("metadata") or {},
        subscription_id=_id(found.get("subscription")),
        invoice_id=_id(found.get("invoice")),
        setup_intent_id=_id(found.get("setup_intent")),
        payment_status=found.get("payment_status"),
        name=details.get("name"),
        email=details.get("email"),
        quantities={one["price"]["id"]: one["quantity"] for one in lines if one.get("price")},
    )


def _id(value: Mapping[str, Any] | str | None) -> str | None:
    return str(value["id"]) if isinstance(value, Mapping) else value
