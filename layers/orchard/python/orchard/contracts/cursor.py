"""Pages of a list: the cursor that marks where one ended, and the fields that ask for one."""

import json
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator

from orchard.contracts.fields import PageLimit
from orchard.contracts.request import Request
from orchard.errors import Invalid

#: More than this on a page is refused; the wire schema alone would allow 5000.
LARGEST_PAGE = 1000
#: Bounds of what a cursor may hold, so that it always fits into a key of the table.
_LATEST, _LONGEST_ID, _LONGEST_CURSOR = 10**17, 512, 2048


class Cursor(NamedTuple):
    """The place of an item in a list that is sorted by time, then id.

    `time` is in the unit of the list: milliseconds, or microseconds for events.
    """

    time: int
    id: str


class Page[T](NamedTuple):
    """Some items of a list; `next_cursor` is None on the last page."""

    items: list[T]
    next_cursor: str | None


def _capped(limit: int) -> int:
    if limit > LARGEST_PAGE:
        raise Invalid(f"limit {limit} exceeds max of {LARGEST_PAGE} for this org")
    return limit


class PageRequest(Request):
    """A request for a page of a list."""

    start_cursor: str = ""
    limit: Annotated[PageLimit, AfterValidator(_capped)] = 50

    @property
    def after(self) -> Cursor | None:
        """The last item of the page before, None on the first page. Errors: `invalid_cursor`."""
        return decode(self.start_cursor) if self.start_cursor else None


def page[T](items: Iterable[T], limit: int, place: Callable[[T], Cursor]) -> Page[T]:
    """Return the first `limit` of the items that follow the cursor of a request.

    Reads one item more, to know whether another page follows.
    """
    taken = list(islice(items, limit + 1))
    shown = taken[:limit]
    return Page(shown, encode(place(shown[-1])) if len(taken) > limit else None)


def encode(cursor: Cursor) -> str:
    """Return the text of a cursor: base64url of a small JSON object."""
    content = json.dumps({"v": 0, "id": cursor.id, "t": cursor.time}, separators=(",", ":"))
    return urlsafe_b64encode(content.encode()).decode().rstrip("=")


def decode(text: str) -> Cursor:
    """Return the cursor in a text. Errors: `Invalid` with code `invalid_cursor`."""
    try:
        return _read(_content(text))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Invalid("start_cursor is not a cursor of this list", "invalid_cursor") from None


def _content(text: str) -> dict[str, Any]:
    if len(text) > _LONGEST_CURSOR:
        raise ValueError(len(text))
    padded = text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4)
    content = json.loads(b64decode(padded, altchars=b"-_", validate=True))
    if not isinstance(content, dict):
        raise TypeError(type(content))
    return content


def _read(content: dict[str, Any]) -> Cursor:
    version, time, item_id = content["v"], content["t"], content["id"]
    if (type(version), type(time), type(item_id)) != (int, int, str) or version != 0:
        raise ValueError(version)
    if not 0 <= time <= _LATEST or len(item_id.encode()) > _LONGEST_ID:
        raise ValueError(time)
    return Cursor(time, item_id)
