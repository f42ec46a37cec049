"""Rows as sources of one use: where each lies, what a unit costs there, how far it may overdraw."""

from collections.abc import Iterable
from decimal import Decimal
from enum import Enum
from typing import NamedTuple

from orchard.domain.holding import Controls, Place
from orchard.domain.quantity import UNBOUNDED, ZERO, total
from orchard.domain.row import ALLOCATED, PRICED, Row, Rows

ONE = Decimal(1)


class Overage(Enum):
    """How usage beyond the balance is treated: dropped, refused, or taken all the same."""

    CAP = "cap"
    REJECT = "reject"
    OVERFLOW = "overflow"


class Source(NamedTuple):
    """A row that can pay. `cost` is what one unit of the tracked feature takes from it."""

    row: Row
    place: Place
    cost: Decimal = ONE
    #: How far it may go below zero.
    room: Decimal = ZERO


class Bound(NamedTuple):
    """What may be taken at most from all rows of one feature: at all, and beyond their balance."""

    drain: Decimal = UNBOUNDED
    overage: Decimal = UNBOUNDED


type Sources = tuple[Source, ...]
FREE = Bound()


def of(
    rows: Rows,
    place: Place,
    controls: Controls,
    overage: Overage = Overage.CAP,
    cost: Decimal = ONE,
) -> Sources:
    """Return the rows of one feature as sources, in their order."""
    permitted, has_price = controls.overage_allowed, is_priced(rows)
    return tuple(
        Source(
            row, place, cost, overage_room(row, overage, permitted=permitted, has_price=has_price)
        )
        for row in rows
    )


def is_priced(rows: Rows) -> bool:
    """Whether any row sells overage, so that a permission need not open the others."""
    return any(row.overage == PRICED for row in rows)


def overage_room(row: Row, overage: Overage, *, permitted: bool | None, has_price: bool) -> Decimal:
    """How much more may be taken from a row below zero once its balance is used up.

    `permitted` is the billing control of the feature; None leaves it to the row.
    """
    if permitted is False:
        return ZERO
    if row.overage == PRICED:
        if row.overage_limit is None:
            return UNBOUNDED
        return max(ZERO, row.overage_limit - row.overdrawn)
    if permitted and not has_price:
        return UNBOUNDED
    return UNBOUNDED if row.overage == ALLOCATED and overage is not Overage.REJECT else ZERO


def spend_left(controls: Controls, rows: Iterable[Row]) -> Decimal:
    """How much more overage the spend limit allows; a percentage is of what main plans include."""
    limit = controls.spend_cap
    if limit is None:
        return UNBOUNDED
    counted = tuple(rows)
    cap = limit.limit
    if limit.is_percentage:
        included = total(row.allowance for row in counted if _is_base(row))
        if not included:
            return UNBOUNDED
        cap = limit.limit * included / 100
    return max(ZERO, cap - total(row.overdrawn for row in counted))


def _is_base(row: Row) -> bool:
    return row.plan_id is not None and not row.add_on and not row.unlimited
