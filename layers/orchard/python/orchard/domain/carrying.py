"""What goes on when one plan takes the place of another: use of seats, and what is asked for.

Use of what is not used up, such as seats, always goes on. Of what is used up, callers may ask for
the use, or for what was left, to go on; else the new plan begins anew.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from orchard.domain import deduction, sources
from orchard.domain.catalog import Catalog
from orchard.domain.customer import CustomerPlan
from orchard.domain.holding import NO_CONTROLS, NOTHING, Holding, Place, State
from orchard.domain.quantity import ZERO, total
from orchard.domain.row import Rollover, Row, Rows, ordered, repriced
from orchard.errors import InvalidInputs


class Carry(NamedTuple):
    """What goes on of plans that end: use, what was left; of some features, or (None) of all."""

    usages: bool = False
    balances: bool = False
    usage_features: tuple[str, ...] | None = None
    balance_features: tuple[str, ...] | None = None

    def takes_use(self, feature_id: str) -> bool:
        """Whether the use of a feature goes on."""
        return self.usages and _names(self.usage_features, feature_id)

    def takes_balance(self, feature_id: str) -> bool:
        """Whether what was left of a feature goes on."""
        return self.balances and _names(self.balance_features, feature_id)


NO_CARRY = Carry()


def check(carry: Carry, catalog: Catalog) -> None:
    """Require that what is to go on can. Errors: `FeatureNotFound`, `InvalidInputs`."""
    for feature_id in (*(carry.usage_features or ()), *(carry.balance_features or ())):
        if not catalog.feature(feature_id).consumable:
            raise InvalidInputs(
                f"Feature {feature_id} is not used up: nothing of it can be carried over"
            )
    both = [
        name for name in catalog.features if carry.takes_use(name) and carry.takes_balance(name)
    ]
    if both:
        raise InvalidInputs(
            "carry_over_usages and carry_over_balances exclude each other for a feature: "
            f"{both[0]} has both"
        )


def carried(
    before: State, after: State, ended: Sequence[CustomerPlan], carry: Carry
) -> dict[Place, Holding]:
    """Return what balances hold once what goes on of the plans that ended is in them.

    `before` holds their rows, `after` those of the plans that follow instead, with nothing used.
    Use may overdraw what follows. What was left is used before all else and lasts as long as it
    would have; what would never have ended becomes a grant of its own.
    """
    gone = {one.id for one in ended}
    found = dict(after)
    for place, row in _rows(before, gone):
        if row.continuous or carry.takes_use(place.feature_id):
            _use(found, before, place, row)
            _owe(found, before, place, row)
        elif carry.takes_balance(place.feature_id):
            _keep(found, before, place, row)
    return found


def _names(features: tuple[str, ...] | None, feature_id: str) -> bool:
    return features is None or feature_id in features


def charged(rows: Rows, place: Place, amount: Decimal, *, only: frozenset[str]) -> Rows:
    """Return rows of a place with an amount taken from those named, past zero if need be."""
    heirs = tuple(row for row in rows if row.id in only and not row.is_mould)
    taken = deduction.shift(sources.of(heirs, place, NO_CONTROLS), amount)
    changed = {source.row.id: source.row for source in taken}
    return tuple(changed.get(row.id, row) for row in rows)


def _rows(state: State, plans: set[str]) -> Iterator[tuple[Place, Row]]:
    """The rows of plans that hold something of their own."""
    for place, holding in state.items():
        for row in holding.own:
            if row.customer_plan_id in plans and not row.boolean:
                yield place, row


def _use(found: dict[Place, Holding], before: State, place: Place, row: Row) -> None:
    used = row.refundable
    for target in _targets(found, place) if used else ():
        heirs = _heirs(found[target].rows, before, target, continuous=row.continuous)
        if heirs:
            rows = charged(found[target].rows, target, used, only=heirs)
            found[target] = found[target]._replace(rows=rows)
            return


def _owe(found: dict[Place, Holding], before: State, place: Place, row: Row) -> None:
    """Let a new row that is billed show what no invoice shows yet of the one that goes."""
    is_owed = any(one.invoice is None for one in row.unbilled)
    for target in _targets(found, place) if is_owed else ():
        rows = found[target].rows
        new = _heirs(rows, before, target, continuous=row.continuous)
        heir = next((one for one in rows if one.id in new and one.is_metered), None)
        if heir is not None:
            before_it = repriced(row, heir.price).unbilled
            waiting = (one for one in before_it if one.invoice is None)
            debtor = heir._replace(unbilled=(*heir.unbilled, *waiting))
            kept = tuple(debtor if one is heir else one for one in rows)
            found[target] = found[target]._replace(rows=kept)
            return


def _targets(found: Mapping[Place, Holding], place: Place) -> list[Place]:
    """Where use may go on: at the same place, with the customer, else with any entity."""
    others = sorted(
        (one for one in found if one.feature_id == place.feature_id),
        key=lambda one: (one != place, one.entity_id is not None, one.entity_id or ""),
    )
    return [one for one in others if place.entity_id in (None, one.entity_id) or not one.entity_id]


def _heirs(rows: Rows, before: State, place: Place, *, continuous: bool) -> frozenset[str]:
    """The rows that take over: new ones; of what goes on in any case, others will do too."""
    known = {row.id for row in before.get(place, NOTHING).rows}
    able = [row for row in rows if row.continuous == continuous and not row.is_mould]
    new = [row for row in able if row.id not in known]
    return frozenset(row.id for row in (new or (able if continuous else ())))


def _keep(found: dict[Place, Holding], before: State, place: Place, row: Row) -> None:
    heir = _heir(found, before, place)
    left = _left(row, adopted=heir is not None and _adopts(found[place].rows, before, place))
    lasting = total(one.balance for one in left if one.expires_at is None)
    ending = tuple(one for one in left if one.expires_at is not None)
    holding = found.get(place, NOTHING)
    if heir is None:
        grants = tuple(_grant(row, one.balance, one.expires_at, one.id) for one in ending)
        rows = (*holding.rows, *grants)
    else:
        richer = heir._replace(rollovers=(*heir.rollovers, *ending))
        rows = tuple(richer if one is heir else one for one in holding.rows)
    if lasting:
        rows = (*rows, _grant(row, lasting, None, f"{row.id}_left"))
    found[place] = holding._replace(rows=ordered(rows))


def _adopts(rows: Rows, before: State, place: Place) -> bool:
    """Whether one of the new rows took over what had been carried over before."""
    new = _heirs(rows, before, place, continuous=False)
    return any(row.rollover is not None for row in rows if row.id in new)


def _heir(found: Mapping[Place, Holding], before: State, place: Place) -> Row | None:
    rows = found.get(place, NOTHING).rows
    new = _heirs(rows, before, place, continuous=False)
    return next((row for row in rows if row.id in new and not row.unlimited), None)


def _left(row: Row, *, adopted: bool) -> tuple[Rollover, ...]:
    """What was left of a row. `adopted`: what it had carried over itself went on already."""
    older = () if adopted else tuple(one for one in row.rollovers if one.balance > 0)
    until = row.next_reset_at if row.expires_at is None else row.expires_at
    own = Rollover(f"{row.id}_left", row.held, ZERO, until)
    return (*older, own) if row.held else older


def _grant(row: Row, amount: Decimal, expires_at: int | None, name: str) -> Row:
    """A grant apart from any plan; what an entity had stays the entity's."""
    return Row(
        id=name,
        created_at=row.created_at,
        entity_id=row.entity_id,
        allowance=amount,
        balance=amount,
        expires_at=expires_at,
    )
