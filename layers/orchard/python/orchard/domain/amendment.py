"""A customer's plan changed in place: other items, another version, other prepaid quantities.

What an item gave and still gives stays as it is. Where an allowance changes, the balance moves by
the difference: what was used stays used, and the reset date stays. What is dropped goes with its
rows; what comes resets together with what is there.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from orchard.domain import attachment, renewal
from orchard.domain.attachment import Attached, Terms, Trial
from orchard.domain.billing import quantities
from orchard.domain.carrying import NO_CARRY, Carry
from orchard.domain.catalog import Catalog, Plan
from orchard.domain.customer import ACTIVE, CustomerPlan
from orchard.domain.entity import Entity
from orchard.domain.holding import Holding, Place, State
from orchard.domain.interval import ONE_OFF
from orchard.domain.plan_difference import Identity, Item, difference, identity
from orchard.domain.quantity import ZERO
from orchard.domain.row import Row, Rows, ordered, repriced


class Change(NamedTuple):
    """A customer's plan as it was, and what it is of before and after, the customer's parts in."""

    held: CustomerPlan
    before: Plan
    after: Plan


def wanted_quantities(
    held: CustomerPlan, after: Plan, asked: Mapping[str, Decimal]
) -> dict[str, Decimal]:
    """Return the prepaid units of a changed plan: those asked for, those held, else none.

    Errors: `InvalidInputs`, `Invalid` for units that the plan does not sell.
    """
    sold = {item["feature_id"] for item in quantities.prepaid_items(after)}
    kept = {name: amount for name, amount in held.quantities.items() if name in sold}
    return quantities.settled(after, {**kept, **asked})


def amended(
    state: State,
    change: Change,
    catalog: Catalog,
    now: int,
    terms: Terms,
    *,
    entities: Sequence[Entity] = (),
    carry: Carry = NO_CARRY,
) -> dict[Place, Holding]:
    """Return what balances hold after a customer's plan changed.

    `terms.quantities` are the prepaid units that change, `terms.trial_ends_at` is another end of
    the trial; what is not given stays. Without `carry`, what was used of an item that goes does
    not count against one that comes, unless it is of seats.
    Errors: `FeatureNotFound`; `InvalidInputs`, `Invalid` for units that the plan does not sell.
    """
    held = change.held
    if held.status != ACTIVE:
        return dict(state)
    move = _move(state, change, catalog, now, terms)
    stepped = {
        place: holding._replace(rows=ordered(tuple(move.of(row, place) for row in holding.rows)))
        for place, holding in state.items()
    }
    if move.fresh.trial_ends_at != held.trial_ends_at:
        stepped = _retried(stepped, move.fresh, move.terms, now)
    given = Attached(change.after, move.fresh, move.added)
    return attachment.held_after(stepped, [given], entities, [move.gone], carry)


class _Move(NamedTuple):
    """What becomes of the rows of a plan: `models` are what changed items would give anew.

    To those that follow, rows that go are as those of a plan that ends (`gone`).
    """

    held: CustomerPlan
    fresh: CustomerPlan
    gone: CustomerPlan
    terms: Terms
    models: Mapping[Identity, Row]
    removed: frozenset[Identity]
    added: Mapping[str, Rows]

    def of(self, row: Row, place: Place) -> Row:
        """Return what becomes of one row."""
        if row.customer_plan_id != self.held.id:
            return row
        one = _identity_of(row, place)
        if one in self.removed:
            return row._replace(customer_plan_id=self.gone.id)
        model = self.models.get(one)
        return row if model is None else _replaced(row, model)


def _move(state: State, change: Change, catalog: Catalog, now: int, terms: Terms) -> _Move:
    held, before, after = change
    fresh = held._replace(
        quantities=wanted_quantities(held, after, terms.quantities),
        trial_ends_at=_trial_end(held, terms),
    )
    terms = terms._replace(
        billed=terms.billed or held.stripe_subscription_id is not None,
        period_ends={**_cycles(state, held), **terms.period_ends},
    )

    def row_of(item: Item) -> Row:
        return attachment.granted(catalog, after, item, now, (fresh, terms))

    found = difference(before, after, _unchanged(held, fresh, before, after))
    models = {one: row_of(item) for one, item in found.changed.items()}
    added: dict[str, Rows] = {}
    for item in found.added:
        name = item["feature_id"]
        added[name] = (*added.get(name, ()), row_of(item))
    gone = held._replace(id=f"{held.id}_gone")
    return _Move(held, fresh, gone, terms, models, found.removed, added)


def _replaced(row: Row, model: Row) -> Row:
    """The row as a changed item gives it, with what was used of it, and when it resets."""
    resets = row.next_reset_at if row.next_reset_at is not None else model.next_reset_at
    return repriced(row, model.price)._replace(
        plan_id=model.plan_id,
        unlimited=model.unlimited,
        allowance=model.allowance,
        prepaid=model.prepaid,
        balance=row.balance + model.starting - row.starting,
        next_reset_at=None if model.next_reset_at is None else resets,
        overage=model.overage,
        overage_limit=model.overage_limit,
        rollover=model.rollover,
        billed=row.billed or model.billed,
    )


def _retried(state: State, held: CustomerPlan, terms: Terms, now: int) -> dict[Place, Holding]:
    """What balances hold once the trial of a plan ends at another time, or now."""
    trial = held.trial_ends_at

    def of(row: Row) -> Row:
        if row.customer_plan_id != held.id:
            return row
        if not row.billed:
            return row._replace(ends_at=None if terms.billed else trial, billed=terms.billed)
        if row.trial_ends_at is not None and trial is None:
            row = renewal.after_trial(row, now)
        end = terms.period_ends.get((row.interval, row.interval_count), row.next_reset_at)
        resets = None if row.next_reset_at is None else end
        row = renewal.caught_up(row, now)
        return row._replace(trial_ends_at=trial, next_reset_at=resets)

    return {
        place: holding._replace(rows=ordered(tuple(map(of, holding.rows))))
        for place, holding in state.items()
    }


def _trial_end(held: CustomerPlan, terms: Terms) -> int | None:
    given = terms.trial_ends_at
    return held.trial_ends_at if isinstance(given, Trial) else given


def _unchanged(
    held: CustomerPlan, fresh: CustomerPlan, before: Plan, after: Plan
) -> frozenset[Identity]:
    """The items that give what they gave, units bought ahead among it."""
    return frozenset(
        identity(item)
        for item in after.items
        if item in before.items and _units(item, held) == _units(item, fresh)
    )


def _units(item: Item, held: CustomerPlan) -> Decimal:
    return quantities.units(item, held.quantities.get(item["feature_id"], ZERO))


def _cycles(state: State, held: CustomerPlan) -> dict[tuple[str, int], int]:
    """When rows of a plan reset next, by their interval and count."""
    return {
        (row.interval, row.interval_count): row.next_reset_at
        for holding in state.values()
        for row in reversed(holding.rows)
        if row.customer_plan_id == held.id and row.next_reset_at is not None
    }


def _identity_of(row: Row, place: Place) -> Identity:
    price = row.price or {}
    every, count = row.interval, row.interval_count
    if every == ONE_OFF:
        every, count = price.get("interval", ONE_OFF), int(price.get("interval_count", 1))
    return Identity(
        place.feature_id, every, count, price.get("billing_method"), row.entity_feature_id
    )
