"""Request and response of `events.list`."""

import json
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from orchard.contracts.cursor import Page, PageRequest
from orchard.contracts.fields import CustomerId, Id, Timestamp, fault
from orchard.contracts.numbers import number, plain
from orchard.contracts.request import Request
from orchard.domain.ledger import UsageEvent

#: A filter of the table can compare with this many values.
_MOST_NAMES = 100


def _one_or_many(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


type Names = Annotated[list[Id], BeforeValidator(_one_or_many), Field(max_length=_MOST_NAMES)]


class TimeRange(Request):
    """From `start` to `end`, both included, in UTC milliseconds."""

    start: Timestamp | None = None
    end: Timestamp | None = None

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.start is not None and self.end is not None and self.start > self.end:
            raise fault("start must not be later than end")
        return self


class ListEventsRequest(PageRequest):
    """Usage events, newest first: of one customer, or of all."""

    customer_id: CustomerId | None = None
    entity_id: Id | None = None
    feature_id: Annotated[
        list[Id], BeforeValidator(_one_or_many), Field(max_length=_MOST_NAMES)
    ] = []
    custom_range: TimeRange = TimeRange()


def list_events_response(page: Page[UsageEvent]) -> dict[str, Any]:
    """Return a page of events."""
    return {"list": [event(one) for one in page.items], "next_cursor": page.next_cursor}


def event(one: UsageEvent) -> dict[str, Any]:
    """Return an event as callers see it; `feature_id` is what was tracked, maybe an event name."""
    return {
        "id": one.id,
        "timestamp": one.timestamp,
        "feature_id": one.name,
        "customer_id": one.customer_id,
        "value": number(one.value),
        "properties": json.loads(one.properties),
        "deductions": plain(one.deductions),
    }
