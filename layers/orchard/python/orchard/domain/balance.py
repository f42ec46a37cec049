"""A customer's balance of one feature: what it holds and the usage not yet settled into it.

Usage is counted in `pending` by a bare counter and settled into rows only when something has to be
decided: usage fills the rows in order, so how it splits is a function of its total.
"""

from decimal import Decimal
from typing import NamedTuple

from orchard.domain import deduction, renewal, sources, windows
from orchard.domain.holding import Holding, Place
from orchard.domain.quantity import UNBOUNDED, ZERO, total
from orchard.domain.row import ALLOCATED
from orchard.domain.sources import Bound, Overage, Sources

#: The due time of a balance that time alone does not change: the last instant of year 9999.
NEVER = 253_402_300_799_999
#: Where the rows lie does not matter while there is one place only.
_HERE = Place("")


class Counter(NamedTuple):
    """What lets usage be taken without looking at the rows."""

    headroom: Decimal
    #: From then on it decides nothing any more.
    due_at: int
    plain: bool
    #: When rows reset or expire, which is to be written down even if nobody uses them. That a
    #: window of a usage limit closes is not: whoever reads it sees it.
    resets_at: int


def settled(holding: Holding, pending: Decimal) -> Holding:
    """Return the holding after the pending usage; what fits nowhere overdraws the first row."""
    if not pending:
        return holding
    before = _sources(holding)
    taken, left = deduction.take(before, pending, Overage.CAP, {"": _bound(holding)})
    rows = {source.row.id: source.row for source in deduction.shift(taken, left)}
    controls = holding.controls
    if controls.usage_limits and not any(source.row.unlimited for source in before):
        limits = windows.counted(controls.usage_limits, pending, {})
        controls = controls._replace(usage_limits=limits)
    return holding._replace(
        rows=tuple(rows.get(row.id, row) for row in holding.rows), controls=controls
    )


def current(holding: Holding, pending: Decimal, now: int) -> Holding:
    """Return the holding as it stands at `now`: usage settled, then expiry and resets applied."""
    return renewed(settled(holding, pending), now)


def renewed(holding: Holding, now: int) -> Holding:
    """Return a settled holding after what time alone does to it."""
    rows = renewal.renewed(holding.rows, now)
    limits = windows.rolled(holding.controls.usage_limits, rows, now)
    if rows is holding.rows and limits is holding.controls.usage_limits:
        return holding
    controls = holding.controls
    if limits is not controls.usage_limits:
        controls = controls._replace(usage_limits=limits)
    return holding._replace(rows=rows, controls=controls)


def counter(holding: Holding) -> Counter:
    """What usage may be taken from a settled holding before something has to be decided."""
    return Counter(room(holding), due_at(holding), is_plain(holding), resets_at(holding))


def room(holding: Holding) -> Decimal:
    """How much can be taken before usage would be capped."""
    return deduction.room(_sources(holding), _bound(holding))


def reserve(holding: Holding) -> Decimal:
    """The part of the room that is overage: to be used only once all sources are used up."""
    if any(row.unlimited for row in holding.own):
        return ZERO
    held = total(row.held + row.carried for row in holding.own)
    return max(ZERO, room(holding) - held)


def due_at(holding: Holding) -> int:
    """The earliest time at which the holding changes by itself, `NEVER` if there is none."""
    windows_close = (limit.resets_at for limit in holding.controls.usage_limits)
    return min((resets_at(holding), *windows_close))


def resets_at(holding: Holding) -> int:
    """The earliest time at which a row or rollover changes by itself, `NEVER` if there is none."""
    return min((at for row in holding.rows for at in row.instants()), default=NEVER)


def is_plain(holding: Holding) -> bool:
    """Whether a counter alone decides every use by the customer that fits.

    It doesn't for flags, seats, rows that stand for slices of entities, limits that look at the
    properties of events, and limits on what all entities use together.
    """
    if not holding.rows or any(limit.filter for limit in holding.controls.usage_limits):
        return False
    if holding.spread and holding.controls.spend_cap is not None:
        return False
    return not any(
        row.boolean or row.overage == ALLOCATED or row.is_seat or row.is_mould
        for row in holding.rows
    )


def _sources(holding: Holding) -> Sources:
    return sources.of(holding.own, _HERE, holding.controls)


def _bound(holding: Holding) -> Bound:
    limits = holding.controls.usage_limits
    overage = sources.spend_left(holding.controls, holding.own)
    return Bound(windows.left(limits, {}) if limits else UNBOUNDED, overage)
