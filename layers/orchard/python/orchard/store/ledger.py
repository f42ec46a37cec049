"""The ledger in the table: usage events, written once and never changed.

Events can be listed of a customer, and of the whole tenant through the index `listing`.
"""

from collections.abc import Callable, Iterator, Sequence
from heapq import merge
from itertools import batched
from typing import Any, NamedTuple

from orchard.domain.ledger import UsageEvent
from orchard.store import keys
from orchard.store.keys import Key
from orchard.store.session import Session
from orchard.store.statements import Item, Query, Value

_DAY_S = 86_400
_LOOKED_UP = 100
_WHOLE = ("timestamp", "at")
_NAMES = {"#name": "name"}


class Selection(NamedTuple):
    """Which events to list: names (none: all), an entity, times (both included), how many at once.

    `after` is the time and id of the last event of the page before. `looked_at` is told how many
    items were read to find them; those of all customers are read twice, in the index and whole.
    `goes_on` is asked, with the key of what was read last, whether to read further.
    """

    names: Sequence[str] = ()
    entity_id: str | None = None
    start: int = 0
    end: int = 10**14
    after: tuple[int, str] | None = None
    page: int = 50
    looked_at: Callable[[int], None] | None = None
    goes_on: Callable[[Item], bool] | None = None


def events(session: Session, internal_id: str, selection: Selection) -> Iterator[UsageEvent]:
    """Yield a customer's events, newest first, strongly consistent."""

    def place(timestamp: int, event_id: str) -> str:
        return keys.event(session.tenant, internal_id, timestamp, event_id).sk

    partition = keys.ledger(session.tenant, internal_id)
    conditions: list[str] = []
    values: dict[str, Value] = {}
    if selection.names:
        listed = {f":name{index}": name for index, name in enumerate(selection.names)}
        conditions.append(f"#name IN ({', '.join(listed)})")
        values |= listed
    if selection.entity_id is not None:
        conditions.append("entity_id = :entity")
        values[":entity"] = selection.entity_id
    query = Query(
        "pk = :pk AND sk BETWEEN :low AND :high",
        {":pk": partition, **values},
        filter=" AND ".join(conditions) or None,
        names=_NAMES if selection.names else None,
        page=selection.page,
    )
    found = between(session, query, selection, place)
    return (_event_from_item(item) for item in found)


def tenant_events(session: Session, selection: Selection) -> Iterator[UsageEvent]:
    """Yield the events of all customers, newest first, a moment behind the table.

    Each bears the id that its customer has now; those of deleted customers are left out.
    """
    entries = tenant_entries(session, selection, keys.events_listing)
    hot_ids: dict[str, str | None] = {}
    for some in batched(entries, min(_LOOKED_UP, selection.page), strict=False):
        places = [Key(entry["pk"], entry["sk"]) for entry in some]
        if selection.looked_at is not None:
            selection.looked_at(len(places))
        lines = session.table.batch_get(places)
        kept = (lines[place] for place in places if place in lines)
        found = [_event_from_item(item) for item in kept if is_kept(item, session.now)]
        locate(session, {event.internal_id for event in found}, hot_ids)
        for event in found:
            hot_id = hot_ids[event.internal_id]
            if hot_id is not None and selection.entity_id in (None, event.entity_id):
                yield event._replace(customer_id=hot_id)


def event_item(tenant: str, event: UsageEvent, retention_days: int) -> Item:
    """Return the item of an event; the table forgets it by itself after `retention_days`."""
    key = keys.event(tenant, event.internal_id, event.timestamp, event.id)
    return {
        **event._asdict(),
        "pk": key.pk,
        "sk": key.sk,
        "listing_pk": keys.events_listing(tenant, keys.events_shard(event.internal_id)),
        "listing_sk": keys.listing_position(event.timestamp, event.id),
        # What the index shows of an event, so that others need not be fetched.
        "tokens": [event.name],
        "ttl": event.at // 1000 + retention_days * _DAY_S,
    }


def is_kept(item: Item, now: int) -> bool:
    """Return whether an item is to be shown: the table takes days to remove what is past its time.

    What an index shows does not say; the item itself does.
    """
    return "ttl" not in item or bool(item["ttl"] > now // 1000)


def tenant_entries(
    session: Session, selection: Selection, listing: Callable[[str, int], str]
) -> Iterator[Item]:
    """Yield what the index `listing` shows of all customers' lines of a kind, newest first."""
    partitions = (listing(session.tenant, number) for number in range(keys.EVENT_SHARDS))
    shards = (_shard(session, partition, selection) for partition in partitions)
    return merge(*shards, key=lambda entry: str(entry["listing_sk"]), reverse=True)


def _shard(session: Session, partition: str, selection: Selection) -> Iterator[Item]:
    values: dict[str, Value] = {":pk": partition}
    listed = {f":name{index}": name for index, name in enumerate(selection.names)}
    query = Query(
        "listing_pk = :pk AND listing_sk BETWEEN :low AND :high",
        values | listed,
        index_name="listing",
        filter=" OR ".join(f"contains(tokens, {name})" for name in listed) or None,
        # Twice a fair share of the page: seldom too little, never all of it from each shard.
        page=selection.page // keys.EVENT_SHARDS * 2 + 2,
    )
    return between(session, query, selection, keys.listing_position)


def between(session: Session, query: Query, selection: Selection, place: Any) -> Iterator[Item]:
    """Yield what a query finds between the bounds of a selection, last first."""
    low, high = place(selection.start, ""), place(selection.end + 1, "")
    last = None if selection.after is None else place(*selection.after)
    if last is not None:
        high = min(high, last)
    if low > high:
        return iter(())
    bounded = query._replace(values={**query.values, ":low": low, ":high": high}, forward=False)
    position = "sk" if query.index_name is None else "listing_sk"
    found = session.table.query(bounded, selection.looked_at, selection.goes_on)
    return (item for item in found if item[position] != last and is_kept(item, session.now))


def locate(session: Session, internal_ids: set[str], hot_ids: dict[str, str | None]) -> None:
    """Look up the present ids of customers that are not known yet; None for a deleted one."""
    unknown = {one: keys.pointer(session.tenant, one) for one in internal_ids - hot_ids.keys()}
    pointers = session.table.batch_get(list(unknown.values()))
    for internal_id, key in unknown.items():
        hot_ids[internal_id] = pointers[key]["hot_id"] if key in pointers else None


def _event_from_item(item: Item) -> UsageEvent:
    whole = {name: int(item[name]) for name in _WHOLE}
    return UsageEvent(**{name: item[name] for name in UsageEvent._fields if name in item} | whole)
