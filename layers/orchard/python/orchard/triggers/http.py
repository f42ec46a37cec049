"""HTTP as API Gateway speaks it (payload format 2.0): requests in, JSON answers out."""

import base64
import json
import os
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

from orchard import errors
from orchard.contracts import numbers

type Event = dict[str, Any]
type Answer = dict[str, Any]

#: The status of each kind of error; a concrete error has the status of its nearest kind.
STATUS = {
    errors.Invalid: 400,
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Locked: 423,
    errors.RateLimited: 429,
    errors.Unavailable: 503,
    errors.OrchardError: 500,
}
_LARGEST_EXPONENT = 308
_BOOLEANS = {"true": True, "false": False}


def status_of(error: errors.OrchardError) -> int:
    """Return the HTTP status of an expected error."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def answer(status: int, content: object) -> Answer:
    """Return a JSON answer."""
    body = json.dumps(content, default=_number, ensure_ascii=False, separators=(",", ":"))
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": body}


def refusal(error: errors.OrchardError, environment: str | None) -> Answer:
    """Return the error envelope: message, code and, once it is known, the environment."""
    content = {"message": error.message, "code": error.code}
    if environment is not None:
        content["env"] = environment
    refused = answer(status_of(error), content)
    if isinstance(error, errors.Unavailable):
        refused["headers"]["retry-after"] = "1"
    return refused


def header(event: Event, name: str) -> str | None:
    """Return a request header; `name` in lower case."""
    value: str | None = event.get("headers", {}).get(name)
    return value


def source_address(event: Event) -> str:
    """Return the network address that a request came from, as API Gateway saw it; "" if unknown."""
    return str(event.get("requestContext", {}).get("http", {}).get("sourceIp", ""))


def base_url(event: Event) -> str:
    """Return the address of the API, without a slash at the end.

    PUBLIC_BASE_URL if that is set (a domain of one's own), else the domain that was called.
    """
    configured = os.environ.get("PUBLIC_BASE_URL", "").rstrip("/")
    domain = event.get("requestContext", {}).get("domainName")
    return configured or (f"https://{domain}" if domain else "")


def redirection(address: str) -> Answer:
    """Return an answer that leads on to another address."""
    return {
        "statusCode": 302,
        "headers": {"location": address, "cache-control": "no-store"},
        "body": "",
    }


def encoded_header(event: Event, name: str) -> str | None:
    """Return a header that holds any text in ASCII: percent-encoded UTF-8.

    Errors: `InvalidInputs` for bytes that are no UTF-8.
    """
    value = header(event, name)
    try:
        return None if value is None else unquote(value, errors="strict")
    except UnicodeDecodeError:
        raise errors.InvalidInputs(f"{name}: must be percent-encoded UTF-8") from None


def raw_body(event: Event) -> bytes:
    """Return the body as the bytes that were sent."""
    body: str = event.get("body") or ""
    return base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()


def arguments(event: Event, rest_names: Mapping[str, str]) -> dict[str, Any]:
    """Return what the request asks for: query, body and path in one, the later ones winning.

    `rest_names` maps names that only REST routes use; a POST to an operation's own path has none.
    """
    body = json_object(raw_body(event))
    path = {name: unquote(value) for name, value in (event.get("pathParameters") or {}).items()}
    if not _is_operation(event):
        body = {rest_names.get(name, name): value for name, value in body.items()}
    return {**_query(event), **body, **path}


def json_object(raw: bytes) -> dict[str, Any]:
    """Return the JSON object in a body; anything else counts as an empty one."""
    body = json_value(raw)
    return body if isinstance(body, dict) else {}


def json_value(raw: bytes) -> Any:
    """Return what a body says in JSON, its fractions exact; None when it is broken."""
    try:
        body = json.loads(raw, parse_float=_decimal, parse_constant=_refuse_constant)
        if b"\\u" in raw:
            _refuse_half_characters(body)
    except (ValueError, RecursionError):
        return None
    return body


def _is_operation(event: Event) -> bool:
    """Whether the path names an operation, as `/v1/customers.get` does."""
    return "." in event.get("routeKey", "").rpartition("/")[2]


def _query(event: Event) -> dict[str, Any]:
    pairs = event.get("queryStringParameters") or {}
    return {name: _query_value(value) for name, value in pairs.items()}


def _query_value(text: str) -> Any:
    if "," in text:
        return text.split(",")
    return _BOOLEANS.get(text, text)


def _refuse_half_characters(body: object) -> None:
    """Escapes may spell half of a surrogate pair: such a text is no Unicode and can't be stored."""
    json.dumps(body, default=str, ensure_ascii=False).encode()


def _decimal(text: str) -> Decimal:
    """The number, if it lies where doubles do: others are taken for mistakes, or for attacks."""
    number = Decimal(text)
    if abs(number.adjusted()) > _LARGEST_EXPONENT:
        raise ValueError(text)
    return number


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _number(value: object) -> int | float:
    if isinstance(value, Decimal):
        return numbers.number(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
