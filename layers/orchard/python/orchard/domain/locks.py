"""Reserved usage: what a lock took from each source, and giving a part of it back."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from orchard.domain import gates
from orchard.domain.deduction import Movement
from orchard.domain.holding import NOTHING, Holding, Place, State
from orchard.domain.quantity import ZERO, exact, total
from orchard.domain.row import Row
from orchard.domain.scope import Subject

#: A lock that names no end is released after a day.
LONGEST_MS = 86_400_000


class Taken(NamedTuple):
    """What a lock took from a row or one of its rollovers, in units of the row's feature.

    `cost` is what one tracked unit takes there, `resets` how often the row had been reset then.
    Limits don't count what an unlimited row pays.
    """

    place: Place
    row_id: str
    rollover_id: str | None
    value: Decimal
    cost: Decimal
    resets: int
    unlimited: bool = False

    @property
    def units(self) -> Decimal:
        """The part in tracked units."""
        return exact(self.value / self.cost) if self.cost else ZERO


class Receipt(NamedTuple):
    """What a lock reserved of a feature, and from where, in the order in which it was taken."""

    feature_id: str
    subject: Subject
    properties: Mapping[str, Any]
    taken: tuple[Taken, ...]
    #: What was reserved in all; less than what was asked for if a refund found no place.
    value: Decimal


class Unwound(NamedTuple):
    """The state after giving back, what moved, and what found its source gone."""

    state: State
    movements: tuple[Movement, ...]
    missing: Decimal


def taken(moved: Iterable[Movement], costs: Mapping[str, Decimal]) -> tuple[Taken, ...]:
    """Return what each source paid, as a lock remembers it: in the order in which it was taken."""
    return tuple(
        Taken(
            place=one.place,
            row_id=one.row.id,
            rollover_id=None if one.balance_id == one.row.id else one.balance_id,
            value=one.value,
            cost=costs[one.place.feature_id],
            resets=one.row.resets,
            unlimited=one.row.unlimited,
        )
        for one in sorted(moved, key=_turn)
    )


def reserved(required: Decimal, parts: Iterable[Taken]) -> Decimal:
    """Return what a lock reserved: a use fits whole or is refused, a refund may be capped."""
    return required if required > 0 else total(part.units for part in parts)


def unwound(state: State, receipt: Receipt, units: Decimal, gone: str | None = None) -> Unwound:
    """Give back `units` of what was reserved, the last taken first, to where it came from.

    Negative units are taken back from what a negative lock gave. A row that was reset since has
    forgotten the lock already, what it had carried over has not. Windows count down what is given
    back. With an entity that is `gone` went what was its own, while it gives back the customer's.
    """
    moved: list[Movement] = []
    amounts = {receipt.feature_id: min(ZERO, -units)}
    left, missing = abs(units), ZERO
    for part in reversed(receipt.taken):
        portion = min(left, abs(part.units))
        left -= portion
        if not portion or (gone is not None and part.place.entity_id == gone):
            continue
        value = part.value if portion == abs(part.units) else _signed(portion * part.cost, part)
        row = _row(state.get(part.place, NOTHING), part)
        if row is None or not _has_source(row, part):
            missing += portion
        elif part.rollover_id is not None or row.resets == part.resets:
            state, changed = _given(state, part, row, value)
            moved.append(Movement(part.rollover_id or part.row_id, changed, -value, part.place))
            if value > 0 and part.place.feature_id != receipt.feature_id:
                amounts[part.place.feature_id] = amounts.get(part.place.feature_id, ZERO) - value
    if not any(part.unlimited for part in receipt.taken):
        state = gates.count(state, receipt.subject, amounts, receipt.properties)
    return Unwound(state, tuple(moved), missing if units > 0 else -missing)


def _signed(amount: Decimal, part: Taken) -> Decimal:
    return exact(amount if part.value > 0 else -amount)


def _turn(one: Movement) -> tuple[object, ...]:
    """When a source was first drawn on: what was carried over, what was left, then overage.

    Giving ahead lifts what is overdrawn first.
    """
    for carried in one.row.rollovers:
        if carried.id == one.balance_id:
            return 0, carried.expires_at is None, carried.expires_at or 0
    before = one.row.balance + one.value
    in_first_pass = before > 0 if one.value > 0 else before < 0
    return 1 if in_first_pass else 2, False, 0


def _row(holding: Holding, part: Taken) -> Row | None:
    return next((row for row in holding.rows if row.id == part.row_id), None)


def _has_source(row: Row, part: Taken) -> bool:
    carried = (rollover.id for rollover in row.rollovers)
    return part.rollover_id is None or part.rollover_id in carried


def _given(state: State, part: Taken, row: Row, value: Decimal) -> tuple[State, Row]:
    if part.rollover_id is None:
        changed = row._replace(balance=row.balance + value)
    else:
        changed = row._replace(
            rollovers=tuple(
                one._replace(balance=one.balance + value, usage=one.usage - value)
                if one.id == part.rollover_id
                else one
                for one in row.rollovers
            )
        )
    holding = state[part.place]
    rows = tuple(changed if one is row else one for one in holding.rows)
    return {**state, part.place: holding._replace(rows=rows)}, changed
