"""Records of the table's stream: what they say, and setting aside those that can't be handled."""

import traceback
from typing import Any

from orchard.domain.quantity import ZERO
from orchard.errors import Unavailable
from orchard.store import keys, parked, passed_over
from orchard.store.keys import Key
from orchard.store.rollups import Use, source
from orchard.store.statements import Item, load
from orchard.store.table import Table
from orchard.usecases import ledger
from orchard.usecases.ledger import Written

type Record = dict[str, Any]


def written(record: Record) -> Written:
    """Return the write that a record tells of. Errors: any, for what is no such record."""
    change = record["dynamodb"]
    old, new = change.get("OldImage"), change.get("NewImage")
    place = load(change["Keys"])
    return Written(
        Key(place["pk"], place["sk"]),
        None if old is None else load(old),
        None if new is None else load(new),
    )


def set_aside(
    table: Table, record: Record, error: Exception, now: int, retention_days: int
) -> None:
    """Park a record, and let the sums it belongs to go on without it until it is replayed.

    In this order: what is noted without being kept would be lost. Errors: `Unavailable`, and then
    the record has to come again; a repetition changes nothing.
    """
    key = parked.put(table, record, reason_of(error), now)
    unnoted = _pass_over(table, record, retention_days)
    if unnoted:
        parked.note(table, key, unnoted)


def reason_of(error: Exception) -> str:
    """Return where something failed. It never says on which data: logs and lists may show it."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {frame.name}, line {frame.lineno}"


def uses_told(written: Written) -> tuple[Use, ...]:
    """Return which uses a write counted, even one that can't be told whole: then without values.

    Errors: any, for an image that does not say.
    """
    try:
        return ledger.entry(written).uses
    except Exception:  # noqa: BLE001 - it was set aside for this; less may do
        return _bare(written.key, written.new)


def _pass_over(table: Table, record: Record, retention_days: int) -> list[str]:
    try:
        uses = uses_told(written(record))
    except Exception:  # noqa: BLE001 - whatever the record lacks, it is kept
        return [parked.ALL]
    try:
        return passed_over.note(table, uses, retention_days)
    except Unavailable:
        raise
    except Exception:  # noqa: BLE001 - uses of which no key can be made
        return [parked.ALL]


def _bare(key: Key, new: Item | None) -> tuple[Use, ...]:
    """The uses that the stamp of a write names."""
    if new is None or not keys.is_balance(key.sk):
        return ()
    last = new["last"]
    if last["kind"] != ledger.USAGE or last.get("silent"):
        return ()
    return tuple(
        Use(
            tenant=keys.tenant_of(key.pk),
            internal_id=new["internal_id"],
            name=last["name"],
            timestamp=int(told["timestamp"]),
            source=source(new["hot_id"], new["feature_id"], new.get("entity_internal_id")),
            seq=int(new["seq"]),
            id=told["id"],
            value=ZERO,
            deducted=ZERO,
        )
        for told in last.get("events", (last,))
        if not told.get("silent")
    )
