"""Editing a balance: a new remaining amount, a difference, a usage, a grant, a date."""

from decimal import Decimal
from typing import NamedTuple

from orchard.domain import deduction
from orchard.domain.deduction import Rows
from orchard.domain.quantity import ZERO, total
from orchard.domain.row import Row, ordered
from orchard.errors import Invalid, NotFound


class BalanceNotFound(NotFound):
    """The customer has no balance that the request could mean."""

    code = "invalid_request"


class Selection(NamedTuple):
    """Which rows an edit means; the filters given are all to hold."""

    interval: str | None = None
    balance_id: str | None = None


class Edit(NamedTuple):
    """The fields to change, in the order in which they are applied. All absent: nothing changes."""

    remaining: Decimal | None = None
    add: Decimal | None = None
    usage: Decimal | None = None
    included_grant: Decimal | None = None
    next_reset_at: int | None = None
    expires_at: int | None = None


def selected(rows: Rows, selection: Selection) -> Rows:
    """Return the rows that the filters mean.

    Errors: `BalanceNotFound` when there is none.
    """
    chosen = tuple(row for row in rows if _matches(row, selection))
    if not chosen:
        raise BalanceNotFound("No balance of this customer matches the request")
    return chosen


def edited(rows: Rows, selection: Selection, edit: Edit) -> Rows:
    """Return current rows after the edit: one change, however many fields it has."""
    chosen = selected(rows, selection)
    if any(row.boolean for row in chosen):
        raise Invalid("A boolean feature has no balance to edit")
    chosen = _with_balance(chosen, edit)
    if edit.included_grant is not None:
        chosen = _with_grant(chosen, edit.included_grant)
    if edit.next_reset_at is not None:
        chosen = _with_reset(chosen, edit.next_reset_at)
    if edit.expires_at is not None:
        chosen = _with_expiry(chosen, edit.expires_at)
    changed = {row.id: row for row in chosen}
    return ordered(tuple(changed.get(row.id, row) for row in rows))


def _matches(row: Row, selection: Selection) -> bool:
    if selection.interval is not None and row.interval != selection.interval:
        return False
    return selection.balance_id is None or selection.balance_id in (row.external_id, row.id)


def _with_balance(rows: Rows, edit: Edit) -> Rows:
    if edit.remaining is not None:
        rows = deduction.shift(rows, _held(rows) - edit.remaining)
    if edit.add is not None:
        rows = deduction.shift(rows, -edit.add)
    if edit.usage is not None:
        granted = total(row.ceiling for row in rows)
        rows = deduction.shift(rows, _held(rows) - (granted - edit.usage))
    return rows


def _held(rows: Rows) -> Decimal:
    return total(row.balance for row in rows)


def _with_grant(rows: Rows, grant: Decimal) -> Rows:
    adjustment = grant - total(row.allowance for row in rows)
    others = tuple(row._replace(adjustment=ZERO) for row in rows[1:])
    return (rows[0]._replace(adjustment=adjustment), *others)


def _with_reset(rows: Rows, next_reset_at: int) -> Rows:
    resetting = [row for row in rows if row.next_reset_at is not None]
    if not resetting:
        raise Invalid("A balance that never resets has no next reset date to change")
    first = min(resetting, key=lambda row: row.next_reset_at or 0)
    return _replaced(rows, first._replace(next_reset_at=next_reset_at))


def _with_expiry(rows: Rows, expires_at: int) -> Rows:
    first = min(rows, key=lambda row: (row.expires_at is None, row.expires_at or 0))
    if first.price is not None and first.next_reset_at is not None:
        raise Invalid("A balance of a paid plan ends with the plan and can't be given an expiry")
    return _replaced(rows, first._replace(expires_at=expires_at))


def _replaced(rows: Rows, changed: Row) -> Rows:
    return tuple(changed if row.id == changed.id else row for row in rows)
