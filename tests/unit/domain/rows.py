"""Rows to try the engine on."""

from decimal import Decimal
from typing import Any

from orchard.domain.deduction import Rows
from orchard.domain.interval import ONE_OFF
from orchard.domain.row import PRICED, Rollover, Row, ordered

#: 1 September 2026, 00:00 UTC.
START = 1_788_220_800_000
DAY = 86_400_000

type Amount = int | str | Decimal


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


def sources(*rows: Row) -> Rows:
    return ordered(rows)
