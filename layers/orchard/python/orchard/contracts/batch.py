"""`balances.batch_track`, and what waits in the queue until it is recorded."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from orchard.contracts import numbers
from orchard.contracts.fields import Id
from orchard.contracts.message import Message
from orchard.contracts.request import Request
from orchard.contracts.tracking import TrackRequest
from orchard.domain.quantity import exact

MOST_ITEMS = 1000
#: What is of no use to an item that is recorded later.
_LEFT_OUT = {"lock", "expand", "is_async"}


def _from_text(value: Any) -> Any:
    """Fractions travel as text: nothing on the way may turn them into doubles."""
    return exact(Decimal(value)) if isinstance(value, str) else value


class BatchTrackRequest(Request):
    """Record many uses later: the body is the array itself."""

    array = "items"

    items: list[TrackRequest] = Field(min_length=1, max_length=MOST_ITEMS)


class QueuedItem(TrackRequest):
    """A use that was accepted. `claimed`: its idempotency key was taken when it was accepted."""

    event_id: Id
    claimed: bool = False
    value: Annotated[Decimal, BeforeValidator(_from_text)]


class QueuedTracks(Message):
    """The uses in one message, those of one customer in the order in which they were sent."""

    items: list[QueuedItem]


def item_document(request: TrackRequest) -> dict[str, Any]:
    """Return a use as JSON that `QueuedItem` reads, without what is added when it is accepted."""
    document = request.model_dump(exclude_none=True, exclude_defaults=True, exclude=_LEFT_OUT)
    if request.properties is not None:
        document["properties"] = numbers.plain(request.properties)
    return {**document, "value": f"{request.value:f}"}


def accepted_response(request: TrackRequest) -> dict[str, Any]:
    """Return the answer to a track that is recorded later: no balance is known yet."""
    response: dict[str, Any] = {"customer_id": request.customer_id}
    if request.entity_id is not None:
        response["entity_id"] = request.entity_id
    if request.event_name is not None:
        response["event_name"] = request.event_name
    return {**response, "value": numbers.number(request.value), "balance": None}
