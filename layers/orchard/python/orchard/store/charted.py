"""What a graph of a balance is drawn from: two requests, whatever there is to draw.

What one request does not bring is left out, the oldest first, and the answer says so.
"""

from typing import NamedTuple

from orchard.domain.history import Mark
from orchard.store import history, keys
from orchard.store.history import Owned, Stretch
from orchard.store.session import Session
from orchard.store.statements import Query, Value
from orchard.store.table import Table

#: So many stretches are read at most, and lines of changes, those of other features too.
_MOST_STRETCHES, _MOST_LINES = 2000, 2000
_LAST = "\uffff"
_ENTITY_DELETED = "delete_entity"


class Past(NamedTuple):
    """Stretches of all balances of a feature, by entity and then by time, both descending."""

    stretches: list[Stretch]
    is_all: bool


class Told(NamedTuple):
    """Changes of a feature, the newest first, and when entities (by id) were deleted."""

    marks: list[Mark]
    ends: dict[str, list[int]]
    #: All of them are told from then on.
    since: int


def past(table: Table, whole: Owned) -> Past:
    """Return what the balances of a feature showed, those of entities that are gone as well."""
    query = Query(
        "pk = :pk AND sk BETWEEN :low AND :high",
        {
            ":pk": keys.history(whole.tenant, whole.internal_id),
            ":low": keys.past(*whole[:2], "AT", whole.feature_id, "").sk,
            ":high": keys.past(*whole[:2], "AT", whole.feature_id, _LAST).sk,
        },
        forward=False,
        page=_MOST_STRETCHES,
    )
    items, stopped = table.page(query)
    return Past([history.load(whole, item) for item in items], stopped is None)


def told(session: Session, whole: Owned, start: int, end: int, entity_id: str | None) -> Told:
    """Return what changed a feature between two times, both included.

    With an entity, only what it or nobody has.
    """
    items, stopped = session.table.page(_lines(whole, start, end, entity_id))
    ends: dict[str, list[int]] = {}
    for item in items:
        if item["feature_id"] is None:
            ends.setdefault(item["details"]["entity_id"], []).append(int(item["at"]))
    marks = [history.mark(item) for item in items if item["feature_id"] is not None]
    # A filter may have left nothing of what was read: then where that ended is not known either.
    oldest = int(items[-1]["at"]) if items else end
    return Told(marks, ends, start if stopped is None else oldest)


def _lines(whole: Owned, start: int, end: int, entity_id: str | None) -> Query:
    """Lines of the feature's changes, and of entities that were deleted, the newest first."""
    values: dict[str, Value] = {
        ":pk": keys.ledger(whole.tenant, whole.internal_id),
        ":low": keys.change(whole.tenant, whole.internal_id, start, "").sk,
        ":high": keys.change(whole.tenant, whole.internal_id, end + 1, "").sk,
        ":feature": whole.feature_id,
        ":none": None,
        ":gone": _ENTITY_DELETED,
    }
    condition = "feature_id = :feature"
    if entity_id is not None:
        values[":entity"] = entity_id
        condition += " AND entity_id IN (:entity, :none)"
    return Query(
        "pk = :pk AND sk BETWEEN :low AND :high",
        values,
        filter=f"{condition} OR feature_id = :none AND kind = :gone",
        forward=False,
        page=_MOST_LINES,
    )
