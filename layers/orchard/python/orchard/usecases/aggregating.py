"""Usage summed over time: `events.aggregate`.

Whole hours and days come from roll-ups. The rest of a range comes from the events themselves, and
so does all that roll-ups don't tell apart.
"""

from collections.abc import Iterable
from decimal import Decimal
from itertools import islice
from typing import Any, NamedTuple

from orchard.contracts import aggregates as contract
from orchard.contracts.aggregates import AggregateEventsRequest, Rates
from orchard.domain import aggregation, draws
from orchard.domain.aggregation import Series, Span, Tally
from orchard.domain.catalog import AI_CREDIT_SYSTEM, CREDIT_SYSTEM, Catalog
from orchard.domain.draws import Use
from orchard.domain.interval import DAY_MS
from orchard.domain.ledger import DAY, GRAINS_MS, HOUR
from orchard.errors import Invalid
from orchard.store import catalog, customers
from orchard.store.session import Session
from orchard.usecases import budget, events, ranges, tallying
from orchard.usecases.tallying import Source, Wanted

_USUAL_RANGE, _USUAL_GROUPS = "1bc", 9
#: Numbers in an answer.
_MOST_NUMBERS = 50_000
_TOO_LONG = (
    f"The answer would have more than {_MOST_NUMBERS} numbers, or be too long: choose a shorter "
    "range, larger bins, or fewer features or groups"
)
_CREDITS, _METERED = "credit_system", "metered"


class Memory(NamedTuple):
    """For how many days events and hours are kept (days are kept for good), and since when."""

    days: int
    since: int


def aggregate(
    session: Session, request: AggregateEventsRequest, retention_days: int
) -> dict[str, Any]:
    """Return the usage of some features by hour, day, week or month.

    Single events and hours are known for `retention_days`. Errors: `CustomerNotFound`; `Invalid`
    for what can't be combined, what is forgotten, and what is too much for one answer.
    """
    _check(request)
    answer = _aggregated(session, request, retention_days)
    if budget.size(answer) > budget.LARGEST_ANSWER:
        raise Invalid(_TOO_LONG)
    return answer


def _aggregated(
    session: Session, request: AggregateEventsRequest, retention_days: int
) -> dict[str, Any]:
    customer_id = request.customer_id
    customer = None if customer_id is None else customers.locate(session, customer_id)
    source = Source(Wanted(session, request.names, customer, request.entity_id))
    memory = Memory(retention_days, session.now - retention_days * DAY_MS)
    span = _span(session, request, memory)
    if request.aggregate_on is not None:
        return _with_deductions(session, request, source, _remembered(span, memory))
    by = request.group_by
    if by not in (None, contract.CUSTOMER) or request.entity_id or request.filter_by:
        found = source.events(_remembered(span, memory))
        matching = events.matching(found, request.filter_by)
        return _answer(session, request, span, tallying.tallies(matching, by))
    pieces = aggregation.pieces(span, by_hour=request.size == "hour")
    for piece in pieces:
        _remembered(Span(piece.start if piece.grain != DAY else session.now, piece.end), memory)
    sums = (tally for piece in pieces for tally in source.sums(piece, by))
    return _answer(session, request, span, sums)


def _check(request: AggregateEventsRequest) -> None:
    if request.aggregate_on is None:
        if request.group_by == contract.FEATURE:
            raise Invalid(f"group_by {contract.FEATURE} needs aggregate_on")
    elif request.customer_id is None:
        raise Invalid("aggregate_on needs customer_id")
    elif request.group_by == contract.PLAN:
        raise Invalid(f"aggregate_on can't be grouped by {contract.PLAN}")
    elif request.filter_by:
        raise Invalid("aggregate_on can't be combined with filter_by")


def _span(session: Session, request: AggregateEventsRequest, memory: Memory) -> Span:
    """The range that is meant. What lasts until now includes the whole present hour, or day.

    There are no events in the time to come, so roll-ups tell all of it.
    """
    custom, now = request.custom_range, session.now
    if custom is not None:
        span = Span(custom.start, custom.end + 1)
    else:
        name = request.range or _USUAL_RANGE
        span = ranges.named(session, name, request.customer_id, request.names, memory.since)
    if span.end <= now:
        return span
    grain = GRAINS_MS[HOUR if request.size == "hour" else DAY]
    return Span(span.start, now - now % grain + grain)


def _remembered(span: Span, memory: Memory) -> Span:
    if span.start < memory.since:
        raise Invalid(
            f"Events and hours are kept for {memory.days} days: begin at {memory.since} or later, "
            "or sum up full days (UTC) by day, week or month, without filters or groups"
        )
    return span


def _answer(
    session: Session, request: AggregateEventsRequest, span: Span, sums: Iterable[Tally]
) -> dict[str, Any]:
    """Sum up, in bins without gaps until the end of the range, or until now."""
    starts = _starts(session, request, span)
    grouped = request.group_by is not None
    by_count = request.measure == "count"
    whole = aggregation.series(request.names, starts, sums, grouped=grouped)
    most = request.max_groups or _USUAL_GROUPS
    shown = aggregation.collapsed(whole, most, by_count=by_count)
    _limit(len(starts) * len(request.names) + _numbers(shown))
    return contract.aggregate_response(shown, by_count=by_count)


def _starts(session: Session, request: AggregateEventsRequest, span: Span) -> list[int]:
    """The beginnings of all bins until the end of the range, or until now."""
    until_now = Span(span.start, min(span.end, session.now + 1))
    starts = list(islice(aggregation.bins(until_now, request.size), _MOST_NUMBERS + 1))
    _limit(len(starts))
    return starts


def _limit(numbers: int) -> None:
    if numbers > _MOST_NUMBERS:
        raise Invalid(_TOO_LONG)


def _numbers(shown: Series) -> int:
    groups = (shown.groups or {}).values()
    return sum(len(by_bin) for by_group in groups for by_bin in by_group.values())


def _with_deductions(
    session: Session, request: AggregateEventsRequest, source: Source, span: Span
) -> dict[str, Any]:
    starts, by = _starts(session, request, span), request.group_by
    tallied = ((tallying.tally_of(event, by), event) for event in source.events(span))
    # Of the events no more is kept than what is asked for.
    uses = [
        Use(tally, aggregation.bin_of(starts, tally.at), event.deductions)
        for tally, event in tallied
    ]
    answer = _answer(session, request, span, (use.tally for use in uses))
    drawn = draws.collect(uses, request.max_groups or _USUAL_GROUPS)
    names = draws.names_of_balances(drawn.values())
    rates = _rates(catalog.cached(session), request.names)
    shown = contract.deductions_response(starts, drawn, names, rates, grouped=by is not None)
    return {**answer, "deductions": shown}


def _rates(known: Catalog, names: list[str]) -> Rates:
    """What features are, and what each name takes of those that pay for it, as of now."""
    systems = (CREDIT_SYSTEM, AI_CREDIT_SYSTEM)
    types = {
        one.id: _CREDITS if one.type in systems else _METERED for one in known.features.values()
    }
    costs: dict[tuple[str, str], set[Decimal]] = {}
    for name in names:
        tracked = [name] if name in known.features else [one.id for one in known.listening(name)]
        for feature_id in tracked:
            for owner, cost in known.costs(feature_id).items():
                costs.setdefault((name, owner), set()).add(cost)
    return Rates(types, {key: found.pop() for key, found in costs.items() if len(found) == 1})
