"""Which writes leave a line in the ledger, and how many a change leaves in all.

The lines of a change may become known one after the other. Each says how many there are, so that
nobody takes a part for the whole.
"""

from collections.abc import Iterable
from typing import Any

from orchard.store import keys
from orchard.store.statements import Put, Update, Write

#: What a change of a customer, and its undo, are called if they keep it under another id.
MOVING = {"update": "rename", "undo": "undo_rename"}
#: All kinds of writes that do: balances have nothing to tell of them.
MOVES = {"claim", *MOVING.values()}
_CHANGE = "chg_"


def number(writes: Iterable[Write]) -> None:
    """Let each write that leaves a line say how many lines its change has."""
    told: dict[str, list[dict[str, Any]]] = {}
    for write in writes:
        last = _line(write)
        if last is not None:
            told.setdefault(last["id"], []).append(last)
    for lines in told.values():
        for last in lines:
            last["lines"] = len(lines)


def _line(write: Write) -> dict[str, Any] | None:
    """What a write leaves in `last`, if that becomes a line of a change."""
    if isinstance(write, Put):
        last, sk = write.item.get("last"), write.item["sk"]
    elif isinstance(write, Update):
        last, sk = write.values.get(":last"), write.key.sk
    else:
        return None
    if not last or not last["id"].startswith(_CHANGE) or last.get("silent"):
        return None
    is_told = keys.is_customer(sk) or (keys.is_balance(sk) and last["kind"] not in MOVES)
    return last if is_told else None
