"""Why a use is allowed, refused or cut short: what decides it, as it stands at that moment.

Nothing is decided here. Sources are asked for where uses ask for them (`pool`), controls where
they gate (`gates`), and verdicts come from `decision`. Quantities are decimals in units of the
feature whose they are, times UTC milliseconds.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from orchard.domain import decision, gates, pool, scope
from orchard.domain.basis import Basis, Considered, Payer, Window
from orchard.domain.decision import (
    INCLUDED,
    MAX_PURCHASE,
    SPEND_LIMIT,
    USAGE_LIMIT,
    Decision,
    Question,
)
from orchard.domain.deduction import Movement
from orchard.domain.holding import Holding, Place, State, UsageLimit
from orchard.domain.pool import Drawn, Use
from orchard.domain.quantity import UNBOUNDED, ZERO, exact, total
from orchard.domain.row import PRICED, Rows
from orchard.domain.scope import Subject
from orchard.domain.sources import ONE, Overage, Source


def of_question(
    state: State, subject: Subject, use: Use, decisions: Mapping[str, Decision], answering: str
) -> Basis:
    """Return what decides on a use that is asked for, with what it would take if it was made.

    `decisions` are the verdicts on each feature that can pay, of which `answering` counts.
    """
    drawn = _tried(state, subject, use)
    payers = tuple(
        _payer(state, subject, use, name, verdict) for name, verdict in decisions.items()
    )
    limit = decisions[answering].limit
    if limit is None and drawn.left:
        # A use may be refused by what single sources sell, when all of them together would do.
        limit = _cut(drawn.state, subject, use, answering, drawn.left).limit
    return Basis(
        considered(state, subject, use, drawn.movements), drawn.left, limit, answering, payers
    )


def of_use(state: State, subject: Subject, use: Use, drawn: Drawn) -> Basis:
    """Return what a use rested on; what gated it only if a part of it found no place."""
    sources = considered(state, subject, use, drawn.movements)
    if not drawn.left:
        return Basis(sources)
    cuts = {name: _cut(drawn.state, subject, use, name, drawn.left) for name in use.costs}
    payers = tuple(_payer(state, subject, use, name, cut) for name, cut in cuts.items())
    answering = use.feature_id
    if cuts[answering].limit != USAGE_LIMIT:
        # What is asked last has the last word.
        answering = next((one.feature_id for one in reversed(payers) if one.held), answering)
    return Basis(sources, drawn.left, cuts[answering].limit, answering, payers)


def of_images(
    holding: Holding, place: Place, subject: Subject, value: Decimal, movements: Sequence[Movement]
) -> Basis:
    """Return what a use of `value` units rested on that a look at one balance before it tells."""
    moved = total(movement.value for movement in movements)
    cost = exact(moved / value) if value and moved else ONE
    use = Use(place.feature_id, value, {place.feature_id: cost})
    return Basis(considered({place: holding}, subject, use, movements))


def considered(
    state: State, subject: Subject, use: Use, movements: Iterable[Movement]
) -> tuple[Considered, ...]:
    """Return the sources that can pay, in the order in which they do, with what each gave."""
    given: dict[tuple[Place, str], Decimal] = {}
    for one in movements:
        given[one.place, one.row.id] = given.get((one.place, one.row.id), ZERO) + one.value
    found = pool.candidates(state, subject, use.costs, use.overage)
    return tuple(
        _considered(source, given.get((source.place, source.row.id), ZERO)) for source in found
    )


def _considered(source: Source, gives: Decimal) -> Considered:
    row, place = source.row, source.place
    return Considered(
        balance_id=row.id,
        feature_id=place.feature_id,
        holds=row.held + row.carried,
        gives=gives,
        cost=source.cost,
        plan_id=row.plan_id,
        overage=_bounded(source.room),
        entity_id=place.entity_id,
        unlimited=row.unlimited,
        boolean=row.boolean,
    )


def _tried(state: State, subject: Subject, use: Use) -> Drawn:
    """What the use would take; a flag is on or off and gives nothing."""
    rows = (row for _place, row in scope.rows(state, subject, use.feature_id))
    if any(row.boolean for row in rows):
        return Drawn(state, (), ZERO)
    return pool.draw(state, subject, use)


def _cut(after: State, subject: Subject, use: Use, name: str, left: Decimal) -> Decision:
    """What of a feature keeps the rest of a use from finding a place, once the use was made."""
    rows = _rows(after, subject, name)
    if use.amount < 0:
        return Decision(allowed=False)
    if not rows:
        return Decision(allowed=False, limit=INCLUDED)
    if use.overage is Overage.OVERFLOW:
        return Decision(allowed=False, limit=SPEND_LIMIT)
    rest = _question(use, name, left)
    found = decision.decide(after, subject, rest)
    # All sources together may sell as much; one by one they did not.
    return Decision(allowed=False, limit=found.limit or MAX_PURCHASE)


def _question(use: Use, name: str, units: Decimal) -> Question:
    cost = use.costs[name]
    member = None if name == use.feature_id else (use.feature_id, cost)
    return Question(name, exact(units * cost), use.properties, member)


def _payer(state: State, subject: Subject, use: Use, name: str, verdict: Decision) -> Payer:
    rows, controls = _rows(state, subject, name), gates.resolved(state, subject, name)
    beyond, _bound = decision.beyond(state, subject, name, rows)
    return Payer(
        feature_id=name,
        required=exact(use.amount * use.costs[name]),
        remaining=decision.remaining(rows),
        beyond=beyond,
        allowed=verdict.allowed,
        limit=verdict.limit,
        cost=use.costs[name],
        windows=tuple(_window(limit, use.properties) for limit in controls.usage_limits),
        overage_allowed=controls.overage_allowed,
        max_purchase=_max_purchase(rows),
        spend_limit=controls.spend_limit,
        spend_left=_bounded(gates.spend_left(state, subject, name)),
        held=bool(rows),
    )


def _rows(state: State, subject: Subject, feature_id: str) -> Rows:
    return tuple(row for _place, row in scope.rows(state, subject, feature_id))


def _window(limit: UsageLimit, properties: Mapping[str, Any]) -> Window:
    return Window(
        limit.limit,
        limit.interval,
        limit.used,
        limit.resets_at,
        limit.matches(properties),
        limit.enabled,
        limit.filter,
    )


def _max_purchase(rows: Rows) -> Decimal | None:
    """How much all rows together sell beyond what they include; None: nothing, or any amount."""
    limits = [row.overage_limit for row in rows if row.overage == PRICED]
    if not limits or any(limit is None for limit in limits):
        return None
    return total(limit for limit in limits if limit is not None)


def _bounded(amount: Decimal) -> Decimal | None:
    return None if amount >= UNBOUNDED else amount
