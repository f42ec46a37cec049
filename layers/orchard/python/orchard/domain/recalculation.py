"""Levelling the rows of a feature: what one overdrew is taken from those that have some left."""

from orchard.domain import deduction
from orchard.domain.quantity import ZERO, total
from orchard.domain.row import Row
from orchard.domain.sources import Sources


def levelled(sources: Sources) -> Sources:
    """Return the sources with all of their usage deducted anew, in order.

    That changes something only if one is overdrawn while another has balance left. Adjustments
    end; the sum of the balances stays as it is.
    """
    rows = [source.row for source in sources]
    if all(row.balance >= 0 for row in rows) or all(row.balance <= 0 for row in rows):
        return sources
    used = total(row.starting - row.kept_back - row.balance for row in rows)
    fresh = tuple(source._replace(row=_fresh(source.row)) for source in sources)
    return deduction.shift(fresh, used)


def _fresh(row: Row) -> Row:
    """The row with nothing used; what an edit added for a while is no adjustment of its own."""
    adjustment = row.adjustment if row.addition else ZERO
    return row._replace(balance=row.starting - row.kept_back, adjustment=adjustment)


def charged(survivors: Sources, removed: Sources) -> Sources:
    """Return the surviving sources with the usage of removed ones deducted from them."""
    return deduction.shift(survivors, total(source.row.consumed for source in removed))


def carrier(removed: Sources) -> Sources:
    """Return the first of the removed sources as one that grants nothing and bears their usage.

    It stands when nothing else is left to bear it, and never resets.
    """
    used = total(source.row.consumed for source in removed)
    first = removed[0]
    row = first.row._replace(
        balance=-used,
        adjustment=-first.row.starting,
        next_reset_at=None,
        rollovers=(),
        withheld=(),
        addition=False,
    )
    return (first._replace(row=row),)
