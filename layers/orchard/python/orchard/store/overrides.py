"""Where balances that hold something temporary are found: the index `listing`, by the first end.

A settled balance carries what the index shows of it, and nothing once all of that has ended.
"""

import hashlib
from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from itertools import chain
from typing import NamedTuple

from orchard.domain import overrides
from orchard.domain.holding import Place
from orchard.domain.row import Rows
from orchard.store import keys
from orchard.store.keys import Key
from orchard.store.session import Session
from orchard.store.statements import Item, Query
from orchard.store.stored import Owner

#: Later than any time that can be asked for.
_LATEST = 10**14


class End(NamedTuple):
    """A time at which something temporary ends, and the balance in which it does."""

    ends_at: int
    #: Puts balances in order whose ends are the same.
    mark: str
    key: Key


class Wanted(NamedTuple):
    """Which ends are meant: of one feature, from a place in the list on, before a time.

    `looked_at` is told how many entries of the index were read to find them.
    """

    feature_id: str | None = None
    ends_at: int = 0
    mark: str = ""
    before: int = _LATEST
    looked_at: Callable[[int], None] | None = None


def listed(key: Key, owner: Owner, place: Place, rows: Rows) -> Item:
    """Return what makes a balance found in the index; nothing if nothing of it is temporary.

    `tokens` are all the ends, so that the index alone tells their order.
    """
    ends = sorted({one.ends_at for one in overrides.of(rows)})
    if not ends:
        return {}
    return {
        "listing_pk": keys.overrides_listing(keys.tenant_of(key.pk)),
        "listing_sk": keys.listing_position(ends[0], mark(owner.internal_id, place)),
        "search_text": place.feature_id,
        "tokens": [str(end) for end in ends],
    }


def mark(internal_id: str, place: Place) -> str:
    """Return what tells one balance from others, and stays when its customer is renamed."""
    named = "\n".join((internal_id, place.feature_id, place.entity_id or ""))
    return hashlib.sha256(named.encode()).hexdigest()[:24]


def ends(session: Session, wanted: Wanted) -> Iterator[End]:
    """Yield when something temporary ends, soonest first, as the index knows it.

    It may lag behind the table by a moment: read the balances themselves.
    """
    later: list[End] = []
    for item in _entries(session, wanted):
        first, name = keys.placed(item["listing_sk"])
        while later and later[0] < (first, name):
            yield heappop(later)
        for end in item["tokens"]:
            heappush(later, End(int(end), name, Key(item["pk"], item["sk"])))
    while later:
        yield heappop(later)


def _entries(session: Session, wanted: Wanted) -> Iterator[Item]:
    """What the index holds from a place on, and of what lies before it all that ends later too."""
    until = keys.listing_position(wanted.before, "")
    values = {
        ":pk": keys.overrides_listing(session.tenant),
        ":start": keys.listing_position(wanted.ends_at, wanted.mark),
    }
    before = Query(
        "listing_pk = :pk AND listing_sk < :start",
        {**values, ":one": 1},
        index_name="listing",
        filter="size(tokens) > :one",
    )
    rest = Query(
        "listing_pk = :pk AND listing_sk BETWEEN :start AND :until",
        {**values, ":until": max(until, values[":start"])},
        index_name="listing",
    )
    queries = [before, rest] if wanted.ends_at else [rest]
    asked = (_of_feature(one, wanted.feature_id) for one in queries)
    return chain.from_iterable(session.table.query(one, wanted.looked_at) for one in asked)


def _of_feature(query: Query, feature_id: str | None) -> Query:
    if feature_id is None:
        return query
    conditions = [query.filter, "search_text = :feature"]
    return query._replace(
        values={**query.values, ":feature": feature_id},
        filter=" AND ".join(one for one in conditions if one is not None),
    )
