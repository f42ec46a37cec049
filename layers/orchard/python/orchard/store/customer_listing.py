"""The index of customers by creation time, and what it can be searched by."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from orchard.store import keys
from orchard.store.session import Session
from orchard.store.statements import Item, Query

#: Sorts after every id that can follow a time in the index.
_LAST = "\uffff"
_EARLIEST, _LATEST = 0, 10**15 - 1


class Wanted(NamedTuple):
    """Which customers are meant. Times are milliseconds, both ends included.

    `after` is the place (creation time, hot id) that a page begins behind; `from_place` says that
    the item at that place is wanted too. One of `tokens` and one of `processors` must hold;
    `no_plan` leaves out who holds any.
    """

    after: tuple[int, str] | None = None
    from_place: bool = False
    newest_first: bool = True
    created_from: int | None = None
    created_to: int | None = None
    search: str = ""
    tokens: tuple[str, ...] = ()
    processors: tuple[str, ...] = ()
    no_plan: bool = False


class Entry(NamedTuple):
    """A customer in the index."""

    created_at: int
    hot_id: str


class Stretch(NamedTuple):
    """What one request found; `end` is the last customer it looked at, None if it was the last."""

    found: list[Entry]
    end: Entry | None


def entries(session: Session, wanted: Wanted) -> Iterator[Entry]:
    """Yield the customers that are meant, in order, read page after page as they are needed."""
    query = _query(session, wanted)
    if query is not None:
        yield from _met(session.table.query(query), wanted)


def stretch(session: Session, wanted: Wanted, limit: int) -> Stretch:
    """Look at so many customers at most, and at a megabyte of the index, in one request."""
    query = _query(session, wanted)
    if query is None:
        return Stretch([], None)
    # The place itself is looked at once more.
    asked = query._replace(page=limit + (wanted.after is not None))
    items, stopped = session.table.page(asked)
    end = None if stopped is None else Entry(*keys.placed(stopped["listing_sk"]))
    return Stretch(list(_met(items, wanted)), end)


def _query(session: Session, wanted: Wanted) -> Query | None:
    """The range of the index; None if nothing can be in it."""
    low, high = _bounds(wanted)
    if low > high:
        return None
    condition, values = _condition(wanted)
    return Query(
        "listing_pk = :pk AND listing_sk BETWEEN :low AND :high",
        {":pk": keys.customers_listing(session.tenant), ":low": low, ":high": high, **values},
        index_name="listing",
        filter=condition,
        forward=not wanted.newest_first,
        projection="listing_sk",
    )


def _met(items: Iterable[Item], wanted: Wanted) -> Iterator[Entry]:
    passed = None if wanted.after is None or wanted.from_place else _place(*wanted.after)
    for item in items:
        if item["listing_sk"] != passed:
            yield Entry(*keys.placed(item["listing_sk"]))


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
    parts: list[str] = []
    values: dict[str, Any] = {}
    if wanted.search:
        parts.append("contains(search_text, :search)")
        values[":search"] = wanted.search
    for name, texts in (("tokens", wanted.tokens), ("processors", wanted.processors)):
        if texts:
            found = {f":{name}{number}": text for number, text in enumerate(texts)}
            parts.append("(" + " OR ".join(f"contains({name}, {key})" for key in found) + ")")
            values |= found
    if wanted.no_plan:
        parts.append("size(tokens) = :none")
        values[":none"] = 0
    return " AND ".join(parts) or None, values
