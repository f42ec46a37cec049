"""The ledger: what each change of a balance or customer was, told from its images.

Everything here is a function of the images alone, so a record that the stream delivers again leaves
the same lines again.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from orchard.domain import ids, ledger
from orchard.domain.ledger import Change, Details, Image, Passage, UsageEvent
from orchard.store import changes, customer_items, history_writing, keys, rollups
from orchard.store import ledger as lines
from orchard.store.history_writing import End, Trace
from orchard.store.keys import Key
from orchard.store.rollups import Use
from orchard.store.statements import Item
from orchard.store.stored import Stored, load
from orchard.store.table import Table
from orchard.store.telling import MOVES
from orchard.usecases import alerts, points, top_ups, usage_events
from orchard.usecases.alerts import Notice
from orchard.usecases.top_ups import Due

USAGE, RESET = "track", "reset"
#: What a line says of its writer apart from `details`.
_STAMP = {"id", "kind", "at", "by", "request_id", "reason", "reference", "lines"}
#: What the writer itself says of what changed beside the item: plans, entities.
_SIDES = {"before", "after"}
#: Fields of a customer's item that are not the customer's own.
_NOT_TOLD = {
    *("pk", "sk", "last", "version", "hot_id"),
    *("listing_pk", "listing_sk", "search_text", "tokens", "holds", "processors"),
}


class Written(NamedTuple):
    """One write of an item: the item before (None: it is new) and after (None: it is gone)."""

    key: Key
    old: Item | None
    new: Item | None


class Entry(NamedTuple):
    """What one write leaves behind, and what others are to be told of it."""

    tenant: str
    events: tuple[UsageEvent, ...] = ()
    changes: tuple[Change, ...] = ()
    uses: tuple[Use, ...] = ()
    notices: tuple[Notice, ...] = ()
    #: What balances showed over time, and which entities' don't count any more.
    points: tuple[Trace, ...] = ()
    ends: tuple[End, ...] = ()
    #: Uses that left little of what is topped up by itself.
    due: tuple[Due, ...] = ()


def entry(written: Written) -> Entry:
    """Return what a write leaves in the ledger; nothing for items that have no history."""
    tenant, new = keys.tenant_of(written.key.pk), written.new
    is_customer, is_balance = keys.is_customer(written.key.sk), keys.is_balance(written.key.sk)
    if new is not None and keys.is_top_up(written.key.sk):
        return Entry(tenant, notices=top_ups.notices(tenant, written.old, new))
    if new is None or not (is_customer or is_balance):
        return Entry(tenant)
    # What a deleted customer or entity of the same id left is replaced: history begins anew then.
    old = written.old if written.old is not None and _whose(written.old) == _whose(new) else None
    shown = points.traces(tenant, old, new) if is_balance else ()
    if _is_retold(old, new):
        return Entry(tenant, points=shown)
    if is_customer:
        return Entry(tenant, changes=(_of_customer(old, new),), ends=points.ends(tenant, new))
    return _of_balance(tenant, old, new)._replace(points=shown)


def record(table: Table, entries: Iterable[Entry], retention_days: int) -> None:
    """Write the lines of some entries and count their usage; any repetition changes nothing."""
    known = tuple(entries)
    items = [item for one in known for item in _items(one, retention_days)]
    shown = (trace for one in known for trace in one.points)
    ended = (end for one in known for end in one.ends)
    items += history_writing.items(table, shown, ended, retention_days)
    table.put_many(list({Key(item["pk"], item["sk"]): item for item in items}.values()))
    rollups.count(table, (use for one in known for use in one.uses), retention_days)


def tell(entries: Iterable[Entry]) -> None:
    """Tell others what they are to know. Errors: `Unavailable`; a repetition tells it again."""
    known = tuple(entries)
    alerts.publish(notice for entry in known for notice in entry.notices)
    top_ups.send(one for entry in known for one in entry.due)


def _whose(item: Item) -> tuple[Any, Any]:
    """The customer, and the entity if the item is an entity's."""
    return item["internal_id"], item.get("entity_internal_id")


def _is_retold(old: Item | None, new: Item) -> bool:
    """Whether the write left no word of its own: what the item says of it was told before."""
    return old is not None and bool(old["last"]["id"] == new["last"]["id"])


def _items(entry: Entry, retention_days: int) -> list[Item]:
    tenant = entry.tenant
    return [
        *(lines.event_item(tenant, line, retention_days) for line in entry.events),
        *(changes.change_item(tenant, line, retention_days) for line in entry.changes),
    ]


def _of_customer(old: Item | None, new: Item) -> Change:
    last = new["last"]
    is_moved = last["kind"] in MOVES
    before, after = (
        ({}, {}) if is_moved else customer_items.difference(_told(old or {}), _told(new))
    )
    before, after = before | last.get("before", {}), after | last.get("after", {})
    return _change(new, None, before, after)


def _told(item: Item) -> Details:
    return {name: value for name, value in item.items() if name not in _NOT_TOLD}


def _of_balance(tenant: str, old: Item | None, new: Item) -> Entry:
    stored = load(new)
    if _is_moved(old, stored):
        return Entry(tenant)
    was = None if old is None else _image(load(old))
    passage = ledger.passage(was, _image(stored), int(stored.last["at"]))
    told = Entry(tenant, notices=alerts.notices(tenant, stored, passage))
    told = told._replace(due=top_ups.due(tenant, stored, passage))
    kind = stored.last["kind"]
    resets = (_reset(stored, passage),) if passage.was_renewed and kind != RESET else ()
    if kind != USAGE and not stored.last.get("silent"):
        start = passage.earlier if kind == RESET else passage.before
        states = start.rows, passage.after.rows
        change = _change(new, stored.feature_id, *ledger.changed_rows(*states))
        change = change._replace(basis=change.basis | ledger.basis(*states))
        return told._replace(changes=(*resets, change))
    if stored.last.get("silent"):
        return told._replace(changes=resets)
    events = usage_events.of(stored, passage)
    uses = tuple(usage_events.use(tenant, stored, event) for event in events)
    return told._replace(events=events, changes=resets, uses=uses)


def _is_moved(old: Item | None, stored: Stored) -> bool:
    """Whether the balance only came from another id: a really new one has made its first write."""
    return old is None and (stored.seq > 1 or stored.last["kind"] in MOVES)


def _image(stored: Stored) -> Image:
    return Image(stored.holding, stored.pending, stored.version)


def _reset(stored: Stored, passage: Passage) -> Change:
    """The reset or expiry that the next write found to have happened."""
    at = ledger.due_at(passage.earlier, int(stored.last["at"]))
    before, after = ledger.changed_rows(passage.earlier.rows, passage.before.rows)
    return Change(
        id=ids.derived(
            "chg_", at, stored.internal_id, *usage_events.named(stored.place), str(stored.seq)
        ),
        kind=RESET,
        customer_id=stored.hot_id,
        internal_id=stored.internal_id,
        feature_id=stored.feature_id,
        before=before,
        after=after,
        at=at,
        by="time",
        request_id=stored.last["request_id"],
        entity_id=stored.place.entity_id,
    )


def _change(item: Item, feature_id: str | None, before: Details, after: Details) -> Change:
    last: dict[str, Any] = item["last"]
    return Change(
        id=last["id"],
        kind=last["kind"],
        customer_id=item["hot_id"],
        internal_id=item["internal_id"],
        feature_id=feature_id,
        before=before,
        after=after,
        at=int(last["at"]),
        by=last["by"],
        request_id=last["request_id"],
        reason=last.get("reason"),
        reference=last.get("reference"),
        details={name: value for name, value in last.items() if name not in _STAMP | _SIDES},
        entity_id=item.get("entity_id"),
        basis={"lines": last["lines"]} if "lines" in last else {},
    )
