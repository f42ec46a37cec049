"""The index of customers by creation time, and what it can be searched by."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from orchard.store import keys
from orchard.store.session import Session
from orchard.store.statements import Query

#: Sorts after every id that can follow a time in the index.
_LAST = "\uffff"
_EARLIEST, _LATEST = 0, 10**15 - 1


class Wanted(NamedTuple):
    """Which customers are meant. Times are milliseconds, both ends included.

    `after` is the place (creation time, hot id) that a page begins behind; `from_place` says that
    the item at that place is wanted too. One of `tokens` and one of `processors` must hold.
    """

    after: tuple[int, str] | None = None
    from_place: bool = False
    newest_first: bool = True
    created_from: int | None = None
    created_to: int | None = None
    search: str = ""
    tokens: tuple[str, ...] = ()
    processors: tuple[str, ...] = ()


class Entry(NamedTuple):
    """A customer in the index."""

    created_at: int
    hot_id: str


def entries(session: Session, wanted: Wanted) -> Iterator[Entry]:
    """Yield the customers that are meant, in order, read page after page as they are needed."""
    partition = keys.customers_listing(session.tenant)
    low, high = _bounds(wanted)
    if low > high:
        return
    condition, values = _condition(wanted)
    query = Query(
        "listing_pk = :pk AND listing_sk BETWEEN :low AND :high",
        {":pk": partition, ":low": low, ":high": high, **values},
        index_name="listing",
        filter=condition,
        forward=not wanted.newest_first,
    )
    passed = None if wanted.after is None or wanted.from_place else _place(*wanted.after)
    for item in session.table.query(query):
        if item["listing_sk"] != passed:
            yield Entry(keys.placed(item["listing_sk"])[0], item["hot_id"])


def _bounds(wanted: Wanted) -> tuple[str, str]:
    low = _place(_EARLIEST if wanted.created_from is None else wanted.created_from, "")
    high = _place(_LATEST if wanted.created_to is None else wanted.created_to, _LAST)
    if wanted.after is None:
        return low, high
    place = _place(*wanted.after)
    return (low, min(high, place)) if wanted.newest_first else (max(low, place), high)


def _place(created_at: int, hot_id: str) -> str:
    return keys.listing_position(created_at, hot_id)


def _condition(wanted: Wanted) -> tuple[str | None, dict[str, Any]]:
    parts, values = [], {}
    if wanted.search:
        parts.append("contains(search_text, :search)")
        values[":search"] = wanted.search
    for name, texts in (("tokens", wanted.tokens), ("processors", wanted.processors)):
        if texts:
            found = {f":{name}{number}": text for number, text in enumerate(texts)}
            parts.append("(" + " OR ".join(f"contains({name}, {key})" for key in found) + ")")
            values |= found
    return " AND ".join(parts) or None, values
