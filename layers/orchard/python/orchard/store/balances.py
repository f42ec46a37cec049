"""Balances in the table: one item per customer and feature, and per entity where it has its own.

`headroom` is always the room of what the item holds less `pending`, so a track that fits needs no
look at the rows, until `valid_until`. `version` counts settlements, `seq` every write;
`last` says what made the item what it is. `sole_for` names the features that have no other source
than this credit system.
"""

from decimal import Decimal
from typing import Any

from orchard.domain import balance, ids
from orchard.domain.balance import Counter
from orchard.domain.holding import Holding, Place
from orchard.domain.quantity import ZERO
from orchard.errors import Unavailable
from orchard.store import keys, overrides, rows
from orchard.store.keys import Key
from orchard.store.session import Session
from orchard.store.statements import Check, Item, Put, Query, Update
from orchard.store.stored import Owner, Stored, load

_COUNT = (
    "SET pending = pending + :value, headroom = headroom - :value, seq = seq + :one, #last = :last"
)
_FITS = "plain = :true AND headroom >= :value AND valid_until > :now"
_SETTLE = (
    "SET #rows = :rows, controls = :controls, spread = :spread, sole_for = :sole_for, "
    "pending = pending - :folded, headroom = headroom + :difference, due_at = :due_at, "
    "valid_until = :valid_until, plain = :plain, version = version + :one, seq = seq + :one, "
    "#last = :last, recent = :recent"
)
_AS_READ = "version = :version AND internal_id = :internal_id"
_SETTLE_NAMES = {"#rows": "rows", "#last": "last"}
_STILL_FITS = f"{_AS_READ} AND headroom >= :least"
_NOTHING_SINCE = f"{_STILL_FITS} AND pending = :folded"
#: By what the indexes find a balance: that it changes by itself, that it holds something temporary.
_FOUND_BY = ("due_shard", "listing_pk", "listing_sk", "search_text", "tokens")
#: The marks of this many settlements are kept in the item, each of so many letters.
_RECENT, _MARK = 4, 8


def get(session: Session, hot_id: str, place: Place) -> Stored | None:
    """Return the balance at a place, strongly consistent."""
    item = session.table.get(key_of(session, hot_id, place))
    return None if item is None else load(item)


def of_entities(session: Session, hot_id: str, feature_id: str) -> list[Stored]:
    """Return the balances that entities of a customer have of a feature, strongly consistent."""
    prefix = keys.balances_of_entities(feature_id)
    partition = keys.hot_partition(session.tenant, hot_id)
    query = Query(
        "pk = :pk AND begins_with(sk, :prefix)",
        {":pk": partition, ":prefix": prefix},
    )
    return [load(item) for item in session.table.query(query)]


def key_of(session: Session, hot_id: str, place: Place) -> Key:
    """Return where a balance is kept."""
    return keys.balance(session.tenant, hot_id, place.feature_id, place.entity_id)


def count(
    session: Session,
    hot_id: str,
    place: Place,
    value: Decimal,
    last: Item,
    *,
    sole_for: str | None = None,
) -> Stored:
    """Take `value` by the bare counter, in one request, and return the balance after it.

    With `sole_for`, only if the balance alone pays for that. Errors: `ConditionFailed` with the
    item as it is, when there is something to decide.
    """
    values = {":value": value, ":one": 1, ":last": last, ":true": True, ":now": session.now}
    condition = _FITS
    if sole_for is not None:
        condition, values[":sole"] = f"{_FITS} AND contains(sole_for, :sole)", sole_for
    key = key_of(session, hot_id, place)
    return apply(session, Update(key, _COUNT, values, condition, {"#last": "last"}))


def apply(session: Session, counted: Update) -> Stored:
    """Write a count, which must not be repeated blindly, and return the balance after it."""
    try:
        return load(session.table.update(counted, counter=True))
    except Unavailable:
        # The answer may have got lost after the write: then the item says whose it is.
        item = session.table.get(counted.key)
        if item is None or item["last"]["id"] != counted.values[":last"]["id"]:
            raise
        return load(item)


def counted(stored: Stored, value: Decimal, last: Item, now: int, *, reserve: Decimal) -> Update:
    """Take `value` from a balance that was read, leaving its rows alone.

    It commutes with other counts: the write needs the rows as they were read, and that `reserve`
    is left beside the value, but not that nothing was counted since.
    """
    values: dict[str, Any] = {
        ":value": value,
        ":one": 1,
        ":last": last,
        ":version": stored.version,
        ":internal_id": stored.internal_id,
        ":least": value + reserve,
        ":now": now,
    }
    condition = f"{_AS_READ} AND headroom >= :least AND valid_until > :now"
    return Update(stored.key, _COUNT, values, condition, {"#last": "last"})


def created(
    session: Session,
    owner: Owner,
    place: Place,
    holding: Holding,
    last: Item,
) -> Put:
    """A first balance at a place."""
    key = key_of(session, owner.hot_id, place)
    counter = balance.counter(holding)
    item: Item = {
        "pk": key.pk,
        "sk": key.sk,
        "hot_id": owner.hot_id,
        "internal_id": owner.internal_id,
        "feature_id": place.feature_id,
        **_held(holding, counter),
        "sole_for": [],
        "pending": ZERO,
        "headroom": counter.headroom,
        "version": 1,
        "seq": 1,
        "last": last,
    }
    if place.entity_id is not None:
        item |= {"entity_id": place.entity_id, "entity_internal_id": owner.entity_internal_id}
    return Put(item | _found_by(key, owner, place, holding), *_free(owner))


def settled(
    stored: Stored,
    holding: Holding,
    last: Item,
    *,
    exact: bool = False,
    sole_for: frozenset[str] | None = None,
) -> Update:
    """Replace what a balance holds, folding in the pending usage that was read.

    Usage that arrives before the write stays pending and counts after the change, provided that it
    still fits. `exact` refuses the write if any arrived. `sole_for` stays unless it is given.
    """
    counter = balance.counter(holding)
    mark = ids.secret("", _MARK)
    found_by = _found_by(stored.key, stored.owner, stored.place, holding)
    values: dict[str, Any] = {
        **{f":{name}": value for name, value in _held(holding, counter).items()},
        **_since_read(stored, counter),
        ":sole_for": sorted(stored.sole_for if sole_for is None else sole_for),
        ":recent": (mark + stored.recent)[: _RECENT * _MARK],
        ":one": 1,
        ":last": last,
        **{f":{name}": value for name, value in found_by.items()},
    }
    present = "".join(f", {name} = :{name}" for name in found_by)
    absent = ", ".join(name for name in _FOUND_BY if name not in found_by)
    expression = f"{_SETTLE}{present} REMOVE {absent}" if absent else f"{_SETTLE}{present}"
    condition = _NOTHING_SINCE if exact else _STILL_FITS
    return Update(stored.key, expression, values, condition, _SETTLE_NAMES, mark)


def noted(stored: Stored, last: Item) -> Update:
    """Record what happened without moving anything."""
    return Update(
        stored.key,
        "SET seq = seq + :one, #last = :last",
        {":one": 1, ":last": last, ":internal_id": stored.internal_id},
        "internal_id = :internal_id",
        {"#last": "last"},
    )


def unchanged(stored: Stored) -> Check:
    """Require that a balance is as it was read, down to the last count."""
    values = {":seq": stored.seq, ":internal_id": stored.internal_id}
    return Check(stored.key, "seq = :seq AND internal_id = :internal_id", values)


def _since_read(stored: Stored, counter: Counter) -> dict[str, Any]:
    """What tells whether a balance is as it was read, and what of it the write takes up."""
    difference = counter.headroom - stored.headroom
    return {
        ":folded": stored.pending,
        ":difference": difference,
        ":least": -difference,
        ":version": stored.version,
        ":internal_id": stored.internal_id,
    }


def _held(holding: Holding, counter: Counter) -> Item:
    """What a balance holds, and when it changes: the attributes that a settlement replaces."""
    return {
        "rows": rows.dump(holding.rows),
        "controls": rows.dump_controls(holding.controls),
        "spread": holding.spread,
        "due_at": counter.resets_at,
        "valid_until": counter.due_at,
        "plain": counter.plain,
    }


def _found_by(key: Key, owner: Owner, place: Place, holding: Holding) -> Item:
    """The attributes that show a balance in indexes, of those indexes in which it is."""
    found = overrides.listed(key, owner, place, holding.rows)
    if balance.resets_at(holding) != balance.NEVER:
        found["due_shard"] = keys.due_shard_of(key)
    return found


def _free(owner: Owner) -> tuple[str, dict[str, Any]]:
    """What a deleted customer or entity of the same id left behind is replaced."""
    free = "attribute_not_exists(pk) OR internal_id <> :internal_id"
    values: dict[str, Any] = {":internal_id": owner.internal_id}
    if owner.entity_internal_id is None:
        return free, values
    values[":entity"] = owner.entity_internal_id
    return f"{free} OR entity_internal_id <> :entity", values
