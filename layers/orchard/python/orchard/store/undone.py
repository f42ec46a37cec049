"""What undoing a change rests on: its lines as the ledger has them, and the mark that it is undone.

The mark is written together with the undo, and fails it if there is one: each change is undone
once.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from orchard.domain import ids
from orchard.domain.holding import Place
from orchard.domain.ledger import Change
from orchard.domain.reversal import NotUndoable, Part
from orchard.domain.undo import Line
from orchard.errors import NotFound, Unavailable
from orchard.store import changes, keys, rows
from orchard.store.session import Session
from orchard.store.statements import Item, Put

#: So long a change may take to be in the ledger; one that is known in part may take longer.
_SOON_MS, _LATEST_MS = 60_000, 86_400_000
#: So many undos of undos are followed to name the latest.
_LONGEST = 50


class ChangeNotFound(NotFound):
    """The customer has no such change."""

    code = "change_not_found"

    def __init__(self, change_id: str) -> None:
        super().__init__(f"Change {change_id} not found")


def whole(
    session: Session, internal_id: str, change_id: str, *, is_latest: bool = False
) -> changes.Lines:
    """Return all lines of a change; `is_latest`: an item says that it was the last to change it.

    Errors: `ChangeNotFound`; `Unavailable` while the change is not in the ledger, or only a part
    of it; `NotUndoable` if a part of it never came there.
    """
    found = changes.find(session, internal_id, change_id)
    made_at = ids.created_second(change_id)
    age = _LATEST_MS if made_at is None else session.now - made_at
    if found and len(found) >= max(int(line.basis.get("lines", 1)) for line in found):
        return found
    if abs(age) < (_LATEST_MS if found else _SOON_MS) or (is_latest and not found):
        raise Unavailable("The change is not written down yet; try again in a moment")
    if found:
        raise NotUndoable("The ledger has only a part of this change. Correct the rest by hand")
    raise ChangeNotFound(change_id)


def balance_lines(lines: Iterable[Change]) -> tuple[Line, ...]:
    """Return what a change did to balances, place by place."""
    return tuple(_line(line) for line in lines if line.feature_id is not None)


def undone_by(session: Session, change: Change) -> list[str]:
    """Return the change that undid this one, the one that undid that, and so on to the latest."""
    found = [change.id]
    while len(found) <= _LONGEST:
        item = session.table.get(keys.undone(session.tenant, change.internal_id, found[-1]))
        if item is None:
            break
        found.append(str(item["undone_by"]))
    return found[1:]


def mark(session: Session, change: Change, last: Item) -> Put:
    """Note that a change is undone by what leaves `last`, unless it is undone already."""
    key = keys.undone(session.tenant, change.internal_id, change.id)
    item = {"pk": key.pk, "sk": key.sk, "undone_by": last["id"], "at": last["at"]}
    return Put(item, "attribute_not_exists(pk)")


def _line(line: Change) -> Line:
    place = Place(str(line.feature_id), line.entity_id)
    before, after = line.before.get("sources", {}), line.after.get("sources", {})
    resets = line.basis.get("resets", {})
    parts = tuple(
        Part(
            place,
            row_id,
            _fields(before.get(row_id)),
            _fields(after.get(row_id)),
            int(resets.get(row_id, 0)),
        )
        for row_id in {**before, **after}
    )
    return Line(place, line.at, parts, line.basis.get("overdrawn", {}))


def _fields(source: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if source is None else rows.fields(dict(source))
