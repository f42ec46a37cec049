"""Taking usage from sources and giving it back: pure functions over sources in deduction order.

Every function returns new sources and, where something may be left over, the amount (in units of
the tracked feature) that found no place. What each paid is read off by comparing before and after.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple

from orchard.domain.holding import Place
from orchard.domain.quantity import UNBOUNDED, ZERO, exact, total
from orchard.domain.row import Rollover, Row, Rows
from orchard.domain.sources import FREE, Bound, Overage, Sources

type Bounds = Mapping[str, Bound]
_NO_BOUNDS: Bounds = {}


class Movement(NamedTuple):
    """What one row or rollover paid (positive) or got back (negative), in units of its feature."""

    balance_id: str
    row: Row
    value: Decimal
    place: Place


def apply(
    sources: Sources, amount: Decimal, overage: Overage, bounds: Bounds = _NO_BOUNDS
) -> tuple[Sources, Decimal]:
    """Take a positive amount or give back a negative one; return what is left over as well."""
    if amount >= 0:
        return take(sources, amount, overage, bounds)
    return restore(sources, -amount, bounded=overage is not Overage.OVERFLOW)


def take(
    sources: Sources, amount: Decimal, overage: Overage, bounds: Bounds = _NO_BOUNDS
) -> tuple[Sources, Decimal]:
    """Take `amount`: an unlimited row whole, else rollovers, then balances, then overage.

    Overflow ignores what bounds the use of a feature, but not what bounds its overage.
    """
    if not amount or not sources:
        return sources, amount
    unlimited = _first_unlimited(sources)
    if unlimited is not None:
        return _moved(sources, unlimited, -exact(amount * sources[unlimited].cost)), ZERO
    till = _Till(sources, amount, bounds, overage)
    till.take_rollovers()
    till.take_balances()
    till.take_overage()
    return till.closed()


def restore(sources: Sources, amount: Decimal, *, bounded: bool = True) -> tuple[Sources, Decimal]:
    """Give `amount` back: overdrawn rows up to zero, then each up to what it was granted.

    Rollovers are never refilled. Unbounded, the first row takes all that is left.
    """
    if not amount or not sources:
        return sources, amount
    unlimited = _first_unlimited(sources)
    if unlimited is not None:
        return _moved(sources, unlimited, exact(amount * sources[unlimited].cost)), ZERO
    till = _Till(sources, amount, _NO_BOUNDS, Overage.CAP)
    till.give([row.debt if bounded else row.overdrawn for row in till.rows])
    if bounded:
        till.give([row.refundable for row in till.rows])
    else:
        till.give_rest()
    return till.closed()


def shift(sources: Sources, amount: Decimal) -> Sources:
    """Take (positive) or add (negative) an edited amount: balances only, and never refused.

    A decrease empties the rows in order and overdraws the first that lasts; an increase lifts
    overdrawn rows to zero and gives the rest to that one. An unlimited row takes it all.
    """
    if not amount or not sources:
        return sources
    unlimited = _first_unlimited(sources)
    if unlimited is not None:
        return _moved(sources, unlimited, -amount)
    till = _Till(sources, abs(amount), _NO_BOUNDS, Overage.OVERFLOW)
    if amount > 0:
        till.take_balances()
        till.take_overage()
    else:
        till.give([row.overdrawn for row in till.rows])
        till.give_rest()
    return till.closed()[0]


def room(sources: Sources, limit: Bound = FREE) -> Decimal:
    """How much can be taken from the sources of one feature before usage would be capped."""
    if _first_unlimited(sources) is not None:
        return UNBOUNDED
    held = total(source.row.held + source.row.carried for source in sources)
    overage = min(limit.overage, total(source.room for source in sources))
    return min(UNBOUNDED, limit.drain, held + overage)


def movements(before: Rows, after: Rows, place: Place) -> tuple[Movement, ...]:
    """What each row and rollover paid between two states of one place, in the order of `after`."""
    earlier = {(row.id, row.entity_id): row for row in before}
    pairs = ((earlier.get((row.id, row.entity_id)), row) for row in after)
    return tuple(
        movement for was, now in pairs if was is not None for movement in _paid(was, now, place)
    )


def paid(before: Sources, after: Sources) -> tuple[Movement, ...]:
    """What each source paid: the same sources before and after, rollovers before their row."""
    return tuple(
        movement
        for was, now in zip(before, after, strict=True)
        if was is not now
        for movement in _paid(was.row, now.row, now.place)
    )


def _paid(was: Row, now: Row, place: Place) -> Iterator[Movement]:
    if was is now:
        return
    carried = {rollover.id: rollover.balance for rollover in was.rollovers}
    for rollover in now.rollovers:
        drawn = carried.get(rollover.id, rollover.balance) - rollover.balance
        if drawn:
            yield Movement(rollover.id, now, drawn, place)
    if was.balance != now.balance:
        yield Movement(now.id, now, was.balance - now.balance, place)


def _first_unlimited(sources: Sources) -> int | None:
    return next((index for index, source in enumerate(sources) if source.row.unlimited), None)


def _moved(sources: Sources, index: int, amount: Decimal) -> Sources:
    source = sources[index]
    row = source.row._replace(balance=source.row.balance + amount)
    return (*sources[:index], source._replace(row=row), *sources[index + 1 :])


class _Till:
    """The working state of one deduction: what is left to take, and from which rows."""

    def __init__(self, sources: Sources, amount: Decimal, bounds: Bounds, overage: Overage) -> None:
        self.sources = sources
        self.rows = [source.row for source in sources]
        self.left = amount
        self.overage = overage
        beyond = overage is Overage.OVERFLOW
        self.drain = {} if beyond else {name: one.drain for name, one in bounds.items()}
        self.spend = {name: one.overage for name, one in bounds.items()}

    def take_rollovers(self) -> None:
        """Draw on what was carried over, the soonest to expire first."""
        held = [
            (rollover.expires_at is None, rollover.expires_at or 0, index, rollover)
            for index, row in enumerate(self.rows)
            for rollover in row.rollovers
            if rollover.balance > 0
        ]
        for _never, _expiry, index, rollover in sorted(held, key=lambda entry: entry[:3]):
            taken = self._draw(index, rollover.balance)
            if taken:
                self.rows[index] = _drawn(self.rows[index], rollover, taken)

    def take_balances(self) -> None:
        """Draw on each row down to zero."""
        for index, row in enumerate(self.rows):
            if self.left:
                self._move(index, -self._draw(index, row.held))

    def take_overage(self) -> None:
        """Draw on rows that may go below zero; overflow overdraws the first, whatever it may."""
        for index in self._lasting_first():
            if not self.left:
                return
            source = self.sources[index]
            allowed = UNBOUNDED if self.overage is Overage.OVERFLOW else source.room
            name = source.place.feature_id
            spend = self.spend.get(name, UNBOUNDED)
            taken = self._draw(index, min(allowed, spend))
            self.spend[name] = spend - taken
            self._move(index, -taken)

    def give(self, most: list[Decimal]) -> None:
        """Give back to each row at most so much of its own units."""
        for index, bound in enumerate(most):
            if self.left:
                self._move(index, self._draw(index, bound))

    def give_rest(self) -> None:
        """Give all that is left to the first row."""
        first = self._lasting_first()[0]
        self._move(first, exact(self.left * self.sources[first].cost))
        self.left = ZERO

    def closed(self) -> tuple[Sources, Decimal]:
        """Return the sources as they are now, and what found no place."""
        pairs = zip(self.sources, self.rows, strict=True)
        after = tuple(
            source if source.row is row else source._replace(row=row) for source, row in pairs
        )
        return after, self.left

    def _lasting_first(self) -> list[int]:
        """The rows in the order in which they bear what no balance covers.

        What was added for a while comes last: it would take that along when it ends.
        """
        return sorted(range(len(self.rows)), key=lambda index: self.rows[index].addition)

    def _draw(self, index: int, available: Decimal) -> Decimal:
        """Count off as much as is wanted and available; return it in units of the row."""
        source = self.sources[index]
        name = source.place.feature_id
        wanted = exact(self.left * source.cost)
        drain = self.drain.get(name, UNBOUNDED)
        taken = max(ZERO, min(wanted, drain, available))
        self.left = ZERO if taken == wanted else self.left - exact(taken / source.cost)
        if name in self.drain:
            self.drain[name] = drain - taken
        return taken

    def _move(self, index: int, amount: Decimal) -> None:
        if amount:
            row = self.rows[index]
            self.rows[index] = row._replace(balance=row.balance + amount)


def _drawn(row: Row, rollover: Rollover, taken: Decimal) -> Row:
    left = rollover._replace(balance=rollover.balance - taken, usage=rollover.usage + taken)
    return row._replace(
        rollovers=tuple(left if one.id == rollover.id else one for one in row.rollovers)
    )
