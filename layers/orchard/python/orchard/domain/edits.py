"""Editing a balance: a new remaining amount, a difference, a usage, a grant, a date."""

from decimal import Decimal
from typing import NamedTuple

from orchard.domain import deduction
from orchard.domain.holding import Place, State
from orchard.domain.quantity import ZERO, total
from orchard.domain.row import Row
from orchard.domain.sources import Source, Sources
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


def selected(sources: Sources, selection: Selection) -> Sources:
    """Return the sources that the filters mean.

    Errors: `BalanceNotFound` when there is none.
    """
    chosen = tuple(source for source in sources if matches(source.row, selection))
    if not chosen:
        raise BalanceNotFound("No balance of this customer matches the request")
    return chosen


def edited(chosen: Sources, edit: Edit) -> Sources:
    """Return current sources after the edit: one change, however many fields it has."""
    _refuse_flags(chosen)
    chosen = _with_balance(chosen, edit)
    if edit.included_grant is not None:
        chosen = _with_grant(chosen, edit.included_grant)
    if edit.next_reset_at is not None:
        chosen = _with_reset(chosen, edit.next_reset_at)
    if edit.expires_at is not None:
        chosen = _with_expiry(chosen, edit.expires_at)
    return chosen


def difference(chosen: Sources, edit: Edit) -> Decimal:
    """Return by how much an edit with an end changes what the sources hold.

    What it adds is a source of its own, so it is measured at what can be used: what one source is
    overdrawn takes nothing from that. Errors: `Invalid` where an amount makes no sense.
    """
    _refuse_flags(chosen)
    if any(source.row.unlimited for source in chosen):
        raise Invalid("An unlimited balance can't be raised or lowered for a while")
    if edit.add is not None:
        return edit.add
    if edit.usage is not None:
        return total(source.row.ceiling for source in chosen) - edit.usage - _held(chosen)
    remaining = edit.remaining or ZERO
    if remaining >= 0:
        return remaining - total(source.row.held for source in chosen)
    if remaining > _held(chosen):
        raise Invalid("remaining: what is added for a while can't leave a balance below zero")
    return remaining - _held(chosen)


def regranted(chosen: Sources, remaining: Decimal) -> Sources:
    """Return sources that hold `remaining` together, granted moved alike: usage stays.

    The first source is adjusted by what the balances change.
    """
    _refuse_flags(chosen)
    difference = remaining - _held(chosen)
    first = _lasting(chosen)[0].row
    adjusted = first._replace(adjustment=first.adjustment + difference)
    return deduction.shift(_replaced(chosen, first, adjusted), -difference)


def recast(state: State, feature_id: str, before: Sources, after: Sources) -> State:
    """Return the state in which rows that stand for slices have the dates that these were given.

    The slices of a row are reset together and expire together, those to come included.
    """
    cuts = {
        now.row.id: now.row
        for was, now in zip(before, after, strict=True)
        if now.row.entity_feature_id and _dates(was.row) != _dates(now.row)
    }
    shared = Place(feature_id)
    if not cuts or shared not in state:
        return state
    rows = tuple(
        row._replace(next_reset_at=cut.next_reset_at, expires_at=cut.expires_at)
        if row.is_mould and (cut := cuts.get(row.id)) is not None
        else row
        for row in state[shared].rows
    )
    return {**state, shared: state[shared]._replace(rows=rows)}


def matches(row: Row, selection: Selection) -> bool:
    """Whether the filters mean this row."""
    if selection.interval is not None and row.interval != selection.interval:
        return False
    return selection.balance_id is None or selection.balance_id in (row.external_id, row.id)


def _refuse_flags(chosen: Sources) -> None:
    if any(source.row.boolean for source in chosen):
        raise Invalid("A boolean feature has no balance to edit")


def _with_balance(chosen: Sources, edit: Edit) -> Sources:
    if edit.remaining is not None:
        chosen = deduction.shift(chosen, _held(chosen) - edit.remaining)
    if edit.add is not None:
        chosen = deduction.shift(chosen, -edit.add)
    if edit.usage is not None:
        granted = total(source.row.ceiling for source in chosen)
        chosen = deduction.shift(chosen, _held(chosen) - (granted - edit.usage))
    return chosen


def _held(chosen: Sources) -> Decimal:
    return total(source.row.balance for source in chosen)


def _with_grant(chosen: Sources, grant: Decimal) -> Sources:
    lasting = _lasting(chosen)
    adjustment = grant - total(source.row.allowance for source in lasting)
    for position, source in enumerate(lasting):
        now = source.row._replace(adjustment=ZERO if position else adjustment)
        chosen = _replaced(chosen, source.row, now)
    return chosen


def _lasting(chosen: Sources) -> Sources:
    """The sources without what was added for a while, unless only such were meant."""
    return tuple(source for source in chosen if not source.row.addition) or chosen


def _with_reset(chosen: Sources, next_reset_at: int) -> Sources:
    resetting = [source.row for source in chosen if source.row.next_reset_at is not None]
    if not resetting:
        raise Invalid("A balance that never resets has no next reset date to change")
    first = min(resetting, key=lambda row: row.next_reset_at or 0)
    return _dated(chosen, first._replace(next_reset_at=next_reset_at))


def _with_expiry(chosen: Sources, expires_at: int) -> Sources:
    rows = [source.row for source in chosen]
    first = min(rows, key=lambda row: (row.expires_at is None, row.expires_at or 0))
    if first.price is not None and first.next_reset_at is not None:
        raise Invalid("A balance of a paid plan ends with the plan and can't be given an expiry")
    return _dated(chosen, first._replace(expires_at=expires_at))


def _dates(row: Row) -> tuple[int | None, int | None]:
    return row.next_reset_at, row.expires_at


def _dated(chosen: Sources, row: Row) -> Sources:
    """Give the dates to a row, and to all of its slices if it is granted for each entity."""
    at, until = row.next_reset_at, row.expires_at
    return tuple(
        _changed(source, source.row._replace(next_reset_at=at, expires_at=until))
        if source.row.id == row.id
        else source
        for source in chosen
    )


def _replaced(chosen: Sources, was: Row, now: Row) -> Sources:
    return tuple(_changed(source, now) if source.row is was else source for source in chosen)


def _changed(source: Source, row: Row) -> Source:
    return source if source.row == row else source._replace(row=row)
