"""What Stripe reports by webhook, believed only with its signature."""

import json
from decimal import Decimal
from typing import Any, NamedTuple

from orchard.errors import Invalid, StripeFailed

#: A report older than this is refused: it may be a recording.
TOLERANCE_MS = 300_000


class Event(NamedTuple):
    """A report: `object` is the thing it is about, as it was when the report was written."""

    id: str
    type: str
    environment: str
    object: dict[str, Any]
    #: The idempotency key of the call that it follows from, if there was one.
    key: str | None = None
    #: Of an update, what was before of all that changed.
    previous: dict[str, Any] = {}


def verified(raw: bytes, signature: str | None, now: int) -> Event:
    """Return the event in a request body that one of our environments' secrets signs.

    `signature` is the header Stripe-Signature, `now` in UTC milliseconds. Errors: `Invalid` with
    code `invalid_signature`; `StripeFailed` while no secret is stored.
    """
    from orchard.gateways import secrets  # noqa: PLC0415 - loaded where a report arrives

    known = secrets.webhook_secrets()
    if not known:
        place = f"{secrets.path()}/sandbox/webhook_secret"
        raise StripeFailed(f"Stripe is not set up: Parameter Store has no {place}")
    for environment, secret in known.items():
        if _is_signed(raw, signature or "", secret):
            _refuse_old(signature or "", now)
            return _event(raw, environment)
    raise Invalid("The Stripe-Signature header does not fit the body", "invalid_signature")


def _is_signed(raw: bytes, signature: str, secret: str) -> bool:
    from stripe import (  # noqa: PLC0415 - same
        SignatureVerificationError,
        WebhookSignature,
    )

    try:
        # Its own check of the age asks the machine's clock; ours is given.
        return signature.isascii() and WebhookSignature.verify_header(raw, signature, secret)
    except (SignatureVerificationError, UnicodeDecodeError):
        return False


def _refuse_old(signature: str, now: int) -> None:
    # The first one is what was signed; a header may carry more.
    signed_at = next(part[2:] for part in signature.split(",") if part.startswith("t="))
    if now - int(signed_at) * 1000 > TOLERANCE_MS:
        raise Invalid("The Stripe-Signature header is too old", "invalid_signature")


def _event(raw: bytes, environment: str) -> Event:
    try:
        content = json.loads(raw, parse_float=Decimal)
        return Event(
            id=content["id"],
            type=content["type"],
            environment=environment,
            object=content["data"]["object"],
            key=(content.get("request") or {}).get("idempotency_key"),
            previous=content["data"].get("previous_attributes") or {},
        )
    except (ValueError, KeyError, TypeError):
        raise Invalid("The body is signed but is not an event of Stripe") from None
