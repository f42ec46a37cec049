"""What was used of plans that may come back: it counts against them then, in the same period.

Amounts are decimals in units of the feature, times UTC milliseconds.
"""

from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import NamedTuple

from orchard.domain import carrying
from orchard.domain.carrying import Carry
from orchard.domain.holding import Holding, Place, State


class Use(NamedTuple):
    """What was used of a feature, the customer's or an entity's, that counts `until` a reset."""

    customer_plan_id: str
    feature_id: str
    entity_id: str | None
    amount: Decimal
    until: int | None


def of(state: State, plans: Collection[str], carry: Carry) -> tuple[Use, ...]:
    """Return what was used of plans, by their ids, but for what goes on with those that follow."""
    return tuple(
        Use(str(row.customer_plan_id), place.feature_id, place.entity_id, used, row.reset_due_at)
        for place, held in state.items()
        for row in held.own
        if row.customer_plan_id in plans and (used := row.refundable)
        if not (row.boolean or row.continuous or row.is_mould or carry.takes_use(place.feature_id))
    )


def again(state: State, some: Iterable[Use], now: int) -> dict[Place, Holding]:
    """Return a state in which uses count against the rows of their plans, past zero if need be."""
    found = dict(state)
    for one in some:
        place = Place(one.feature_id, one.entity_id)
        if place in found and (one.until is None or one.until > now):
            rows = found[place].rows
            mine = frozenset(it.id for it in rows if it.customer_plan_id == one.customer_plan_id)
            rows = carrying.charged(rows, place, one.amount, only=mine)
            found[place] = found[place]._replace(rows=rows)
    return found
