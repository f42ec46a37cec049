"""What a renewal does beside billing usage: prepaid units of the new cycle, and its dates."""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from orchard.domain import interval, renewal
from orchard.domain.billing import arrears, quantities
from orchard.domain.billing.usage_lines import price_interval
from orchard.domain.customer import CustomerPlan
from orchard.domain.holding import Place, State
from orchard.domain.interval import DAY_MS, ONE_OFF
from orchard.domain.row import Row

#: Ends of months differ by so much: a date further off was set by somebody.
_DRIFT_MS = 3 * DAY_MS

type Ends = Mapping[tuple[str, int], int]


class Cycle(NamedTuple):
    """The cycle that begins at `start`; by interval and count, when periods end at Stripe."""

    start: int
    ends: Ends
    anchor: int

    def end_of(self, every: str, count: int) -> int:
        """Return when the period ends that such an interval is in."""
        found = self.ends.get((every, count))
        if found is not None and found > self.start:
            return found
        return interval.first_boundary(self.anchor, every, count, self.start)

    def begins(self, every: str, count: int) -> bool:
        """Whether a period of such an interval begins with the cycle."""
        end = self.end_of(every, count)
        return abs(interval.after(end, every, count, -1) - self.start) <= _DRIFT_MS


def renewed_plan(state: State, held: CustomerPlan, cycle: Cycle) -> CustomerPlan:
    """Return a plan with the quantities of the cycle that begins; others stay announced."""
    due = {
        place.feature_id
        for place, row in arrears.rows(state, held)
        if _is_sold_ahead(row) and cycle.begins(*price_interval(row.price or {}))
    }
    came = {name: units for name, units in held.upcoming_quantities.items() if name in due}
    later = {name: units for name, units in held.upcoming_quantities.items() if name not in due}
    return held._replace(quantities={**held.quantities, **came}, upcoming_quantities=later)


def restocked(state: State, held: CustomerPlan, cycle: Cycle) -> State:
    """Return a state with the prepaid units that a plan has now, and the dates of its cycle."""

    def change(place: Place, row: Row) -> Row:
        units = held.quantities.get(place.feature_id)
        if units is not None and _is_sold_ahead(row):
            row = _with_units(row, units)
        return _aligned(row, cycle)

    return arrears.changed(state, held, change)


def redated(state: State, held: CustomerPlan, ends: Ends, now: int) -> State:
    """Return a state in which a plan's rows reset when the periods end that began just now.

    With a period that begins comes the reset that an overdue payment held up.
    """

    def change(_place: Place, row: Row) -> Row:
        end = ends.get((row.interval, row.interval_count))
        is_due = row.next_reset_at is not None and end is not None
        return renewal.caught_up(row, now)._replace(next_reset_at=end) if is_due else row

    return arrears.changed(state, held, change)


def retried(state: State, held: CustomerPlan, end: int, ends: Ends, now: int) -> State:
    """Return a state in which the trial of a plan ends at another time; what resets does so then.

    Where that is past, periods that began with it end as `ends` says.
    """

    def change(_place: Place, row: Row) -> Row:
        if end <= now and row.trial_ends_at is None:
            return row
        is_due = row.next_reset_at is not None and (row.interval, row.interval_count) in ends
        row = row._replace(trial_ends_at=end, next_reset_at=end if is_due else row.next_reset_at)
        return renewal.after_trial(row, end) if end <= now else row

    after = arrears.changed(state, held, change)
    return redated(after, held, ends, now) if end <= now else after


def _is_sold_ahead(row: Row) -> bool:
    return quantities.is_prepaid({"price": row.price}) and (row.price or {})["interval"] != ONE_OFF


def _with_units(row: Row, quantity: Decimal) -> Row:
    """A row with so many units; one that resets at times of its own has them from then on."""
    prepaid = quantities.units({"included": row.allowance, "price": row.price}, quantity)
    more = prepaid - row.prepaid
    if not more:
        return row
    is_billed_so = (row.interval, row.interval_count) == price_interval(row.price or {})
    begins = is_billed_so and not row.overdue
    if row.continuous or begins or row.next_reset_at is None:
        return row._replace(prepaid=prepaid, balance=row.balance + more)
    return row._replace(prepaid=prepaid, adjustment=row.adjustment - more)


def _aligned(row: Row, cycle: Cycle) -> Row:
    """A row that resets with Stripe's period: a month's end drifts where nobody looks at it."""
    every = row.interval, row.interval_count
    if row.overdue or row.next_reset_at is None or every not in cycle.ends:
        return row
    end = cycle.end_of(*every)
    return row._replace(next_reset_at=end) if abs(end - row.next_reset_at) <= _DRIFT_MS else row
