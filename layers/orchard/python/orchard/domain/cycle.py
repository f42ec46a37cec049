"""The billing cycle that a customer is in, to look back by."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from orchard.domain import interval
from orchard.domain.customer import CustomerPlan
from orchard.domain.holding import Place, State
from orchard.domain.interval import MONTHS, SPANS_MS
from orchard.domain.row import Row

#: No cycle is longer.
_MOST_MONTHS = 36


class Cycle(NamedTuple):
    """The present cycle, in UTC milliseconds; `begun` is when what has the cycle began."""

    start: int
    end: int
    begun: int

    @property
    def length(self) -> int:
        """How long it takes."""
        return self.end - self.start


def present(
    plans: Sequence[CustomerPlan], state: State, names: Sequence[str], now: int
) -> Cycle | None:
    """Return the cycle of the first plan that is billed, else of the rows that reset.

    Rows of the features named come first. None: nothing has a cycle.
    """
    billed = (plan for plan in plans if plan.is_live(now))
    cycles = (
        Cycle(plan.current_period_start, plan.current_period_end, plan.started_at)
        for plan in billed
        if plan.current_period_start is not None and plan.current_period_end is not None
    )
    of_rows = (_of_row(row, row.next_reset_at) for row in _rows(state, names) if row.next_reset_at)
    return next(cycles, None) or next(of_rows, None)


def previous(cycle: Cycle) -> tuple[int, int]:
    """Return the start and end of the cycle before; of this one if what has it began therein."""
    if cycle.begun >= cycle.start:
        return cycle.start, cycle.end
    months = _months(cycle)
    if months:
        return interval.plus_months(cycle.start, -months), cycle.start
    return cycle.start - cycle.length, cycle.start


def _rows(state: State, names: Sequence[str]) -> Iterator[Row]:
    """The rows of the features named, then all others; what is the customer's own comes first."""
    places = sorted(state, key=lambda place: (place.feature_id not in names, _name(place)))
    return (row for place in places for row in state[place].rows)


def _name(place: Place) -> tuple[bool, str, str]:
    return place.entity_id is not None, place.feature_id, place.entity_id or ""


def _of_row(row: Row, end: int) -> Cycle:
    span = SPANS_MS.get(row.interval)
    if span is not None:
        return Cycle(end - span * row.interval_count, end, row.created_at)
    months = MONTHS[row.interval] * row.interval_count
    return Cycle(interval.plus_months(end, -months), end, row.created_at)


def _months(cycle: Cycle) -> int:
    """How many calendar months make up a cycle; 0 if it isn't made of months."""
    lengths = range(1, _MOST_MONTHS + 1)
    same = (one for one in lengths if interval.plus_months(cycle.start, one) == cycle.end)
    return next(same, 0)
