"""API keys: what they look like and the digest that stands for one."""

import hashlib
import re
from typing import Literal

from orchard.domain import ids

#: A publishable key may be shown to anybody, so it only reads, and only on a few routes.
type Kind = Literal["secret", "publishable"]

_KINDS = {"secret": "sk", "publishable": "pk"}
_ENVIRONMENTS = {"sandbox": "test", "live": "live"}
_LENGTH = 42
_SECRET = re.compile(r"am_sk_(test|live)_")
_PUBLISHABLE = re.compile(r"am_pk_(test|live)")
_KEY = re.compile(rf"am_[sp]k_(test|live)_[A-Za-z0-9]{{{_LENGTH}}}")


def mint(kind: Kind, environment: str) -> str:
    """Return a fresh key for `sandbox` or `live`."""
    return ids.secret(f"am_{_KINDS[kind]}_{_ENVIRONMENTS[environment]}_", _LENGTH)


def digest(key: str) -> str:
    """Return the form in which a key is stored: its SHA-256 in hexadecimal."""
    return hashlib.sha256(key.encode()).hexdigest()


def is_well_formed(text: str) -> bool:
    """Whether a text could be a key."""
    return _KEY.fullmatch(text) is not None


def kind_of(text: str) -> Kind | None:
    """Return the kind of key that a text begins as; None when it begins as no key does."""
    if _SECRET.match(text):
        return "secret"
    return "publishable" if _PUBLISHABLE.match(text) else None
