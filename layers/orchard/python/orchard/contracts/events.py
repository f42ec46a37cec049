"""Request and response of `events.list`, and what `events.aggregate` shares with it."""

import json
import re
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from orchard.contracts.cursor import Page, PageRequest
from orchard.contracts.fields import CustomerId, Id, Timestamp, Whole, fault
from orchard.contracts.numbers import number, plain
from orchard.contracts.request import Request
from orchard.domain.ledger import UsageEvent

#: A filter of the table can compare with this many values.
_MOST_NAMES = 100
_MOST_FILTERS = 5
#: Pages further on are reached with a cursor: an offset reads all that it skips.
_LARGEST_OFFSET = 10_000
_OLDER_LIMIT = 100
_KEY = re.compile(r"[A-Za-z0-9_.$:-]{1,100}")


def _one_or_many(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def legal_key(key: str) -> str:
    """Return the name of a property if events can be told apart by it."""
    if not _KEY.fullmatch(key):
        raise fault(
            "a property's key has 1 to 100 letters, digits and the characters _ . $ : - alone"
        )
    return key


def _offset(value: int) -> int:
    if not 0 <= value <= _LARGEST_OFFSET:
        raise fault(f"must be between 0 and {_LARGEST_OFFSET}; page on with start_cursor")
    return value


def _filters(value: dict[str, str]) -> dict[str, str]:
    for key in value:
        legal_key(key)
    return value


#: What properties must be: the text of a value by its key, whatever its case.
type FilterBy = Annotated[dict[str, str], AfterValidator(_filters), Field(max_length=_MOST_FILTERS)]
#: Spans that look back from now: days, or cycles of billing.
type RangeName = Literal["24h", "7d", "30d", "90d", "last_cycle", "1bc", "3bc"]
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
    feature_id: Names = []
    custom_range: TimeRange | None = None
    range: RangeName | None = None
    filter_by: FilterBy = {}
    #: How clients before 2.3 page: so many events are skipped.
    offset: Annotated[Whole, AfterValidator(_offset)] | None = None

    defaults_before_2_3: ClassVar[dict[str, Any]] = {"offset": 0}

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        if self.range is not None and self.custom_range is not None:
            raise fault("range and custom_range: only one of them can be given")
        if self.offset and self.start_cursor:
            raise fault("offset and start_cursor: only one of them can be given")
        return self

    @property
    def most(self) -> int:
        """How many events a page has at most."""
        is_older = self.offset is not None and "limit" not in self.model_fields_set
        return _OLDER_LIMIT if is_older else self.limit


def list_events_response(page: Page[UsageEvent], request: ListEventsRequest) -> dict[str, Any]:
    """Return a page of events; to who pages by offset also what the older page had."""
    shown = [event(one) for one in page.items]
    view: dict[str, Any] = {"list": shown, "next_cursor": page.next_cursor}
    if request.offset is None:
        return view
    has_more = page.next_cursor is not None
    # Where large events left no room for all that were asked for, the next offset follows these.
    limit = len(shown) if has_more else request.most
    older = {"has_more": has_more, "offset": request.offset, "limit": limit}
    return {**view, "total": len(shown), **older}


def detailed_events_response(page: Page[UsageEvent], request: ListEventsRequest) -> dict[str, Any]:
    """Return a page of events, each with how it came in, which `events.list` does not tell."""
    view = list_events_response(page, request)
    told = (
        {
            "recorded_at": one.at,
            "entity_id": one.entity_id,
            "idempotency_key": one.idempotency_key,
            "request_id": one.request_id or None,
        }
        for one in page.items
    )
    return {**view, "list": [row | more for row, more in zip(view["list"], told, strict=True)]}


def event(one: UsageEvent) -> dict[str, Any]:
    """Return an event as callers see it; `feature_id` is what was tracked, maybe an event name."""
    return {
        "id": one.id,
        "timestamp": one.timestamp,
        "feature_id": one.name,
        "customer_id": one.customer_id,
        "value": number(one.value),
        "properties": json.loads(one.properties),
        "deductions": plain(_deductions(one)),
    }


def _deductions(one: UsageEvent) -> list[dict[str, Any]] | None:
    """What sources paid, in the form of tracks: whose balance it was is for sums only."""
    if one.deductions is None:
        return None
    return [
        {name: value for name, value in paid.items() if name != "entity_id"}
        for paid in one.deductions
    ]
