"""Taking a change of balances back: another change, which stays right under usage since then.

Sources go back by what the change did to them. What a source can't bear alone is charged to the
others as usage is: as if the change had never been made.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import product
from typing import NamedTuple

from orchard.domain import attachment, deduction, gates, pool, reversal
from orchard.domain.arrangement import Household
from orchard.domain.holding import NOTHING, Holding, Place, State
from orchard.domain.quantity import ZERO, total
from orchard.domain.reversal import DATES, NotUndoable, Part
from orchard.domain.row import Row, Rows, ordered
from orchard.domain.scope import CUSTOMER, Subject
from orchard.domain.sources import ONE, Bound, Overage

type Changing = dict[Place, Holding]


class Line(NamedTuple):
    """What a change did at `at` (UTC ms) to the sources at one place.

    `overdrawn` is by how much sources there were below zero before it though others had balance
    left, by their ids.
    """

    place: Place
    at: int
    parts: tuple[Part, ...]
    overdrawn: Mapping[str, Decimal] = {}


class _Debt(NamedTuple):
    """Usage that a source can't bear any more, in its units; negative is what it had too much.

    `bearer` takes what is left of it in the end; it `stays` unless the undo removes it.
    """

    place: Place
    amount: Decimal
    bearer: Row
    stays: bool


def undone(state: State, lines: Sequence[Line], household: Household, now: int) -> State:
    """Return the state of all balances at `now` without what the lines tell.

    Errors: `NotUndoable`, with what to do instead.
    """
    _require_owners(lines, household)
    found = dict(state)
    debts: list[_Debt] = []
    for line in lines:
        held = found.get(line.place, NOTHING)
        rows, owed = _without(held.rows, line, now)
        found[line.place] = held._replace(rows=ordered(rows))
        debts += owed
    _require_room(state, lines, household, now)
    found = _with_slices(_with_dates_alike(found, lines), lines, household)
    pooled = not household.customer.config.get("disable_pooled_balance", False)
    for debt in debts:
        found = _charged(found, debt, pooled=pooled)
    return found


def _without(rows: Rows, line: Line, now: int) -> tuple[Rows, list[_Debt]]:
    held, debts = {row.id: row for row in rows}, []
    gained: dict[str, Decimal] = {}
    for part in line.parts:
        was = held.pop(part.row_id, None)
        if part.before is None:
            debts += _removal(reversal.present(was, part), part)
        elif part.after is None:
            held[part.row_id] = row = reversal.returned(was, part, now)
            gained[row.id] = row.balance
        else:
            was = reversal.present(was, part)
            held[part.row_id] = row = reversal.changed_back(was, part, now)
            gained[row.id] = row.balance - was.balance
    _level(held, gained, line)
    debts += [debt for part in line.parts for debt in _excess(held, part, gained)]
    return tuple(held.values()), debts


def _removal(row: Row, part: Part) -> list[_Debt]:
    """What is left to bear of a source that came with the change: what was used of it since."""
    then = reversal.came(row, part)
    used = _available(then) - _available(row)
    return [_Debt(part.place, used, row, stays=False)] if used else []


def _available(row: Row) -> Decimal:
    """All that a source is to give in the end, also what is withheld for a while."""
    return row.balance + row.carried + row.kept_back


def _level(held: dict[str, Row], gained: Mapping[str, Decimal], line: Line) -> None:
    """Let those that have balance left pay for what others there are overdrawn by, as usage does.

    No more than the undo moves; and what was overdrawn beside a balance before, that stays.
    """
    budget = total(abs(gain) for gain in gained.values())
    for giver_id, other_id in product([row.id for row in ordered(tuple(held.values()))], repeat=2):
        giver, other = held[giver_id], held[other_id]
        deficit = other.overdrawn - line.overdrawn.get(other_id, ZERO)
        spare = min(giver.held, gained.get(giver_id, ZERO)) if line.overdrawn else giver.held
        moved = min(budget, spare, deficit)
        if moved > 0 and not any(row.unlimited or row.is_mould for row in (giver, other)):
            held[giver_id] = giver._replace(balance=giver.balance - moved)
            held[other_id] = other._replace(balance=other.balance + moved)
            budget -= moved


def _excess(held: dict[str, Row], part: Part, gained: Mapping[str, Decimal]) -> list[_Debt]:
    """Free a source of what the undo overdraws it by: others may have it left."""
    row, before = held.get(part.row_id), part.before or {}
    if row is None or row.unlimited or row.is_mould:
        return []
    owed = max(ZERO, -before.get("balance", ZERO))
    excess = min(-gained[row.id], row.overdrawn - owed)
    if excess <= 0:
        return []
    held[row.id] = row._replace(balance=row.balance + excess)
    return [_Debt(part.place, excess, held[row.id], stays=True)]


def _charged(state: Changing, debt: _Debt, *, pooled: bool) -> Changing:
    """Charge the others, as usage is charged; what fits nowhere overdraws the bearer."""
    place, amount = debt.place, debt.amount
    subject = CUSTOMER if place.entity_id is None else Subject(place.entity_id, pooled)
    before = pool.candidates(state, subject, {place.feature_id: ONE})
    after = before
    if amount > 0:
        bound = Bound(overage=gates.spend_left(state, subject, place.feature_id))
        after, amount = deduction.take(before, amount, Overage.CAP, {place.feature_id: bound})
    if amount and not debt.stays and before:
        after, amount = deduction.shift(after, amount), ZERO
    charged = dict(pool.regrouped(state, before, after))
    return _borne(charged, debt, amount) if amount else charged


def _borne(state: Changing, debt: _Debt, left: Decimal) -> Changing:
    held = state[debt.place]
    if debt.stays:
        rows = tuple(
            row._replace(balance=row.balance - left) if row.id == debt.bearer.id else row
            for row in held.rows
        )
    elif left > 0:
        rows = (*held.rows, reversal.carrier(debt.bearer, left))
    else:
        raise NotUndoable(
            "What was added since to the balance that was granted has no other balance to go to. "
            "Take that change back first, or use balances.delete"
        )
    return {**state, debt.place: held._replace(rows=ordered(rows))}


def _with_dates_alike(state: Changing, lines: Sequence[Line]) -> Changing:
    """Give the dates of a row granted for each entity to the slices that came since as well."""
    moulds = {
        (part.place.feature_id, part.row_id): part
        for line in lines
        for part in line.parts
        if part.place.entity_id is None and part.before and part.after
    }
    named = {(part.place, part.row_id) for line in lines for part in line.parts}

    def alike(place: Place, row: Row) -> Row:
        part = moulds.get((place.feature_id, row.id))
        if part is None or (place, row.id) in named:
            return row
        before, after = part.before or {}, part.after or {}
        dates = (name for name in DATES if name in after and getattr(row, name) == after[name])
        return row._replace(**{name: before[name] for name in dates})

    if not moulds:
        return state
    return {
        place: held._replace(rows=ordered(tuple(alike(place, row) for row in held.rows)))
        for place, held in state.items()
    }


def _with_slices(state: Changing, lines: Sequence[Line], household: Household) -> Changing:
    """Give entities that came since their share of a row for each entity that comes back."""
    back = {part.row_id for line in lines for part in line.parts if part.after is None}
    found = dict(state)
    for entity in household.entities:
        for place, cast in attachment.slices(state, entity).items():
            held = found.get(place, NOTHING)
            known = {row.id for row in held.rows}
            missing = (row for row in cast if row.id in back and row.id not in known)
            found[place] = held._replace(rows=ordered((*held.rows, *missing)))
    return found


def _require_owners(lines: Sequence[Line], household: Household) -> None:
    """Refuse a change of what an entity had that is not there any more."""
    since = {entity.id: entity.created_at for entity in household.entities}
    for line in lines:
        entity_id = line.place.entity_id
        if entity_id is not None and since.get(entity_id, line.at + 1) > line.at:
            raise NotUndoable(
                f"Entity {entity_id} was deleted since. "
                "Use balances.create for what another one is to have"
            )


def _require_room(state: State, lines: Sequence[Line], household: Household, now: int) -> None:
    """Refuse what comes back where something it belongs to is gone, or its id was given away."""
    plans = {plan.id for plan in household.plans if plan.is_held(now)}
    taken = {row.external_id: row.id for held in state.values() for row in held.rows}
    for part in (part for line in lines for part in line.parts if part.after is None):
        fields = part.before or {}
        plan_id, external_id = fields.get("customer_plan_id"), fields.get("external_id")
        if plan_id is not None and plan_id not in plans:
            raise NotUndoable(
                f"The plan of {part} has ended since. Use balances.create for what it is to have"
            )
        if external_id and taken.get(external_id, part.row_id) != part.row_id:
            raise NotUndoable(
                f"This customer has another balance {external_id} by now. Remove that one first"
            )
        if plan_id is None and fields.get("boolean") and _has_flag(state, part.place):
            raise NotUndoable(f"{part.place.feature_id} is switched on again: nothing is missing")


def _has_flag(state: State, place: Place) -> bool:
    return any(row.boolean for row in state.get(place, NOTHING).rows)
