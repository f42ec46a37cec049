"""What callers see of a balance, and whether it allows a use."""

from decimal import Decimal
from typing import NamedTuple

from orchard.domain.deduction import Rows
from orchard.domain.quantity import ZERO, total
from orchard.domain.row import PRICED, Rollover, Row


class Summary(NamedTuple):
    """The totals of a feature's rows, and the rows that make them up."""

    granted: Decimal
    remaining: Decimal
    usage: Decimal
    unlimited: bool
    overage_allowed: bool
    max_purchase: Decimal | None
    next_reset_at: int | None
    rows: Rows
    #: None unless some row has a rollover rule.
    rollovers: tuple[Rollover, ...] | None


def summary(rows: Rows) -> Summary | None:
    """Return the totals of current rows; None when there is nothing to show."""
    shown = tuple(row for row in rows if _is_shown(row))
    if not shown:
        return None
    unlimited = tuple(row for row in shown if row.unlimited)
    return _unlimited(unlimited) if unlimited else _limited(shown)


def flag(rows: Rows) -> Row | None:
    """Return the row that switches a boolean feature on, if any."""
    return next((row for row in rows if row.boolean), None)


def allows(rows: Rows, required: Decimal) -> bool:
    """Whether current rows permit a use of `required`."""
    if not rows or any(row.boolean or row.unlimited for row in rows):
        return bool(rows)
    available = _available(rows)
    return required < 0 or available is None or required <= available


def remaining(rows: Rows) -> Decimal:
    """What is left: positive balances and rollovers; overdrawn rows do not reduce it."""
    held = total(max(ZERO, row.balance) for row in rows)
    return held + total(rollover.balance for row in rows for rollover in row.rollovers)


def _available(rows: Rows) -> Decimal | None:
    """What may be used including paid overage; None is without bound."""
    priced = [row for row in rows if row.overage == PRICED]
    if any(row.overage_limit is None for row in priced):
        return None
    purchasable = total(row.overage_limit or ZERO for row in priced)
    overdrawn = total(max(ZERO, -row.balance) for row in rows)
    return remaining(rows) + max(ZERO, purchasable - overdrawn if priced else ZERO)


def _is_shown(row: Row) -> bool:
    if row.boolean:
        return False
    return row.plan_id is not None or row.unlimited or row.balance != 0 or bool(row.rollovers)


def _unlimited(rows: Rows) -> Summary:
    usage = -total(row.balance for row in rows)
    shown = rows[0]._replace(
        allowance=ZERO,
        prepaid=ZERO,
        adjustment=ZERO,
        balance=-usage,
        next_reset_at=None,
        price=None,
    )
    return Summary(ZERO, ZERO, usage, True, False, None, None, (shown,), None)  # noqa: FBT003 - fields of a tuple, named by the class


def _limited(rows: Rows) -> Summary:
    rollovers = tuple(
        sorted(
            (rollover for row in rows for rollover in row.rollovers),
            key=lambda one: (one.expires_at is None, one.expires_at or 0),
        )
    )
    carried = total(one.balance + one.usage for one in rollovers)
    return Summary(
        granted=total(row.ceiling for row in rows) + carried,
        remaining=remaining(rows),
        usage=total(row.usage for row in rows) + total(one.usage for one in rollovers),
        unlimited=False,
        overage_allowed=any(row.overage == PRICED for row in rows),
        max_purchase=_max_purchase(rows),
        next_reset_at=min((row.next_reset_at for row in rows if row.next_reset_at), default=None),
        rows=rows,
        rollovers=rollovers if any(row.rollover for row in rows) else None,
    )


def _max_purchase(rows: Rows) -> Decimal | None:
    caps = [row.price.get("max_purchase") for row in rows if row.price is not None]
    if not caps or any(cap is None for cap in caps):
        return None
    return total(Decimal(cap) for cap in caps if cap is not None)
