"""The audit trail in the table: changes that are not usage, each of one or several lines.

A change of the customer leaves one line, and one more for each balance that it touched. All lines
bear its id and time, so they lie side by side. Changes of everybody are found through the index
`listing`, resets excepted: these come by themselves and go as events do.
"""

from collections.abc import Iterable, Iterator
from itertools import batched, groupby

from orchard.domain import changes, ids
from orchard.domain.changes import DELETE, RESET, Wanted
from orchard.domain.ledger import Change
from orchard.errors import Invalid
from orchard.store import keys, ledger
from orchard.store.keys import Key
from orchard.store.ledger import Selection
from orchard.store.session import Session
from orchard.store.statements import Item, Query

#: All lines of one change.
type Lines = tuple[Change, ...]

#: One answer comes from so many lines at most.
MOST_READ = 10_000
_DAY_S = 86_400
_SECOND_MS = 1000
_LOOKED_UP = 100


def change_item(tenant: str, change: Change, retention_days: int) -> Item:
    """Return the item of a line: a reset's is forgotten after `retention_days`, others never."""
    place = (name for name in (change.feature_id, change.entity_id) if name is not None)
    key = keys.change(tenant, change.internal_id, change.at, change.id, *place)
    item = {**change._asdict(), "pk": key.pk, "sk": key.sk}
    if change.kind == RESET:
        return {**item, "ttl": change.at // 1000 + retention_days * _DAY_S}
    return {**item, **listed(tenant, change)}


def listed(tenant: str, change: Change) -> Item:
    """Return the attributes that list a change among those of everybody."""
    shard = keys.events_shard(change.internal_id)
    return {
        "listing_pk": keys.changes_listing(tenant, shard),
        "listing_sk": keys.listing_position(change.at, change.id),
        # What the index shows of a line, so that others need not be fetched.
        "tokens": sorted(changes.tokens(change)),
    }


def of_deletion(item: Item) -> Change:
    """Return the line that a deletion leaves, which outlives the customer's ledger."""
    last = item["last"]
    return Change(
        id=last["id"],
        kind=DELETE,
        customer_id=item["hot_id"],
        internal_id=item["internal_id"],
        feature_id=None,
        before={},
        after={},
        at=int(item["deleted_at"]),
        by=last["by"],
        request_id=last["request_id"],
        reason=last.get("reason"),
        reference=last.get("reference"),
        details={"internal_id": item["internal_id"], "purged_at": item.get("purged_at")},
    )


def find(session: Session, internal_id: str, change_id: str) -> Lines:
    """Return all lines of a change, strongly consistent; none if there is no such change.

    The stream writes them one by one, moments after the change.
    """
    second = ids.created_second(change_id)
    if second is None:
        return ()

    def place(at: int) -> str:
        return keys.change(session.tenant, internal_id, at, "").sk

    values = {
        ":pk": keys.ledger(session.tenant, internal_id),
        ":low": place(second),
        ":high": place(second + _SECOND_MS),
        ":id": change_id,
    }
    query = Query("pk = :pk AND sk BETWEEN :low AND :high", values, filter="id = :id")
    return tuple(_from_item(item) for item in session.table.query(query))


def of_customer(session: Session, internal_id: str, selection: Selection) -> Iterator[Lines]:
    """Yield a customer's changes, newest first, strongly consistent.

    Errors: `Invalid` once more lines were read than one answer may come from.
    """

    def place(at: int, change_id: str) -> str:
        return keys.change(session.tenant, internal_id, at, change_id).sk

    query = Query(
        "pk = :pk AND sk BETWEEN :low AND :high",
        {":pk": keys.ledger(session.tenant, internal_id)},
        page=selection.page,
    )
    found = _bounded(ledger.between(session, query, selection, place))
    for _id, lines in groupby(map(_from_item, found), key=lambda line: line.id):
        # Read backwards: the customer's own line is the first.
        yield tuple(reversed(tuple(lines)))


def of_tenant(session: Session, selection: Selection, wanted: Wanted = ()) -> Iterator[Lines]:
    """Yield the changes of all customers, newest first, a moment behind the table.

    Each bears the id that its customer has now. Of a deleted customer there is its deletion only.
    Errors: as in `of_customer`.
    """
    entries = _bounded(ledger.tenant_entries(session, selection, keys.changes_listing))
    groups = (tuple(some) for _at, some in groupby(entries, key=lambda one: one["listing_sk"]))
    hot_ids: dict[str, str | None] = {}
    matching = (some for some in groups if changes.matches((one["tokens"] for one in some), wanted))
    for some in batched(matching, min(_LOOKED_UP, selection.page), strict=False):
        places = [sorted(Key(entry["pk"], entry["sk"]) for entry in group) for group in some]
        items = session.table.batch_get([place for group in places for place in group])
        found = [tuple(_from_item(items[one]) for one in group if one in items) for group in places]
        ledger.locate(session, {line.internal_id for lines in found for line in lines}, hot_ids)
        for lines in found:
            yield from _located(lines, hot_ids)


def undone(session: Session, some: Iterable[Change]) -> dict[str, str]:
    """Return by which change each of some was undone, by its id; only those that were."""
    marks = {keys.undone(session.tenant, one.internal_id, one.id): one.id for one in some}
    found = session.table.batch_get(list(marks))
    return {marks[key]: str(item["undone_by"]) for key, item in found.items()}


def _located(lines: Lines, hot_ids: dict[str, str | None]) -> Iterator[Lines]:
    if not lines:
        return
    hot_id = hot_ids[lines[0].internal_id]
    if lines[0].kind == DELETE:
        yield lines
    elif hot_id is not None:
        yield tuple(line._replace(customer_id=hot_id) for line in lines)


def _bounded(items: Iterator[Item]) -> Iterator[Item]:
    for number, item in enumerate(items):
        if number == MOST_READ:
            raise Invalid(
                "Too many changes to look through: say a customer_id, or a shorter custom_range"
            )
        yield item


def _from_item(item: Item) -> Change:
    if keys.is_deletion(item["sk"]):
        return of_deletion(item)
    known = {name: item[name] for name in Change._fields if name in item}
    return Change(**{**known, "at": int(item["at"])})
