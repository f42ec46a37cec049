"""Taking usage from rows and giving it back: pure functions over rows in deduction order.

Every function returns new rows and, where something may be left over, the amount that found no
place. What each row paid is read off by comparing rows before and after (`movements`).
"""

from collections.abc import Iterator
from decimal import Decimal
from enum import Enum
from typing import NamedTuple

from orchard.domain.quantity import UNBOUNDED, ZERO, total
from orchard.domain.row import ALLOCATED, NO_OVERAGE, Rollover, Row

Rows = tuple[Row, ...]


class Overage(Enum):
    """How usage beyond the balance is treated: dropped, refused, or taken all the same."""

    CAP = "cap"
    REJECT = "reject"
    OVERFLOW = "overflow"


class Movement(NamedTuple):
    """What one row or rollover paid (positive) or got back (negative)."""

    balance_id: str
    row: Row
    value: Decimal


def apply(rows: Rows, amount: Decimal, overage: Overage) -> tuple[Rows, Decimal]:
    """Take a positive amount or give back a negative one; return the rows and what is left over."""
    if amount >= 0:
        return take(rows, amount, overage)
    return restore(rows, -amount, bounded=overage is not Overage.OVERFLOW)


def take(rows: Rows, amount: Decimal, overage: Overage) -> tuple[Rows, Decimal]:
    """Take `amount`: an unlimited row whole, else rollovers, then balances, then overage."""
    if not amount or not rows:
        return rows, amount
    unlimited = _first_unlimited(rows)
    if unlimited is not None:
        return _moved(rows, unlimited, -amount), ZERO
    rows, amount = _take_rollovers(rows, amount)
    rows, amount = _take_balances(rows, amount)
    return _take_overage(rows, amount, overage)


def restore(rows: Rows, amount: Decimal, *, bounded: bool = True) -> tuple[Rows, Decimal]:
    """Give `amount` back: overdrawn rows up to zero, then each up to what it was granted.

    Rollovers are never refilled. Unbounded, the first row takes all that is left.
    """
    if not amount or not rows:
        return rows, amount
    unlimited = _first_unlimited(rows)
    if unlimited is not None:
        return _moved(rows, unlimited, amount), ZERO
    rows, amount = _raise_to_zero(rows, amount)
    if not bounded:
        return _moved(rows, 0, amount), ZERO
    for index, row in enumerate(rows):
        given = min(amount, max(ZERO, row.ceiling - row.balance))
        rows, amount = _moved(rows, index, given), amount - given
    return rows, amount


def shift(rows: Rows, amount: Decimal) -> Rows:
    """Take (positive) or add (negative) an edited amount: balances only, and never refused.

    A decrease empties the rows in order and overdraws the first; an increase lifts overdrawn rows
    to zero and gives the rest to the first. An unlimited row takes it all.
    """
    unlimited = _first_unlimited(rows)
    if unlimited is not None:
        return _moved(rows, unlimited, -amount)
    left: Decimal
    if amount >= 0:
        rows, left = _take_balances(rows, amount)
    else:
        rows, left = _raise_to_zero(rows, -amount)
        left = -left
    return _moved(rows, 0, -left) if rows else rows


def room(rows: Rows) -> Decimal:
    """How much can be taken before usage would be capped."""
    if _first_unlimited(rows) is not None:
        return UNBOUNDED
    positive = total(max(ZERO, row.balance) for row in rows)
    carried = total(rollover.balance for row in rows for rollover in row.rollovers)
    return min(UNBOUNDED, positive + carried + total(row.overage_room() for row in rows))


def movements(before: Rows, after: Rows) -> tuple[Movement, ...]:
    """What each row and rollover paid between two states, in the order of `after`."""
    return tuple(
        Movement(balance_id, row, was - now)
        for balance_id, row, was, now in _pairs(before, after)
        if was != now
    )


def _pairs(before: Rows, after: Rows) -> Iterator[tuple[str, Row, Decimal, Decimal]]:
    earlier = {row.id: row for row in before}
    for row in after:
        was = earlier.get(row.id)
        if was is None:
            continue
        carried = {rollover.id: rollover.balance for rollover in was.rollovers}
        for rollover in row.rollovers:
            held = carried.get(rollover.id, rollover.balance)
            yield rollover.id, row, held, rollover.balance
        yield row.id, row, was.balance, row.balance


def _first_unlimited(rows: Rows) -> int | None:
    return next((index for index, row in enumerate(rows) if row.unlimited), None)


def _moved(rows: Rows, index: int, amount: Decimal) -> Rows:
    if not amount:
        return rows
    row = rows[index]
    changed = row._replace(balance=row.balance + amount)
    return (*rows[:index], changed, *rows[index + 1 :])


def _take_rollovers(rows: Rows, amount: Decimal) -> tuple[Rows, Decimal]:
    held = [
        (rollover.expires_at is None, rollover.expires_at or 0, index, rollover)
        for index, row in enumerate(rows)
        for rollover in row.rollovers
        if rollover.balance > 0
    ]
    for _never, _expiry, index, rollover in sorted(held, key=lambda entry: entry[:3]):
        taken = min(amount, rollover.balance)
        rows, amount = _drawn(rows, index, rollover, taken), amount - taken
    return rows, amount


def _drawn(rows: Rows, index: int, rollover: Rollover, taken: Decimal) -> Rows:
    if not taken:
        return rows
    left = rollover._replace(balance=rollover.balance - taken, usage=rollover.usage + taken)
    row = rows[index]
    rollovers = tuple(left if one.id == rollover.id else one for one in row.rollovers)
    return (*rows[:index], row._replace(rollovers=rollovers), *rows[index + 1 :])


def _take_balances(rows: Rows, amount: Decimal) -> tuple[Rows, Decimal]:
    for index, row in enumerate(rows):
        taken = min(amount, max(ZERO, row.balance))
        rows, amount = _moved(rows, index, -taken), amount - taken
    return rows, amount


def _take_overage(rows: Rows, amount: Decimal, overage: Overage) -> tuple[Rows, Decimal]:
    if overage is Overage.OVERFLOW:
        return _moved(rows, 0, -amount), ZERO
    refusing = (NO_OVERAGE, ALLOCATED) if overage is Overage.REJECT else (NO_OVERAGE,)
    for index, row in enumerate(rows):
        taken = ZERO if row.overage in refusing else min(amount, row.overage_room())
        rows, amount = _moved(rows, index, -taken), amount - taken
    return rows, amount


def _raise_to_zero(rows: Rows, amount: Decimal) -> tuple[Rows, Decimal]:
    for index, row in enumerate(rows):
        given = min(amount, max(ZERO, -row.balance))
        rows, amount = _moved(rows, index, given), amount - given
    return rows, amount
