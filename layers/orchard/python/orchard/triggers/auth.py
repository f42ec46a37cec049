"""Who is asking: from the bearer key of a request to a tenant."""

import re
from typing import NamedTuple

from orchard.domain import secrets
from orchard.errors import Invalid, Unauthorized
from orchard.store import api_keys
from orchard.store.api_keys import ApiKey
from orchard.store.table import Table

#: A revoked key stops working after this long at the latest.
CACHE_MS = 60_000
#: What publishable keys open: these routes, not the operations by their own paths.
PUBLIC_ROUTES = frozenset(
    {"POST /v1/check", "POST /v1/entitled", "GET /v1/customers/{customer_id}"}
)
_SHOWN = 15
_SEMVER = re.compile(r"(?P<major>\d+)(\.(?P<minor>\d+)(\.0)?)?")

_VERSIONS = {"0.1", "0.2", "1.1", "1.2", "1.4", "2.0", "2.1", "2.2", "2.3", "2.4", "2.5"}
_NAMED_VERSIONS = {
    "beta",
    "2025-02-01",
    "2025-04-01",
    "2025-04-17",
    "2025-05-05",
    "2026-03-16",
    "2026-03-17",
    "2026-03-18",
    "2026-05-13",
}


class _Cached(NamedTuple):
    key: ApiKey
    until: int


_cache: dict[str, _Cached] = {}


def authenticate(table: Table, authorization: str | None, route: str, now: int) -> ApiKey:
    """Return the key that a request shows; `route` is a method and a path of the template.

    Errors: `Unauthorized` with the code that tells what is wrong with it.
    """
    token = _bearer(authorization)
    kind = secrets.kind_of(token)
    if kind is None:
        raise Unauthorized("Invalid authorization token prefix", "invalid_request")
    if kind == "publishable" and route not in PUBLIC_ROUTES:
        raise Unauthorized("Publishable keys are not accepted here", "endpoint_not_public")
    key = _known(table, token, now)
    if key is None:
        starred = token[:_SHOWN] + "*" * max(0, len(token) - _SHOWN)
        raise Unauthorized(f"Invalid {kind} key: {starred}", f"invalid_{kind}_key")
    return key


def forget() -> None:
    """Empty the cache of keys."""
    _cache.clear()


def check_version(version: str | None) -> None:
    """Accept every version of the API up to 2.5; all are answered in the shapes of 2.3.

    Errors: `Invalid` with code `invalid_api_version`.
    """
    if version is None or version.removesuffix(".clover") in _NAMED_VERSIONS:
        return
    parts = _SEMVER.fullmatch(version)
    if parts is None or f"{parts['major']}.{parts['minor'] or 0}" not in _VERSIONS:
        raise Invalid(f'"{version}" is not a valid API version', "invalid_api_version")


def is_since_2_4(version: str | None) -> bool:
    """Tell whether an accepted version is 2.4 or later."""
    number = _number(version)
    return number is not None and number >= (2, 4)


def is_before_2_3(version: str | None) -> bool:
    """Tell whether an accepted version is certainly older than 2.3."""
    number = _number(version)
    return number is not None and number < (2, 3)


def _number(version: str | None) -> tuple[int, int] | None:
    """Major and minor number of an accepted version; None of one with a name, or of none."""
    parts = _SEMVER.fullmatch(version or "")
    return None if parts is None else (int(parts["major"]), int(parts["minor"] or 0))


def _known(table: Table, token: str, now: int) -> ApiKey | None:
    digest = secrets.digest(token)
    cached = _cache.get(digest)
    if cached is not None and now < cached.until:
        return cached.key
    key = api_keys.get(table, digest) if secrets.is_well_formed(token) else None
    if key is not None:
        _cache[digest] = _Cached(key, now + CACHE_MS)
    return key


def _bearer(authorization: str | None) -> str:
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        message = "Secret key not found in Authorization header"
        raise Unauthorized(message, "no_secret_key")
    return token.strip()
