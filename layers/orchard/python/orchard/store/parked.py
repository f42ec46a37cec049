"""Stream records that could not be handled, kept whole until they are handled after all."""

import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from orchard.store import keys
from orchard.store.keys import Key
from orchard.store.optimistic import optimistic
from orchard.store.statements import ConditionFailed, Delete, Item, Put, Query, Update
from orchard.store.table import Table

#: In place of the sort keys of roll-ups: which they are could not be told.
ALL = "*"
#: Characters (ASCII, so bytes) of a record in one item, which can hold 400 KB.
_PIECE = 350_000

type Record = dict[str, Any]


class Parked(NamedTuple):
    """A record that waits: where it is kept, which item it tells of, and why it was set aside."""

    key: Key
    place: Key | None
    reason: str
    parked_at: int
    pieces: int
    #: Roll-ups, by sort key, that could not note that they went on without it.
    unnoted: frozenset[str]

    @property
    def id(self) -> str:
        """What it is called among those of all days; ids sort by time."""
        return self.key.sk

    def is_unnoted(self, position: str) -> bool:
        """Whether the roll-up with this sort key could not note that it went on without it."""
        return not self.unnoted.isdisjoint((position, ALL))


def put(table: Table, record: Record, reason: str, now: int) -> Key:
    """Keep a record as the stream delivered it, or fail; a repetition replaces it, but no notes."""
    change = record.get("dynamodb", {})
    seconds = change.get("ApproximateCreationDateTime")
    timestamp = now if seconds is None else int(seconds * 1000)
    key = keys.parked(day_of(timestamp), timestamp, str(change.get("SequenceNumber", now)))
    pieces = _pieces(record)
    told = {**_told(change, key), "reason": reason, "pieces": len(pieces)}
    names = {f"#{name}": name for name in told}
    sets = ", ".join(f"#{name} = :{name}" for name in told)
    values = {f":{name}": value for name, value in told.items()} | {":now": now}
    first = "parked_at = if_not_exists(parked_at, :now)"
    head = Update(key, f"SET {sets}, {first}", values, names=names)
    body = [Put(_piece(key, number, piece)) for number, piece in enumerate(pieces)]
    optimistic(lambda: table.transact([head, *body]))
    return key


def note(table: Table, key: Key, unnoted: Sequence[str]) -> None:
    """Remember roll-ups, by sort key, that could not note that they went on without a record."""
    values: Item = {":none": [], ":unnoted": list(unnoted)}
    expression = "SET unnoted = list_append(if_not_exists(unnoted, :none), :unnoted)"
    table.update(Update(key, expression, values))


def of_day(table: Table, day: str, after: str = "") -> Iterator[Parked]:
    """Yield what is parked of a day (YYYY-MM-DD), oldest first, beginning behind an id."""
    values = {":pk": keys.parked(day, 0, "").pk, ":after": after or keys.instant(0)}
    return map(_parked, table.query(Query("pk = :pk AND sk > :after", values)))


def of_customer(table: Table, tenant: str, internal_id: str) -> Iterator[Parked]:
    """Yield what is parked of a customer, as far as it could be told; a moment behind the table."""
    listing_pk = keys.parked_listing(tenant, internal_id)
    query = Query("listing_pk = :pk", {":pk": listing_pk}, index_name="listing")
    for found in table.query(query):
        item = table.get(Key(found["pk"], found["sk"]))
        if item is not None:
            yield _parked(item)


def record(table: Table, parked: Parked) -> Record:
    """Return the record as the stream delivered it. Errors: `ValueError` if it is not all there."""
    pk = _piece_key(parked.key, 0).pk
    pieces = (item["text"] for item in table.query(Query("pk = :pk", {":pk": pk})))
    text = "".join(pieces)
    found: Record = json.loads(zlib.decompress(b64decode(text)) if parked.pieces > 1 else text)
    return found


def keep(table: Table, parked: Parked, reason: str) -> None:
    """Say why it could not be handled again, unless it is gone."""
    try:
        table.update(
            Update(parked.key, "SET reason = :reason", {":reason": reason}, "attribute_exists(pk)")
        )
    except ConditionFailed:
        return


def remove(table: Table, parked: Parked) -> None:
    """Forget a record that was handled."""
    pieces = [_piece_key(parked.key, number) for number in range(parked.pieces)]
    optimistic(lambda: table.transact([Delete(key) for key in (parked.key, *pieces)]))


def day_of(timestamp: int) -> str:
    """Return the day (UTC, YYYY-MM-DD) that a time belongs to."""
    return datetime.fromtimestamp(timestamp / 1000, UTC).date().isoformat()


def _pieces(record: Record) -> list[str]:
    """Return a record as text; what is larger than an item is compressed, in two pieces or more.

    All of it fits into one transaction then: images are at most 400 KB each before they are JSON.
    """
    text = json.dumps(record, default=str)
    if len(text) <= _PIECE:
        return [text]
    packed = b64encode(zlib.compress(text.encode())).decode()
    size = min(_PIECE, len(packed) // 2 + 1)
    return [packed[start : start + size] for start in range(0, len(packed), size)]


def _piece_key(key: Key, number: int) -> Key:
    return keys.parked(key.sk, number, "")


def _piece(key: Key, number: int, text: str) -> Item:
    place = _piece_key(key, number)
    return {"pk": place.pk, "sk": place.sk, "text": text}


def _told(change: Record, key: Key) -> Item:
    """What can be said of any record, so that it is seen, and found when its customer goes."""
    place = change.get("Keys", {})
    images = (change.get("NewImage") or {}, change.get("OldImage") or {})
    told: Item = {"place": [_text(place.get("pk")), _text(place.get("sk"))]}
    internal_id = next(filter(None, (_text(image.get("internal_id")) for image in images)), None)
    if internal_id is None:
        return told
    listing_pk = keys.parked_listing(keys.tenant_of(told["place"][0]), internal_id)
    return {**told, "listing_pk": listing_pk, "listing_sk": key.sk}


def _text(value: Any) -> str:
    return str((value or {}).get("S", ""))


def _parked(item: Item) -> Parked:
    pk, sk = item["place"]
    return Parked(
        key=Key(item["pk"], item["sk"]),
        place=Key(pk, sk) if pk else None,
        reason=item["reason"],
        parked_at=int(item["parked_at"]),
        pieces=int(item["pieces"]),
        unnoted=frozenset(item.get("unnoted", ())),
    )
