"""Balances in the table: one item per customer and feature.

`headroom` is always the room of `rows` less `pending`, so a track that fits needs no look at the
rows. `version` counts settlements, `seq` every write; `last` says what made the item what it is.
"""

from decimal import Decimal
from typing import Any, NamedTuple

from orchard.domain import balance, ids
from orchard.domain.deduction import Rows
from orchard.domain.quantity import ZERO
from orchard.domain.row import Rollover, RolloverRule, Row
from orchard.errors import Unavailable
from orchard.store import keys
from orchard.store.keys import Key
from orchard.store.session import Session
from orchard.store.statements import Item, Put, Update

_WHOLE = {"created_at", "interval_count", "next_reset_at", "expires_at", "ends_at"}
_DEFAULTS = Row._field_defaults

_COUNT = (
    "SET pending = pending + :value, headroom = headroom - :value, seq = seq + :one, #last = :last"
)
_FITS = "plain = :true AND headroom >= :value AND due_at > :now"
_SETTLE = (
    "SET #rows = :rows, pending = pending - :folded, headroom = headroom + :difference, "
    "due_at = :due, plain = :plain, version = version + :one, seq = seq + :one, #last = :last, "
    "recent = :recent"
)
_STILL_FITS = "version = :version AND internal_id = :internal_id AND headroom >= :least"
#: The marks of this many settlements are kept in the item, each of so many letters.
_RECENT, _MARK = 4, 8


class Stored(NamedTuple):
    """A balance as it was read. `hot_id` locates the customer, `internal_id` identifies it."""

    key: Key
    hot_id: str
    internal_id: str
    feature_id: str
    rows: Rows
    pending: Decimal
    headroom: Decimal
    version: int
    seq: int
    due_at: int
    plain: bool
    last: dict[str, Any]
    recent: str

    def current(self, now: int) -> Rows:
        """The rows as they stand at `now`."""
        return balance.current(self.rows, self.pending, now)


def get(session: Session, hot_id: str, feature_id: str) -> Stored | None:
    """Return the balance of a feature, strongly consistent."""
    item = session.table.get(keys.balance(session.tenant, hot_id, feature_id))
    return None if item is None else load(item)


def count(session: Session, hot_id: str, feature_id: str, value: Decimal, last: Item) -> Stored:
    """Take `value` by the bare counter, in one request, and return the balance after it.

    Errors: `ConditionFailed` with the item as it is, when there is something to decide.
    """
    key = keys.balance(session.tenant, hot_id, feature_id)
    values = {":value": value, ":one": 1, ":last": last, ":true": True, ":now": session.now}
    update = Update(key, _COUNT, values, _FITS, {"#last": "last"})
    try:
        return load(session.table.update(update, counter=True))
    except Unavailable:
        # The answer may have got lost after the write: then the item says whose it is.
        item = session.table.get(key)
        if item is None or item["last"]["id"] != last["id"]:
            raise
        return load(item)


def created(
    session: Session, customer: tuple[str, str], feature_id: str, rows: Rows, last: Item
) -> Put:
    """A first balance of a feature; `customer` is its hot id and its internal id."""
    hot_id, internal_id = customer
    key = keys.balance(session.tenant, hot_id, feature_id)
    counter = balance.counter(rows)
    item = {
        "pk": key.pk,
        "sk": key.sk,
        "hot_id": hot_id,
        "internal_id": internal_id,
        "feature_id": feature_id,
        "rows": [_row_to_item(row) for row in rows],
        "pending": ZERO,
        "headroom": counter.headroom,
        "due_at": counter.due_at,
        "plain": counter.plain,
        "version": 1,
        "seq": 1,
        "last": last,
    }
    if counter.due_at != balance.NEVER:
        item["due_shard"] = keys.due_shard_of(key)
    # What a deleted customer of the same id left behind is replaced.
    free = "attribute_not_exists(pk) OR internal_id <> :internal_id"
    return Put(item, free, {":internal_id": internal_id})


def settled(stored: Stored, rows: Rows, last: Item, *, exact: bool = False) -> Update:
    """Replace the rows, folding in the pending usage that was read.

    Usage that arrives before the write stays pending and counts after the change, provided that it
    still fits. `exact` refuses the write if any arrived.
    """
    counter = balance.counter(rows)
    difference = counter.headroom - stored.headroom
    mark = ids.secret("", _MARK)
    values: dict[str, Any] = {
        ":rows": [_row_to_item(row) for row in rows],
        ":folded": stored.pending,
        ":difference": difference,
        ":least": -difference,
        ":due": counter.due_at,
        ":plain": counter.plain,
        ":version": stored.version,
        ":internal_id": stored.internal_id,
        ":recent": (mark + stored.recent)[: _RECENT * _MARK],
        ":one": 1,
        ":last": last,
    }
    if counter.due_at == balance.NEVER:
        expression = f"{_SETTLE} REMOVE due_shard"
    else:
        expression = f"{_SETTLE}, due_shard = :shard"
        values[":shard"] = keys.due_shard_of(stored.key)
    condition = f"{_STILL_FITS} AND pending = :folded" if exact else _STILL_FITS
    names = {"#rows": "rows", "#last": "last"}
    return Update(stored.key, expression, values, condition, names, mark)


def noted(stored: Stored, last: Item) -> Update:
    """Record what happened without moving anything."""
    return Update(
        stored.key,
        "SET seq = seq + :one, #last = :last",
        {":one": 1, ":last": last, ":internal_id": stored.internal_id},
        "internal_id = :internal_id",
        {"#last": "last"},
    )


def load(item: Item) -> Stored:
    """Return a balance from its item."""
    return Stored(
        key=Key(item["pk"], item["sk"]),
        hot_id=item["hot_id"],
        internal_id=item["internal_id"],
        feature_id=item["feature_id"],
        rows=tuple(_row_from_item(row) for row in item["rows"]),
        pending=item["pending"],
        headroom=item["headroom"],
        version=int(item["version"]),
        seq=int(item["seq"]),
        due_at=int(item["due_at"]),
        plain=item["plain"],
        last=item["last"],
        recent=item.get("recent", ""),
    )


def _row_to_item(row: Row) -> Item:
    """A row without the fields that have their usual value."""
    fields = {
        name: value
        for name, value in row._asdict().items()
        if value != _DEFAULTS.get(name, _DEFAULTS)
    }
    if row.rollover is not None:
        fields["rollover"] = row.rollover._asdict()
    if row.rollovers:
        fields["rollovers"] = [rollover._asdict() for rollover in row.rollovers]
    return fields


def _row_from_item(item: Item) -> Row:
    fields: dict[str, Any] = {
        name: int(value) if name in _WHOLE and value is not None else value
        for name, value in item.items()
    }
    if "rollover" in fields:
        rule = fields["rollover"]
        months = None if rule["months"] is None else int(rule["months"])
        fields["rollover"] = RolloverRule(rule["max"], rule["max_percentage"], months)
    if "rollovers" in fields:
        fields["rollovers"] = tuple(_rollover(one) for one in fields["rollovers"])
    return Row(**fields)


def _rollover(item: Item) -> Rollover:
    expires_at = None if item["expires_at"] is None else int(item["expires_at"])
    return Rollover(item["id"], item["balance"], item["usage"], expires_at)
