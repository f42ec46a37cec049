"""Usage that is recorded later: accepting it into the queue, and recording what lies there.

An item gets its event id when it is accepted. Whoever records items claims their ids in the same
transaction, so they count once however often their message is delivered.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypedDict

from orchard.contracts.batch import (
    QueuedItem,
    QueuedTracks,
    accepted_response,
    item_document,
)
from orchard.contracts.response import Accepted
from orchard.contracts.tracking import TrackRequest
from orchard.domain import ids
from orchard.domain.catalog import Catalog
from orchard.domain.sources import Overage
from orchard.errors import (
    Invalid,
    InvalidInputs,
    NotFound,
    PaymentFailed,
    StripeFailed,
    Unavailable,
)
from orchard.gateways import queue
from orchard.store import catalog
from orchard.store.session import Session
from orchard.usecases import bulk, tracking
from orchard.usecases.bulk import Event, Group

_DAY_MS = 86_400_000
#: Bytes of an item, so that its message stays within what a queue takes.
_LARGEST_ITEM = 200_000
#: Bytes that a message has for what is not an item, more than it needs.
_ENVELOPE = 5_000

type Document = dict[str, Any]


class Outcome(TypedDict):
    """What came of a message: items recorded, and items dropped by the code of their error."""

    recorded: int
    dropped: Mapping[str, int]


def track(session: Session, request: TrackRequest) -> Document | Accepted:
    """Record one use now, or with `async` later. Errors: as `tracking.track`, or as `accept`."""
    return later(session, request) if request.is_async else tracking.track(session, request)


def accept(session: Session, items: Sequence[TrackRequest]) -> None:
    """Put uses into the queue, all of them or, if the queue fails halfway, say so.

    Errors: 404 for an unknown feature or event and 400 for an item that can't be recorded, both
    before anything is queued; `Unavailable` when the queue did not take everything.
    """
    for number, item in enumerate(items):
        _require_sensible(session, item, f"[{number}].")
    _require_known(session, items)
    _send(session, [_stamped(session, item, number) for number, item in enumerate(items)])


def later(session: Session, request: TrackRequest) -> Accepted:
    """Put one use into the queue; its own idempotency key is claimed now. Errors: as `accept`."""
    if request.lock is not None:
        raise Invalid("A lock can't be taken later: send it without async")
    _require_sensible(session, request, "")
    _require_known(session, [request])
    if request.idempotency_key is not None:
        session.once("body", request.idempotency_key)
    _send(session, [{**_stamped(session, request, 0), "claimed": True}])
    return Accepted(accepted_response(request))


def work(session: Session, message: QueuedTracks) -> Outcome:
    """Record the uses in a message, those before that are recorded already left out.

    Nobody waits for an answer: a use that is refused (no such customer, a repeated idempotency
    key) is dropped. Errors: `Unavailable` at once; what is unexpected after the other uses. The
    whole message may come again.
    """
    recorded = 0
    dropped: Counter[str] = Counter()
    failed: list[Exception] = []
    for items in _by_use(message.items):
        try:
            done = bulk.record(session, _group(session, items[0]), list(map(_event, items)))
            recorded += done.recorded
            dropped.update(done.dropped)
        except Unavailable:
            raise
        except (NotFound, PaymentFailed, StripeFailed) as refused:
            dropped[refused.code] += len(items)
        except Exception as error:  # noqa: BLE001 - what breaks one must not hold up the others
            failed.append(error)
    if failed:
        raise ExceptionGroup("some uses failed", failed)
    return Outcome(recorded=recorded, dropped=dropped)


def _by_use(items: Iterable[QueuedItem]) -> Iterable[list[QueuedItem]]:
    """Put together what the same customer or entity used of the same."""
    groups: dict[tuple[str | None, ...], list[QueuedItem]] = {}
    for item in items:
        place = (item.customer_id, item.entity_id, item.feature_id, item.event_name)
        groups.setdefault(place, []).append(item)
    return groups.values()


def _group(session: Session, item: QueuedItem) -> Group:
    name = item.feature_id or item.event_name or ""
    return Group(item.customer_id, item.entity_id, name, tracking.tracked(session, item))


def _event(item: QueuedItem) -> Event:
    return Event(
        id=item.event_id,
        value=item.value,
        overage=Overage(item.overage_behavior),
        timestamp=item.timestamp or 0,
        properties=item.properties or {},
        idempotency_key=item.idempotency_key,
        claimed=item.claimed,
        silent=item.skip_event,
    )


def _require_sensible(session: Session, item: TrackRequest, place: str) -> None:
    if item.timestamp is not None and not 0 < item.timestamp <= session.now:
        raise InvalidInputs(f"{place}timestamp: must be a past time in milliseconds")
    if item.event_name is not None and item.overage_behavior == "reject":
        raise Invalid(f"{place}overage_behavior: reject needs a feature_id, not an event_name")


def _require_known(session: Session, items: Sequence[TrackRequest]) -> None:
    """Refuse names that the catalogue lacks, looking again before one is called unknown."""
    if not all(_is_known(catalog.cached(session), item) for item in items):
        fresh = catalog.read(session)
        for item in items:
            if item.feature_id is not None:
                fresh.feature(item.feature_id)
            elif not _is_known(fresh, item):
                sentence = f"No features found for event name: {item.event_name}"
                raise NotFound(sentence, "invalid_request")


def _is_known(known: Catalog, item: TrackRequest) -> bool:
    if item.feature_id is not None:
        return item.feature_id in known.features
    return bool(known.listening(item.event_name or ""))


def _stamped(session: Session, request: TrackRequest, number: int) -> Document:
    document = item_document(request)
    if _size(document) > _LARGEST_ITEM:
        # Numbers such as 1e300 are written out, so few bytes may have become many.
        raise Invalid("properties: too large to be queued")
    event_id = _event_id(session, number, document)
    return {"timestamp": session.now, **document, "event_id": event_id}


def _event_id(session: Session, number: int, document: Document) -> str:
    """A fresh id; with an idempotency key, the same for the same use in a repeated request.

    The key may be used again after a day, so an id belongs to the day as well.
    """
    if not session.marks:
        return ids.new("evt_", session.now)
    day = session.now // _DAY_MS * _DAY_MS
    keys = [mark.key.pk for mark in session.marks]
    return ids.derived("evt_", day, *keys, str(number), _json(document))


def _send(session: Session, items: Sequence[Document]) -> None:
    messages = list(_messages(session, items))
    taken = queue.send(messages)
    if taken == len(messages):
        return
    if taken:
        sentence = "Only a part of the batch was queued; a repetition is safe with the same key"
        raise Unavailable(f"{sentence} in Idempotency-Key", "internal_error")
    raise Unavailable("Async track is not available right now", "internal_error")


def _messages(session: Session, items: Sequence[Document]) -> Iterator[str]:
    envelope = {
        "tenant": session.tenant,
        "environment": session.environment,
        "actor": session.actor,
        "request_id": session.request_id,
        "accepted_at": session.now,
        "items": [],
    }
    # The same items make the same messages, whoever sends them: they are recognised together.
    for packed in _packed(_by_customer(items), queue.LARGEST_BYTES - _ENVELOPE):
        yield _json({**envelope, "items": packed})


def _by_customer(items: Sequence[Document]) -> Iterable[list[Document]]:
    groups: dict[str, list[Document]] = {}
    for item in items:
        groups.setdefault(item["customer_id"], []).append(item)
    return groups.values()


def _packed(groups: Iterable[list[Document]], room: int) -> Iterator[list[Document]]:
    """Fill messages of `room` bytes, without splitting a customer that fits into one."""
    packed: list[Document] = []
    left = room
    for group in groups:
        if packed and sum(map(_size, group)) > left:
            yield packed
            packed, left = [], room
        for item in group:
            if packed and _size(item) > left:
                yield packed
                packed, left = [], room
            packed.append(item)
            left -= _size(item)
    if packed:
        yield packed


def _size(item: Document) -> int:
    return len(_json(item)) + 1


def _json(document: Document) -> str:
    """ASCII: a queue does not take every character."""
    return json.dumps(document, separators=(",", ":"))
