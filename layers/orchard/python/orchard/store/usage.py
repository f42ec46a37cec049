"""Reads of usage roll-ups: those of one customer, or of all through the index `listing`."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from orchard.domain.aggregation import Piece, Tally
from orchard.domain.ledger import DAY
from orchard.store import keys
from orchard.store.session import Session
from orchard.store.statements import Item, Query

#: Is told how many items were read.
type LookedAt = Callable[[int], None]
_NAMES = {"#count": "count", "#sum": "sum"}


class Part(NamedTuple):
    """What one customer used of one name in one hour or day."""

    internal_id: str
    tally: Tally


def of_customer(
    session: Session, internal_id: str, name: str, piece: Piece, looked_at: LookedAt
) -> Iterator[Tally]:
    """Yield a customer's hours or days (the grain of the piece) of one name, in order."""

    def place(at: int) -> str:
        return keys.rollup(session.tenant, internal_id, name, piece.grain, at).sk

    query = Query(
        "pk = :pk AND sk BETWEEN :low AND :high",
        {
            ":pk": keys.usage(session.tenant, internal_id),
            ":low": place(piece.start),
            ":high": place(piece.end - 1),
        },
        names={**_NAMES, "#start": "start"},
        projection="#count, #sum, #start",
    )
    for item in session.table.query(query, looked_at):
        yield _tally(name, int(item["start"]), item)


def latest_day(session: Session, internal_id: str, name: str, until: int) -> int | None:
    """Return when the last day up to a time began on which a customer used something of a name.

    A moment behind: what was just used may be missing. None: there was none.
    """

    def place(at: int) -> str:
        return keys.rollup(session.tenant, internal_id, name, DAY, at).sk

    query = Query(
        "pk = :pk AND sk BETWEEN :low AND :high",
        {
            ":pk": keys.usage(session.tenant, internal_id),
            ":low": place(0),
            ":high": place(until),
        },
        forward=False,
        names={"#start": "start"},
        projection="#start",
        page=1,
    )
    found = next(iter(session.table.query(query)), None)
    return None if found is None else int(found["start"])


def of_everybody(session: Session, name: str, piece: Piece, looked_at: LookedAt) -> Iterator[Part]:
    """Yield the hours or days of one name of all customers, a moment behind the table.

    Those of deleted customers are among them until they are purged.
    """
    for number in range(keys.EVENT_SHARDS):
        query = Query(
            "listing_pk = :pk AND listing_sk BETWEEN :low AND :high",
            {
                ":pk": keys.usage_listing(session.tenant, name, piece.grain, number),
                ":low": keys.listing_position(piece.start, ""),
                ":high": keys.listing_position(piece.end, ""),
            },
            index_name="listing",
            names=_NAMES,
            projection="#count, #sum, listing_sk",
        )
        for item in session.table.query(query, looked_at):
            start, internal_id = keys.placed(item["listing_sk"])
            yield Part(internal_id, _tally(name, start, item))


def _tally(name: str, start: int, item: Item) -> Tally:
    return Tally(name, start, int(item["count"]), item["sum"])
