"""Secret API keys: what they look like and the digest that stands for one."""

import hashlib
import re

from orchard.domain import ids

PREFIXES = {"sandbox": "am_sk_test_", "live": "am_sk_live_"}
_KEY = re.compile(r"am_sk_(test|live)_[A-Za-z0-9]{42}")


def mint(environment: str) -> str:
    """Return a fresh key for `sandbox` or `live`."""
    return ids.secret(PREFIXES[environment], 42)


def digest(key: str) -> str:
    """Return the form in which a key is stored: its SHA-256 in hexadecimal."""
    return hashlib.sha256(key.encode()).hexdigest()


def is_well_formed(text: str) -> bool:
    """Whether a text could be a key."""
    return _KEY.fullmatch(text) is not None


def has_prefix(text: str) -> bool:
    """Whether a text begins as a key does."""
    return text.startswith(tuple(PREFIXES.values()))
