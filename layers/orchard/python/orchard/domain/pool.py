"""Which rows can pay for a use, in which order, and what the use leaves of the items they lie in.

A use of a feature draws on the rows of the feature itself and on those of credit systems that pay
for it; a use by an entity on the entity's rows and, unless these are kept apart, on the
customer's.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from orchard.domain import deduction, gates, scope, sources
from orchard.domain.deduction import Bounds, Movement
from orchard.domain.holding import Place, State
from orchard.domain.quantity import UNBOUNDED, ZERO, exact
from orchard.domain.row import Row, deduction_order, ordered
from orchard.domain.scope import Subject
from orchard.domain.sources import Bound, Overage, Source, Sources


class Use(NamedTuple):
    """A use of `amount` units of a feature; negative gives back.

    `costs` names the features whose rows can pay, the feature itself first, with what one unit
    takes from each. `properties` are those of the event, which usage limits may filter by.
    """

    feature_id: str
    amount: Decimal
    costs: Mapping[str, Decimal]
    overage: Overage = Overage.CAP
    properties: Mapping[str, Any] = {}


class Drawn(NamedTuple):
    """The outcome of a use: the items after it, what each source paid, what found no place."""

    state: State
    movements: tuple[Movement, ...]
    left: Decimal


def draw(state: State, subject: Subject, use: Use) -> Drawn:
    """Take a use from the current state, or give it back when negative."""
    before = candidates(state, subject, use.costs, use.overage)
    bounds = _bounds(state, subject, use)
    is_unlimited = any(source.row.unlimited for source in before)
    amount = use.amount
    if before and not is_unlimited:
        amount = min(amount, _allowed(state, subject, use))
    after, left = deduction.apply(before, amount, use.overage, bounds)
    moved = deduction.paid(before, after)
    drawn = regrouped(state, before, after)
    if use.amount > 0 and not is_unlimited:
        drawn = _counted(drawn, subject, use, amount - left, moved)
    return Drawn(drawn, moved, left + use.amount - amount)


def candidates(
    state: State,
    subject: Subject,
    costs: Mapping[str, Decimal],
    overage: Overage = Overage.CAP,
) -> Sources:
    """Return the rows that can pay, in the order in which they do."""
    found: list[tuple[tuple[object, ...], Source]] = []
    for kind, (feature_id, cost) in enumerate(costs.items()):
        own = list(scope.rows(state, subject, feature_id))
        controls = gates.resolved(state, subject, feature_id)
        has_price = sources.is_priced(tuple(row for _place, row in own))
        for place, row in own:
            permitted = controls.overage_allowed
            limit = sources.overage_room(row, overage, permitted=permitted, has_price=has_price)
            order = _order(row, place, kind)
            found.append((order, Source(row, place, cost, limit)))
    return tuple(source for _order_, source in sorted(found, key=lambda one: one[0]))


def regrouped(state: State, before: Sources, after: Sources) -> State:
    """Return the state with the rows that changed put back where they lie."""
    changed: dict[Place, dict[str, Row]] = {}
    for was, now in zip(before, after, strict=True):
        if was is not now:
            changed.setdefault(now.place, {})[now.row.id] = now.row
    return {
        place: holding._replace(
            rows=ordered(tuple(changed[place].get(row.id, row) for row in holding.rows))
        )
        if place in changed
        else holding
        for place, holding in state.items()
    }


def _order(row: Row, place: Place, kind: int) -> tuple[object, ...]:
    is_own = row.entity_id is not None and row.entity_feature_id is None
    boolean, unlimited, *rest = deduction_order(row)
    # The feature itself before credits; slices of one row in the order of their entities.
    return (not is_own, boolean, kind > 0, unlimited, *rest, place.entity_id or "")


def _bounds(state: State, subject: Subject, use: Use) -> Bounds:
    return {
        name: Bound(
            UNBOUNDED
            if name == use.feature_id
            else gates.window_left(state, subject, name, use.properties),
            gates.spend_left(state, subject, name),
        )
        for name in use.costs
    }


def _allowed(state: State, subject: Subject, use: Use) -> Decimal:
    """How much of the feature itself its usage limits allow; overflow ignores them."""
    if use.overage is Overage.OVERFLOW:
        return UNBOUNDED
    return gates.window_left(state, subject, use.feature_id, use.properties)


def _counted(
    state: State, subject: Subject, use: Use, taken: Decimal, moved: tuple[Movement, ...]
) -> State:
    """Count a use in the windows of the feature, and what it drew from credits in theirs."""
    amounts = dict.fromkeys(use.costs, ZERO)
    for movement in moved:
        amounts[movement.place.feature_id] += movement.value
    amounts[use.feature_id] = exact(taken)
    return gates.count(state, subject, amounts, use.properties)
