"""Requests of `balances.track_tokens` and `.batch_track_tokens`, and the event they leave."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from orchard.contracts.batch import MOST_ITEMS
from orchard.contracts.fields import (
    BalanceExpands,
    CustomerId,
    Id,
    Properties,
    Timestamp,
    Whole,
    fault,
)
from orchard.contracts.request import Request
from orchard.domain.tokens import POOLS, Cost

#: What is tracked as it was sent.
_PASSED_ON = {
    "customer_id",
    "entity_id",
    "timestamp",
    "overage_behavior",
    "idempotency_key",
    "skip_event",
    "is_async",
    "expand",
}


def _not_negative(value: int) -> int:
    if value < 0:
        raise fault("must be at least 0")
    return value


type Tokens = Annotated[Whole, AfterValidator(_not_negative)]


class TrackTokensRequest(Request):
    """Record a use of an AI model: tokens in pools that exclude each other.

    Tokens read from a cache are not input tokens as well, nor are those of reasoning output.
    """

    customer_id: CustomerId
    model_id: Id
    input_tokens: Tokens
    output_tokens: Tokens
    cache_read_tokens: Tokens | None = None
    cache_write_tokens: Tokens | None = None
    audio_input_tokens: Tokens | None = None
    audio_output_tokens: Tokens | None = None
    reasoning_tokens: Tokens | None = None
    feature_id: Id | None = None
    entity_id: Id | None = None
    properties: Properties | None = None
    timestamp: Timestamp | None = None
    overage_behavior: Literal["cap", "reject", "overflow"] = "cap"
    idempotency_key: Id | None = None
    skip_event: bool = False
    #: To be recorded later; the price is that of now.
    is_async: bool = Field(default=False, alias="async")
    expand: BalanceExpands = []

    @property
    def counts(self) -> dict[str, int]:
        """The tokens by pool, without pools that were not sent."""
        sent = {pool: getattr(self, f"{pool}_tokens") for pool in POOLS}
        return {pool: count for pool, count in sent.items() if count is not None}


class BatchTrackTokensRequest(Request):
    """Record many uses of AI models later: the body is the array itself."""

    array = "items"

    items: list[TrackTokensRequest] = Field(min_length=1, max_length=MOST_ITEMS)


def track_body(request: TrackTokensRequest, feature_id: str, cost: Cost) -> dict[str, Any]:
    """Return the body of the `balances.track` that takes the cost from an AI credit system."""
    return {
        **request.model_dump(include=_PASSED_ON, exclude_unset=True, by_alias=True),
        "feature_id": feature_id,
        "value": cost.cost,
        "properties": event_properties(request, cost),
    }


def event_properties(request: TrackTokensRequest, cost: Cost) -> dict[str, Any]:
    """Return the properties of the event: what was sent, then the model, tokens and the price.

    Costs are in dollars, rates in dollars per million tokens, the markup in percent.
    """
    return {
        **(request.properties or {}),
        "model": request.model_id,
        **{f"{pool}_tokens": count for pool, count in request.counts.items()},
        **cost._asdict(),
    }
