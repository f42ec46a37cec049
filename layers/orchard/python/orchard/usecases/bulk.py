"""Recording many uses of one customer's feature at once: decided one by one, written together."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from orchard.contracts import balance as contract
from orchard.domain.deduction import Movement
from orchard.domain.holding import State
from orchard.domain.sources import Overage
from orchard.errors import DuplicateIdempotencyKey
from orchard.store import documents, ground
from orchard.store.optimistic import optimistic
from orchard.store.session import Session
from orchard.store.statements import Item, Value
from orchard.usecases import saving, seating, using
from orchard.usecases.saving import Decided
from orchard.usecases.using import Usage

#: A write holds so many events, and so many bytes of what they say, that the item it lands in
#: stays well below what DynamoDB stores; so many keys, that they fit into its transaction.
_MOST_EVENTS, _MOST_BYTES, _MOST_KEYS = 500, 150_000, 80
#: Bytes of an event apart from its properties: ids, times, numbers, and what each source paid.
_EVENT_BYTES = 150
#: A claim outlives every copy of a message in the queue and its dead letters.
CLAIM_MS = 30 * 86_400_000


class Group(NamedTuple):
    """Uses of the same features by the same customer or entity; several features count an event."""

    customer_id: str
    entity_id: str | None
    name: str
    features: tuple[str, ...]


class Event(NamedTuple):
    """One use. `timestamp` in UTC milliseconds; `claimed`: the key is its own already."""

    id: str
    value: Decimal
    overage: Overage
    timestamp: int
    properties: Mapping[str, Any] = {}
    idempotency_key: str | None = None
    claimed: bool = False
    silent: bool = False

    @property
    def key(self) -> str | None:
        """The idempotency key that is still to be claimed."""
        return None if self.claimed else self.idempotency_key


class Recorded(NamedTuple):
    """How many uses were recorded, by now or before, and how many were dropped, by code."""

    recorded: int
    dropped: Mapping[str, int]


def record(session: Session, group: Group, events: Sequence[Event]) -> Recorded:
    """Record uses in their order, in as few writes as hold them.

    Each write is claimed by the events in it, so the same uses may be recorded again without
    counting twice. A use whose idempotency key was used, or that had to fit and doesn't, is
    dropped. Errors: 404 for an unknown customer, entity or feature.
    """
    recorded, dropped = 0, {"duplicate_idempotency_key": 0, "insufficient_balance": 0}
    for some in _chunks(events):
        done = _record(session, group, some)
        recorded += done.recorded
        for code, number in done.dropped.items():
            dropped[code] += number
    return Recorded(recorded, {code: number for code, number in dropped.items() if number})


def _chunks(events: Sequence[Event]) -> Iterator[list[Event]]:
    chunk: list[Event] = []
    size = named = 0
    for event in events:
        weight = _EVENT_BYTES + len(documents.dump(event.properties).encode())
        keyed = event.key is not None
        full = len(chunk) == _MOST_EVENTS or named + keyed > _MOST_KEYS
        if chunk and (full or size + weight > _MOST_BYTES):
            yield chunk
            chunk, size, named = [], 0, 0
        chunk.append(event)
        size, named = size + weight, named + keyed
    if chunk:
        yield chunk


def _record(session: Session, group: Group, events: Sequence[Event]) -> Recorded:
    claim = "\n".join(event.id for event in events)
    used: set[str] = set()
    while True:
        fresh = _first_of_each_key(events, used)
        marked = session.unmarked()
        marked.claim("batch", claim, CLAIM_MS)
        for event in fresh:
            if event.key is not None:
                marked.claim("body", event.key)
        try:
            refused = optimistic(lambda: _attempt(marked, group, fresh))  # noqa: B023 - called at once
        except DuplicateIdempotencyKey as duplicate:
            if duplicate.key == claim:
                return Recorded(len(events), {})
            used.add(duplicate.key)
            continue
        return Recorded(
            len(fresh) - refused,
            {
                "duplicate_idempotency_key": len(events) - len(fresh),
                "insufficient_balance": refused,
            },
        )


def _first_of_each_key(events: Sequence[Event], used: set[str]) -> list[Event]:
    seen = set(used)
    fresh = []
    for event in events:
        key = event.key
        if key is None:
            fresh.append(event)
        elif key not in seen:
            fresh.append(event)
            seen.add(key)
    return fresh


def _attempt(session: Session, group: Group, events: Sequence[Event]) -> int:
    """Decide and write; return how many uses had to fit and did not."""
    costs = using.costs_of(session, group.features)
    held = ground.load(session, group.customer_id, group.entity_id, using.paying(costs))
    before: State = held.state(session.now)
    state: State = before
    moved: tuple[Movement, ...] = ()
    told = _Told()
    for event in events:
        usage = _usage(group, event)
        usage, (after, movements, left) = using.seated(usage, held.subject, state, costs)
        if using.is_refused(usage, left):
            continue
        state, moved = after, (*moved, *movements)
        told.add(event, movements)
    state = seating.taken(session, group.customer_id, before, state)
    details: dict[str, Value] = {"events": told.events, "sources": told.sources}
    last = session.stamp("track", "evt_", name=group.name, **details)
    if group.entity_id is not None:
        last["entity_id"] = group.entity_id
    decided = Decided(held, before, state, moved, group.features[0], last)
    saving.save(session, decided, settle=True)
    return len(events) - len(told.events)


def _usage(group: Group, event: Event) -> Usage:
    return Usage(
        group.customer_id,
        group.entity_id,
        group.features,
        event.value,
        event.overage,
        {},
        event.properties,
    )


class _Told:
    """What the ledger is to know: each use, with what it took from sources that are named once."""

    def __init__(self) -> None:
        self.events: list[Item] = []
        self.sources: list[Item] = []

    def add(self, event: Event, movements: tuple[Movement, ...]) -> None:
        told: Item = {"id": event.id, "timestamp": event.timestamp, "value": event.value}
        told["paid"] = [[self._source(movement), movement.value] for movement in movements]
        if event.properties:
            told["properties"] = documents.dump(event.properties)
        if event.idempotency_key is not None:
            told["idempotency_key"] = event.idempotency_key
        if event.silent:
            told["silent"] = True
        self.events.append(told)

    def _source(self, movement: Movement) -> int:
        source = contract.paid(movement)
        del source["value"]
        if source not in self.sources:
            self.sources.append(source)
        return self.sources.index(source)
