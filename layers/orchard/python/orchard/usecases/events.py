"""Looking through recorded usage: `events.list`."""

import json
from collections.abc import Iterator, Mapping
from itertools import accumulate, islice
from typing import Any

from orchard.contracts.cursor import Cursor, page
from orchard.contracts.events import (
    ListEventsRequest,
    detailed_events_response,
    event,
    list_events_response,
)
from orchard.domain.customer import Customer
from orchard.domain.holding import text
from orchard.domain.interval import DAY_MS
from orchard.domain.ledger import UsageEvent
from orchard.store import customers, keys, ledger, usage
from orchard.store.ledger import Selection
from orchard.store.session import Session
from orchard.usecases import budget, ranges
from orchard.usecases.looking import Look

#: Cursors of events count microseconds.
_MICROSECONDS = 1000
#: Events of others, and those that a filter leaves out, count as well.
MOST_READ = 50_000
_TOO_MANY = (
    f"More than {MOST_READ} events (of all customers: half as many) would have to be looked "
    "through: narrow custom_range"
)
#: An answer has a few words more than its events.
_LARGEST_PAGE = budget.LARGEST_ANSWER - 4096
#: How many events are read at once to be summed up, and at least to find those that are asked for.
FETCHED, _LOOKED_THROUGH = 1000, 250
#: How many are passed over at once in search of a feature: as many as one request can, about.
_PASSED_OVER = 4000
#: Longer ago than that, roll-ups know of each day on which something was used.
_SETTLED_MS = 15 * 60_000


def list_events(session: Session, request: ListEventsRequest) -> dict[str, Any]:
    """Return a page of events, newest first. Errors: `CustomerNotFound`."""
    selection = _selection(session, request)
    customer_id = request.customer_id
    customer = None if customer_id is None else customers.locate(session, customer_id)
    found = matching(of(session, customer, selection), request.filter_by)
    offset = request.offset or 0
    shown = list(islice(found, offset, offset + request.most + 1))
    return list_events_response(page(shown, min(request.most, _fitting(shown)), _place), request)


def look_through(session: Session, request: ListEventsRequest, look: Look) -> dict[str, Any]:
    """Return a page of a customer's events, each with how it came in.

    Where a look does not find all that is asked for, `look.reached` says how far it got.
    """
    selection = _selection(session, request)._replace(goes_on=look.goes_on)
    if request.feature_id or request.filter_by:
        # The table leaves out other features by itself; properties have to be fetched.
        selection = selection._replace(page=FETCHED if request.filter_by else _PASSED_OVER)
        selection = _leapt(session, selection, look)
    every = _renamed(ledger.events(session, look.internal_id, selection), look.hot_id)
    shown = list(islice(matching(every, request.filter_by), request.most + 1))
    found = page(shown, min(request.most, _fitting(shown)), _place)
    stopped = look.stopped_at
    reached = None if stopped is None else keys.placed_event(stopped["sk"])
    place = None if reached is None else Cursor(reached[0] * _MICROSECONDS, reached[1])
    return detailed_events_response(look.page(found, place), request)


def _leapt(session: Session, selection: Selection, look: Look) -> Selection:
    """Go on with the last day on which the feature was used, where a look goes on behind another.

    Roll-ups are a moment behind: what is newer than that is looked through as it is.
    """
    after = selection.after
    if len(selection.names) != 1 or after is None or after[0] > session.now - _SETTLED_MS:
        return selection
    look.requests -= 1
    until = min(selection.end, after[0])
    day = usage.latest_day(session, look.internal_id, selection.names[0], until)
    last = selection.start - 1 if day is None else min(until, day + DAY_MS - 1)
    return selection._replace(end=last)


def of(session: Session, customer: Customer | None, selection: Selection) -> Iterator[UsageEvent]:
    """Yield events, newest first, each with the present id of its customer."""
    if customer is None:
        return ledger.tenant_events(session, selection)
    return _renamed(ledger.events(session, customer.internal_id, selection), customer.hot_id)


def _renamed(events: Iterator[UsageEvent], hot_id: str) -> Iterator[UsageEvent]:
    """A customer that was renamed is shown under its present id throughout."""
    return (one._replace(customer_id=hot_id) for one in events)


def matching(events: Iterator[UsageEvent], filters: Mapping[str, str]) -> Iterator[UsageEvent]:
    """Return the events whose properties have these values as text, whatever the case."""
    if not filters:
        return events
    wanted = {key: value.casefold() for key, value in filters.items()}
    return (one for one in events if _matches(json.loads(one.properties), wanted))


def _matches(properties: Mapping[str, Any], wanted: Mapping[str, str]) -> bool:
    return all(
        properties.get(key) is not None and text(properties[key]).casefold() == value
        for key, value in wanted.items()
    )


def _fitting(found: list[UsageEvent]) -> int:
    """How many of the events fit into one answer; the next page begins behind them."""
    sizes = accumulate(budget.size(event(one)) + 1 for one in found)
    return max(1, sum(1 for size in sizes if size <= _LARGEST_PAGE))


def _selection(session: Session, request: ListEventsRequest) -> Selection:
    after = request.after
    is_filtered = bool(request.filter_by or request.feature_id) or request.entity_id is not None
    shown = request.most + (request.offset or 0) + 1
    wanted = Selection(
        names=request.feature_id,
        entity_id=request.entity_id,
        after=None if after is None else (after.time // _MICROSECONDS, after.id),
        page=max(shown, _LOOKED_THROUGH) if is_filtered else shown,
        looked_at=budget.at_most(MOST_READ, _TOO_MANY),
    )
    if request.range is not None:
        span = ranges.named(session, request.range, request.customer_id, request.feature_id, 0)
        return wanted._replace(start=span.start, end=span.end - 1)
    if request.custom_range is None:
        return wanted
    start, end = request.custom_range.start, request.custom_range.end
    return wanted._replace(start=start or 0, end=wanted.end if end is None else end)


def _place(one: UsageEvent) -> Cursor:
    return Cursor(one.timestamp * _MICROSECONDS, one.id)
