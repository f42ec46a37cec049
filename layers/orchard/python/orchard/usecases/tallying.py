"""Where sums of usage come from: roll-ups of hours and days, or the events themselves."""

import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import batched
from typing import NamedTuple

from orchard.contracts import aggregates as contract
from orchard.domain.aggregation import EVENT, NOTHING, Piece, Span, Tally
from orchard.domain.customer import Customer
from orchard.domain.holding import text
from orchard.domain.ledger import UsageEvent
from orchard.store import ledger, usage
from orchard.store.ledger import Selection
from orchard.store.session import Session
from orchard.usecases import budget, events

_MOST_ROLLUPS = 200_000
_TOO_MANY_EVENTS = (
    f"More than {events.MOST_READ} events (of all customers: half as many) would have to be read: "
    "choose a shorter range, or full hours (UTC) without entity_id, filter_by, aggregate_on and a "
    "group other than $customer_id"
)
_TOO_MANY_ROLLUPS = (
    f"More than {_MOST_ROLLUPS} hours or days of customers would have to be read: choose a shorter "
    "range, larger bins or fewer features"
)
_LONGEST_GROUP = 255
#: Customers that are looked up together, and in each of the requests that are made at once.
_TOGETHER, _IN_REQUEST, _AT_ONCE = 1000, 100, 10


class Wanted(NamedTuple):
    """The usage that is meant: of which names, of whom (None: everybody)."""

    session: Session
    names: list[str]
    customer: Customer | None
    entity_id: str | None = None


class Source:
    """Reads the usage that is meant, never more of it than one answer may take."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._event_read = budget.at_most(events.MOST_READ, _TOO_MANY_EVENTS)
        self._rollup_read = budget.at_most(_MOST_ROLLUPS, _TOO_MANY_ROLLUPS)
        self._hot_ids: dict[str, str | None] = {}

    def events(self, span: Span | Piece) -> Iterator[UsageEvent]:
        """Yield the events of a span, the newest first."""
        wanted = self._wanted
        selection = Selection(
            names=wanted.names,
            entity_id=wanted.entity_id,
            start=span.start,
            end=span.end - 1,
            page=events.FETCHED,
            looked_at=self._event_read,
        )
        return events.of(wanted.session, wanted.customer, selection)

    def sums(self, piece: Piece, by: str | None) -> Iterator[Tally]:
        """Yield what a piece of a range is summed up from; `by` is `$customer_id`, if anything."""
        if piece.grain == EVENT:
            yield from tallies(self.events(piece), by)
            return
        customer = self._wanted.customer
        found = self._everybody(piece) if customer is None else self._of(customer, piece)
        for hot_id, tally in found:
            # A roll-up may be there that had to go on without the uses it is for.
            if tally.uses:
                yield tally._replace(group=hot_id) if by is not None else tally

    def _of(self, customer: Customer, piece: Piece) -> Iterator[tuple[str, Tally]]:
        session, internal_id = self._wanted.session, customer.internal_id
        for name in self._wanted.names:
            found = usage.of_customer(session, internal_id, name, piece, self._rollup_read)
            yield from ((customer.hot_id, tally) for tally in found)

    def _everybody(self, piece: Piece) -> Iterator[tuple[str, Tally]]:
        """Without deleted customers, whose roll-ups may still be there."""
        session = self._wanted.session
        parts = (
            part
            for name in self._wanted.names
            for part in usage.of_everybody(session, name, piece, self._rollup_read)
        )
        for some in batched(parts, _TOGETHER, strict=False):
            self._locate({part.internal_id for part in some})
            for part in some:
                hot_id = self._hot_ids[part.internal_id]
                if hot_id is not None:
                    yield hot_id, part.tally

    def _locate(self, internal_ids: set[str]) -> None:
        """Look up who is not known yet: one request after another would take too long for many."""

        def look_up(some: Iterable[str]) -> dict[str, str | None]:
            found: dict[str, str | None] = {}
            ledger.locate(self._wanted.session, set(some), found)
            return found

        unknown = sorted(one for one in internal_ids if one not in self._hot_ids)
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            for found in threads.map(look_up, batched(unknown, _IN_REQUEST, strict=False)):
                self._hot_ids |= found


def tallies(found: Iterator[UsageEvent], by: str | None) -> Iterator[Tally]:
    """Return each event as a sum of its own, in the group that it belongs to."""
    return (tally_of(event, by) for event in found)


def tally_of(event: UsageEvent, by: str | None) -> Tally:
    """Return an event as a sum of its own."""
    group = None if by is None else _group(event, by)
    return Tally(event.name, event.timestamp, 1, event.value, group)


def _group(event: UsageEvent, by: str) -> str:
    """Return the group of an event; `null` if it has no value of what it is grouped by.

    Of long values the beginning counts.
    """
    if by in _COLUMNS:
        value = _COLUMNS[by](event)
        return NOTHING if value is None else value
    found = json.loads(event.properties).get(by.removeprefix(contract.PROPERTY))
    if found is None:
        return NOTHING
    is_simple = not isinstance(found, dict | list)
    named = text(found) if is_simple else json.dumps(found, ensure_ascii=False)
    return named[:_LONGEST_GROUP]


def _plan(event: UsageEvent) -> str | None:
    """The plan of the source that paid most; of equal ones the first that was asked."""
    paid = event.deductions or ()
    largest = max(paid, key=lambda one: abs(one["value"]), default={"plan_id": None})
    plan_id: str | None = largest["plan_id"]
    return plan_id


_COLUMNS: dict[str, Callable[[UsageEvent], str | None]] = {
    contract.CUSTOMER: lambda event: event.customer_id,
    contract.ENTITY: lambda event: event.entity_id,
    contract.FEATURE: lambda event: event.name,
    contract.PLAN: _plan,
}
