"""What an entity that is deleted leaves to be billed: the row that is granted for each has it."""

from orchard.domain import charges, renewal
from orchard.domain.holding import Place, State
from orchard.domain.row import Row, Unbilled


def inherited(state: State, entity_id: str) -> State:
    """Return a state in which rows granted for each entity bear what an entity's slices owe.

    Usage of the period that goes on is billed when that ends. What is free at the entity stays so.
    """
    found = dict(state)
    for place, holding in state.items():
        heirs = Place(place.feature_id)
        if place.entity_id != entity_id or heirs not in found or charges.is_waived(state, place):
            continue
        left = {row.id: _owed(row) for row in holding.rows if row.entity_feature_id is not None}
        rows = (_burdened(row, left.get(row.id, ())) for row in found[heirs].rows)
        found[heirs] = found[heirs]._replace(rows=tuple(rows))
    return found


def _owed(row: Row) -> tuple[Unbilled, ...]:
    if row.next_reset_at is None:
        return row.unbilled
    return renewal.owed(row, row.next_reset_at)


def _burdened(row: Row, owed: tuple[Unbilled, ...]) -> Row:
    """The row that stands for the slices with what one of them owed, period by period."""
    if not row.is_mould or not owed:
        return row
    kept = list(row.unbilled)
    for one in owed:
        alike = next((other for other in kept if _is_alike(one, other)), None)
        if alike is None:
            kept.append(one)
        else:
            kept[kept.index(alike)] = alike._replace(quantity=alike.quantity + one.quantity)
    return row._replace(unbilled=tuple(kept))


def _is_alike(one: Unbilled, other: Unbilled) -> bool:
    return one._replace(quantity=other.quantity) == other
