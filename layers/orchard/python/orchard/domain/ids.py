"""Identifiers: a prefix and a KSUID, so that ids of one kind sort by their creation second."""

import hashlib
import secrets

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LENGTH = 27
#: KSUIDs count seconds from here: 13 May 2014.
_EPOCH_SECONDS = 1_400_000_000


def new(prefix: str, now: int) -> str:
    """Return a fresh id such as `cus_` and 27 letters and digits; `now` in UTC milliseconds."""
    return prefix + _ksuid(now, secrets.token_bytes(16))


def derived(prefix: str, at: int, *parts: str) -> str:
    """Return the id that always belongs to these parts, so that a repetition finds it again."""
    return prefix + _ksuid(at, hashlib.sha256("\n".join(parts).encode()).digest()[:16])


def created_second(item_id: str) -> int | None:
    """Return the second in which an id was made, UTC milliseconds; None if it is no such id."""
    ksuid = item_id.rpartition("_")[2]
    if len(ksuid) != _LENGTH or not set(ksuid) <= set(_ALPHABET):
        return None
    number = 0
    for letter in ksuid:
        number = number * len(_ALPHABET) + _ALPHABET.index(letter)
    return ((number >> 128) + _EPOCH_SECONDS) * 1000


def secret(prefix: str, length: int = 42) -> str:
    """Return a secret of random letters and digits."""
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _ksuid(at: int, payload: bytes) -> str:
    seconds = max(0, at // 1000 - _EPOCH_SECONDS) & 0xFFFFFFFF
    number = seconds << 128 | int.from_bytes(payload)
    letters = ""
    for _ in range(_LENGTH):
        number, digit = divmod(number, 62)
        letters = _ALPHABET[digit] + letters
    return letters
