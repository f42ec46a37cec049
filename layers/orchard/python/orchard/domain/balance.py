"""A customer's balance of one feature: its rows and the usage not yet settled into them.

Usage is counted in `pending` by a bare counter and settled into rows only when something has to be
decided: usage fills the rows in order, so how it splits is a function of its total.
"""

from decimal import Decimal
from typing import NamedTuple

from orchard.domain import deduction, renewal
from orchard.domain.deduction import Overage, Rows
from orchard.domain.quantity import ZERO
from orchard.domain.row import ALLOCATED

#: The due time of a balance that time alone does not change: the last instant of year 9999.
NEVER = 253_402_300_799_999


class Counter(NamedTuple):
    """What lets usage be taken without looking at the rows."""

    headroom: Decimal
    due_at: int
    plain: bool


class Taken(NamedTuple):
    """The outcome of a track: the rows after it and the part of it that found no place."""

    rows: Rows
    left: Decimal


def settled(rows: Rows, pending: Decimal) -> Rows:
    """Return the rows after the pending usage; what fits nowhere overdraws the first row."""
    if not pending:
        return rows
    taken, left = deduction.take(rows, pending, Overage.CAP)
    return deduction.shift(taken, left)


def current(rows: Rows, pending: Decimal, now: int) -> Rows:
    """Return the rows as they stand at `now`: usage settled, then expiry and resets applied."""
    return renewal.renewed(settled(rows, pending), now)


def counter(rows: Rows) -> Counter:
    """What usage may be taken from settled rows before something has to be decided."""
    return Counter(deduction.room(rows), due_at(rows), is_plain(rows))


def due_at(rows: Rows) -> int:
    """The earliest time at which a row or rollover changes by itself, `NEVER` if there is none."""
    return min((at for row in rows for at in row.instants()), default=NEVER)


def is_plain(rows: Rows) -> bool:
    """Whether a counter alone decides every positive track."""
    return bool(rows) and not any(row.boolean or row.overage == ALLOCATED for row in rows)


def track(rows: Rows, value: Decimal, overage: Overage) -> Taken:
    """Take `value` from current rows, or give it back when negative."""
    if any(row.boolean for row in rows):
        return Taken(rows, ZERO)
    return Taken(*deduction.apply(rows, value, overage))
