"""Rows to try the engine on, and the engine at work on the rows of one feature."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

from orchard.domain import pool, sources
from orchard.domain.deduction import Movement
from orchard.domain.holding import NO_CONTROLS, Controls, Holding, Place
from orchard.domain.interval import ONE_OFF
from orchard.domain.pool import Use
from orchard.domain.row import PRICED, Rollover, Row, Rows, ordered
from orchard.domain.scope import CUSTOMER
from orchard.domain.sources import ONE, Overage, Sources
from orchard.domain.summary import Seen, Summary, summary

#: 1 September 2026, 00:00 UTC.
START = 1_788_220_800_000
DAY = 86_400_000

#: The customer's own balance of the feature that is used where no other is named.
HERE = Place("words")
_COSTS = {HERE.feature_id: ONE}

type Amount = int | str | Decimal


class Taken(NamedTuple):
    """Rows after a use, what of it found no place, and what each paid."""

    rows: Rows
    left: Decimal
    movements: tuple[Movement, ...]


def a_row(granted: Amount = 100, **fields: Any) -> Row:
    """A lifetime row, full unless `balance` says otherwise; `interval` makes it reset."""
    given: dict[str, Any] = {"id": "row", "created_at": START, **fields}
    for name in ("balance", "adjustment", "prepaid", "overage_limit"):
        if given.get(name) is not None:
            given[name] = Decimal(given[name])
    granted = Decimal(granted)
    full = granted + given.get("prepaid", 0) + given.get("adjustment", 0)
    if given.get("interval", ONE_OFF) != ONE_OFF:
        given.setdefault("next_reset_at", START + 30 * DAY)
    return Row(**{"allowance": granted, "balance": full, **given})


def monthly(granted: Amount = 100, **fields: Any) -> Row:
    return a_row(granted, **{"id": "monthly", "interval": "month", **fields})


def lifetime(granted: Amount = 100, **fields: Any) -> Row:
    return a_row(granted, **{"id": "lifetime", **fields})


def metered(granted: Amount = 100, cap: Amount | None = None, **fields: Any) -> Row:
    """A monthly row with a price for what goes beyond it, up to `cap`."""
    limit = None if cap is None else Decimal(cap)
    price = {"billing_method": "usage_based", "max_purchase": limit}
    given = {"id": "metered", "overage": PRICED, "overage_limit": limit, "price": price, **fields}
    return monthly(granted, **given)


def carried(balance: Amount, expires_at: int | None, **fields: Any) -> Rollover:
    given: dict[str, Any] = {"id": f"roll_{expires_at}", "usage": Decimal(0), **fields}
    return Rollover(balance=Decimal(balance), expires_at=expires_at, **given)


def held(rows: Rows) -> dict[str, Any]:
    """What each row holds, in deduction order."""
    return {row.id: row.balance for row in rows}


def in_order(*rows: Row) -> Rows:
    return ordered(rows)


def of(rows: Rows, controls: Controls = NO_CONTROLS, overage: Overage = Overage.CAP) -> Sources:
    """Rows of one feature as sources."""
    return sources.of(rows, HERE, controls, overage)


def rows_of(found: Sources) -> Rows:
    return tuple(source.row for source in found)


def used(
    rows: Rows, value: Amount, overage: Overage = Overage.CAP, controls: Controls = NO_CONTROLS
) -> Taken:
    """Use the customer's rows of one feature, or give back."""
    state = {HERE: Holding(rows, controls)}
    use = Use(HERE.feature_id, Decimal(value), _COSTS, overage)
    drawn = pool.draw(state, CUSTOMER, use)
    return Taken(drawn.state[HERE].rows, drawn.left, drawn.movements)


def changed(rows: Rows, change: Callable[[Sources], Sources]) -> Rows:
    """The customer's rows of one feature after some of them changed otherwise."""
    state = {HERE: Holding(rows)}
    before = pool.candidates(state, CUSTOMER, _COSTS)
    now = {source.row.id: source for source in change(before)}
    after = tuple(now.get(source.row.id, source) for source in before)
    return pool.regrouped(state, before, after)[HERE].rows


def shown(rows: Rows) -> Summary:
    found = summary(Seen(rows))
    assert found is not None
    return found
