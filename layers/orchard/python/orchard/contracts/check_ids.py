"""Explanations as they are kept: in the ids that denied checks bear, and with events.

A check id is not signed: it says what its bearer says, and opens nothing.
"""

import json
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple
from zlib import compressobj, decompressobj
from zlib import error as Broken  # noqa: N812 - an exception

from pydantic import TypeAdapter, ValidationError

from orchard.domain.basis import MOST_KEPT, Basis, Explanation, packed
from orchard.errors import Invalid

_PREFIX = "chk_"
#: Letters of the longest check id that is looked at, and bytes of what it may unfold to.
LONGEST_ID, _LARGEST = 8192, 65_536
#: Bounds of the numbers in a check id: powers of ten, and the last instant of the year 9999.
_EXPONENTS, _LATEST = 40, 253_402_300_799_999


class CheckId(NamedTuple):
    """What the id of a denied check says: whose it was, by the internal id, and why."""

    internal_id: str
    explained: Explanation


def unpacked(found: list[Any]) -> Basis:
    """Return what `packed` made of a basis."""
    basis: Basis = _adapter(Basis).validate_python(found)
    return basis


def check_id(internal_id: str, explained: Explanation) -> str | None:
    """Return the id of a denied check: all that decided, for `read_check_id`.

    None if it would be too long, as for a customer with many long ids.
    """
    kept = explained._replace(basis=explained.basis.shortened(MOST_KEPT))
    text = json.dumps(
        packed(CheckId(internal_id, kept)), default=str, ensure_ascii=False, separators=(",", ":")
    )
    # A small window: clearing a large one would take ten times as long as the text does.
    folding = compressobj(wbits=12, memLevel=4)
    raw = folding.compress(text.encode()) + folding.flush()
    folded = _PREFIX + urlsafe_b64encode(raw).decode().rstrip("=")
    return folded if len(folded) <= LONGEST_ID and len(text) <= _LARGEST // 4 else None


def read_check_id(text: str) -> CheckId:
    """Return what a check id says. Errors: `Invalid` with code `invalid_check_id`."""
    try:
        found: CheckId = _adapter(CheckId).validate_python(json.loads(_unfolded(text)))
        json.dumps(packed(found), default=str, ensure_ascii=False).encode()
        sane = bool(found.explained.basis.payers) and all(map(_is_sane, _leaves(found)))
    except (ValueError, ArithmeticError, RecursionError, Broken, ValidationError):
        sane = False
    if not sane:
        raise Invalid("check_id is not the id of a denied check", "invalid_check_id")
    return found


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    """The reader of what `packed` wrote; it is built when something is read."""
    return TypeAdapter(kind)


def _unfolded(text: str) -> bytes:
    if not text.startswith(_PREFIX) or len(text) > LONGEST_ID:
        raise ValueError(text[:8])
    letters = text.removeprefix(_PREFIX)
    raw = b64decode(letters + "=" * (-len(letters) % 4), altchars=b"-_", validate=True)
    unfolding = decompressobj()
    content = unfolding.decompress(raw, _LARGEST)
    if not unfolding.eof or unfolding.unused_data:
        raise ValueError(len(content))
    return content


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, tuple):
        for one in value:
            yield from _leaves(one)
    else:
        yield value


def _is_sane(value: Any) -> bool:
    """Whether a number can be shown: others would take for ever to be written out."""
    if isinstance(value, Decimal):
        return value.is_finite() and abs(value.adjusted()) <= _EXPONENTS
    return not isinstance(value, int) or 0 <= value <= _LATEST
