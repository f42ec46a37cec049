"""What callers see of a balance: totals, and the sources that make them up."""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from orchard.domain.holding import NOTHING, Place, State
from orchard.domain.quantity import ZERO, total
from orchard.domain.row import PRICED, Rollover, Row, Rows, ordered
from orchard.domain.scope import Subject


class Line(NamedTuple):
    """One source as it is shown; a row granted for each entity is one line, with their sums."""

    row: Row
    included: Decimal
    prepaid: Decimal
    remaining: Decimal
    usage: Decimal


class Summary(NamedTuple):
    """The totals of a feature's rows, and the sources that are shown one by one."""

    granted: Decimal
    remaining: Decimal
    usage: Decimal
    unlimited: bool
    overage_allowed: bool
    max_purchase: Decimal | None
    next_reset_at: int | None
    lines: tuple[Line, ...]
    #: None unless some row has a rollover rule.
    rollovers: tuple[Rollover, ...] | None


class Seen(NamedTuple):
    """The rows that a view shows, and those that only count in its totals."""

    rows: Rows
    hidden: Rows = ()


def seen(state: State, subject: Subject, feature_id: str) -> Seen:
    """Return what a subject's view of a feature is made of.

    An entity sees its own rows and those of the customer. A customer sees its own rows with the
    slices of all entities; what only entities can use counts in its totals.
    """
    if subject.entity_id is not None:
        own = state.get(Place(feature_id, subject.entity_id), NOTHING).rows
        rest = state.get(Place(feature_id), NOTHING).own if subject.pooled else ()
        return Seen((*own, *rest))
    slices: list[Row] = []
    hidden: list[Row] = []
    for place, holding in state.items():
        if place.feature_id == feature_id and place.entity_id is not None:
            for row in holding.rows:
                (slices if row.entity_feature_id else hidden).append(row)
    shared = state.get(Place(feature_id), NOTHING).rows
    return Seen(ordered((*shared, *slices)), tuple(hidden))


def summary(view: Seen) -> Summary | None:
    """Return the totals of current rows; None when there is nothing to show."""
    rows = tuple(row for row in view.rows if _is_shown(row))
    hidden = tuple(row for row in view.hidden if _is_shown(row))
    if not rows and not hidden:
        return None
    unlimited = tuple(row for row in (*rows, *hidden) if row.unlimited and not row.is_mould)
    return _unlimited(unlimited) if unlimited else _limited(rows, hidden)


def flag(rows: Iterable[Row]) -> Row | None:
    """Return the row that switches a boolean feature on, if any."""
    return next((row for row in rows if row.boolean), None)


def line(row: Row) -> Line:
    """Return one row as a source."""
    return _line(row, (row,))


def _is_shown(row: Row) -> bool:
    if row.boolean:
        return False
    lasting = row.plan_id is not None or row.addition or row.unlimited
    return lasting or row.balance != 0 or bool(row.rollovers)


def _unlimited(rows: Rows) -> Summary:
    usage = -total(row.balance for row in rows)
    shown = rows[0]._replace(next_reset_at=None, price=None)
    line = Line(shown, ZERO, ZERO, ZERO, usage)
    return Summary(ZERO, ZERO, usage, True, False, None, None, (line,), None)  # noqa: FBT003 - fields of a tuple, named by the class


def _limited(rows: Rows, hidden: Rows) -> Summary:
    lines = tuple(_lines(rows))
    counted = tuple(row for row in (*rows, *hidden) if not row.is_mould)
    rollovers = tuple(
        sorted(
            (rollover for row in counted for rollover in row.rollovers),
            key=lambda one: (one.expires_at is None, one.expires_at or 0),
        )
    )
    carried = total(one.balance + one.usage for one in rollovers)
    every = (*rows, *hidden)
    return Summary(
        granted=total(row.ceiling for row in counted) + carried,
        remaining=total(row.held + row.carried + row.reusable for row in counted),
        usage=total(row.usage for row in counted) + total(one.usage for one in rollovers),
        unlimited=False,
        overage_allowed=any(row.overage == PRICED for row in every),
        max_purchase=_max_purchase(every),
        next_reset_at=_next_reset(every),
        lines=lines,
        rollovers=rollovers if any(row.rollover for row in every) else None,
    )


def _next_reset(rows: Rows) -> int | None:
    """The first reset to come; if none comes until a payment is made, when one was to be."""
    dates = ((row.overdue, row.next_reset_at) for row in rows if row.next_reset_at)
    return min(dates, default=(False, None))[1]


def _lines(rows: Rows) -> Iterable[Line]:
    """The sources in order; slices of one row count together where the row itself is shown."""
    moulds = {row.id for row in rows if row.is_mould}
    done: set[str] = set()
    for row in rows:
        if row.id not in moulds:
            yield _line(row, (row,))
        elif row.id not in done:
            done.add(row.id)
            slices = tuple(one for one in rows if one.id == row.id and not one.is_mould)
            yield _line(row, slices)


def _line(row: Row, parts: Rows) -> Line:
    return Line(
        row,
        included=total(part.included for part in parts),
        prepaid=total(part.prepaid for part in parts),
        remaining=total(part.held + part.reusable for part in parts),
        usage=total(part.usage for part in parts),
    )


def _max_purchase(rows: Rows) -> Decimal | None:
    priced = {row.id: row.price for row in rows if row.price is not None}
    caps = [price.get("max_purchase") for price in priced.values()]
    if not caps or any(cap is None for cap in caps):
        return None
    return total(Decimal(cap) for cap in caps if cap is not None)
