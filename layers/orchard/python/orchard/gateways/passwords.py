"""Passwords as they are stored: Argon2id, in the usual text form with salt and parameters."""

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

#: 46 MiB, two passes, one lane: more than the usual minimum, and about a tenth of a second.
_HASHER = PasswordHasher(time_cost=2, memory_cost=47_104, parallelism=1)


def digest(password: str) -> str:
    """Return what to store of a password: salted, so never twice the same."""
    return _HASHER.hash(password)


def matches(password: str, stored: str | None) -> bool:
    """Whether this is the password; with None the same work is done, and it is not."""
    try:
        return _HASHER.verify(stored or _nobodys(), password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(stored: str) -> bool:
    """Whether a digest was made with other parameters than those of today."""
    return _HASHER.check_needs_rehash(stored)


def prepare() -> None:
    """Make what `matches` needs for unknown users, so that the first of them waits no longer."""
    _nobodys()


@cache
def _nobodys() -> str:
    return digest("")
