"""Attaching a plan to a customer: the customer's plan, and the rows it gives to each feature."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from typing import Any, NamedTuple

from orchard.domain import carrying, deduction, ids, interval, plan_rules, renewal, sources
from orchard.domain.billing import quantities
from orchard.domain.carrying import NO_CARRY, Carry
from orchard.domain.catalog import Attachment, Catalog, Plan, grant
from orchard.domain.customer import ACTIVE, CustomerPlan
from orchard.domain.entity import Entity
from orchard.domain.holding import NO_CONTROLS, NOTHING, Holding, Place, State
from orchard.domain.quantity import ZERO, total
from orchard.domain.row import Rollover, Row, Rows, cast, ordered


class Attached(NamedTuple):
    """A plan about to be attached: what the customer will hold, and rows by feature id."""

    plan: Plan
    customer_plan: CustomerPlan
    rows: Mapping[str, Rows]


class Trial(Enum):
    """When a trial ends, if no time is given."""

    OF_PLAN = "of_plan"


class Terms(NamedTuple):
    """What an attaching adds to the plan, or has otherwise. Times are UTC milliseconds."""

    #: An id of the caller's.
    external_id: str | None = None
    #: For whom; None: the customer and all of its entities.
    entity_id: str | None = None
    #: Prepaid units by feature, those included among them.
    quantities: Mapping[str, Decimal] = {}
    #: The id to have, if it was chosen before.
    customer_plan_id: str | None = None
    #: None: no trial.
    trial_ends_at: int | Trial | None = Trial.OF_PLAN
    #: When the plan begins or began; None: now.
    starts_at: int | None = None
    #: A plan that is yet to begin gives nothing.
    status: str = ACTIVE
    #: Whether it is paid for through Stripe, and by interval and count when the periods end there.
    billed: bool = False
    period_ends: Mapping[tuple[str, int], int] = {}
    #: What the plan has of the customer's own, as `customizing.snapshot` returns it.
    custom: Mapping[str, Any] | None = None


_USUAL = Terms()


def attach(catalog: Catalog, plan: Plan, now: int, terms: Terms = _USUAL) -> Attached:
    """Return what attaching the plan now gives, customised already.

    Errors: `FeatureNotFound`, `Invalid` for quantities that the plan does not sell.
    """
    started_at = now if terms.starts_at is None else terms.starts_at
    held = CustomerPlan(
        id=terms.customer_plan_id or ids.new("cus_prod_", now),
        plan_id=plan.id,
        plan_version=plan.version,
        started_at=started_at,
        status=terms.status,
        external_id=terms.external_id,
        group=plan.group,
        add_on=plan.add_on,
        auto_enable=plan.auto_enable,
        one_off=plan_rules.is_one_off(plan),
        trial_ends_at=_trial_end(plan, terms.trial_ends_at, started_at),
        billing_controls=plan.billing_controls,
        entity_id=terms.entity_id,
        quantities=quantities.settled(plan, terms.quantities),
        custom=terms.custom,
    )
    rows: dict[str, Rows] = {}
    for item in plan.items if terms.status == ACTIVE else ():
        name = item["feature_id"]
        rows[name] = (*rows.get(name, ()), granted(catalog, plan, item, now, (held, terms)))
    return Attached(plan, held, rows)


def granted(
    catalog: Catalog,
    plan: Plan,
    item: Mapping[str, Any],
    now: int,
    by: tuple[CustomerPlan, Terms],
) -> Row:
    """Return a new row that an item gives to a customer's plan. Errors: `FeatureNotFound`."""
    held, terms = by
    feature = catalog.feature(item["feature_id"])
    moment = Attachment(
        at=now,
        customer_plan_id=held.id,
        row_id=ids.new("cus_ent_", now),
        # Stripe says when a trial ends that it knows of.
        ends_at=None if terms.billed else held.trial_ends_at,
        entity_id=held.entity_id,
        prepaid=quantities.units(item, held.quantities.get(feature.id, ZERO)),
        anchor=held.started_at,
        billed=terms.billed,
        trial_ends_at=held.trial_ends_at,
        period_ends=terms.period_ends,
    )
    return grant(plan, item, feature, moment)


def held_after(
    state: State,
    attached: Iterable[Attached],
    entities: Sequence[Entity] = (),
    ended: Sequence[CustomerPlan] = (),
    carry: Carry = NO_CARRY,
) -> dict[Place, Holding]:
    """Return what balances hold without the plans that end, and with the rows of those attached.

    A row granted for each entity gives a slice to those that are there; a feature that counts
    entities begins with those that are there as used. `carry` says what else goes on.
    """
    gone = {one.id for one in ended}
    # What plans that end had carried over goes to one row of each place.
    left = {place: _left(held, gone) for place, held in state.items()}
    given, kept = _given(attached, entities, left), _kept(state, gone)
    found = {
        place: state.get(place, NOTHING)._replace(
            rows=ordered((*kept.get(place, ()), *given.get(place, ())))
        )
        for place in {**kept, **given}
    }
    found = carrying.carried(state, found, ended, carry)
    return {
        place: held._replace(rows=seated(held.rows, place, entities)) if place in given else held
        for place, held in found.items()
    }


def _given(
    attached: Iterable[Attached],
    entities: Sequence[Entity],
    left: dict[Place, tuple[Rollover, ...]],
) -> dict[Place, Rows]:
    rows: dict[Place, Rows] = {}
    for one in attached:
        for feature_id, given in one.rows.items():
            for place, row in placed(feature_id, given, entities):
                heir = renewal.adopted(row, left.get(place, ()))
                if heir is not row:
                    left[place] = ()
                rows[place] = (*rows.get(place, ()), heir)
    return rows


def seated(rows: Rows, place: Place, entities: Sequence[Entity]) -> Rows:
    """Return the rows of a feature with at least as much used as entities count as units of it."""
    seats = sum(place == Place(entity.feature_id) for entity in entities)
    missing = seats - total(row.consumed for row in rows if not row.is_mould)
    if not seats or missing <= 0 or any(row.boolean for row in rows):
        return rows
    held = Holding(rows).own
    taken = deduction.shift(sources.of(held, place, NO_CONTROLS), missing)
    changed = {source.row.id: source.row for source in taken}
    return tuple(changed.get(row.id, row) for row in rows)


def _kept(state: State, gone: set[str]) -> dict[Place, Rows]:
    """The rows of all but the plans that end."""
    return {
        place: tuple(row for row in held.rows if row.customer_plan_id not in gone)
        for place, held in state.items()
    }


def _left(held: Holding, gone: set[str]) -> tuple[Rollover, ...]:
    """What rows of the plans that end had carried over."""
    rows = (row for row in held.rows if row.customer_plan_id in gone)
    return tuple(one for row in rows for one in row.rollovers)


def slices(state: State, entity: Entity) -> dict[Place, Rows]:
    """Return what an entity gets of the rows that are granted for each entity of its feature."""
    return {
        Place(place.feature_id, entity.id): tuple(
            cast(row, entity.id)
            for row in held.rows
            if row.is_mould and row.entity_feature_id == entity.feature_id
        )
        for place, held in state.items()
        if place.entity_id is None
        and any(row.is_mould and row.entity_feature_id == entity.feature_id for row in held.rows)
    }


def placed(feature_id: str, rows: Rows, entities: Iterable[Entity]) -> Iterator[tuple[Place, Row]]:
    """Yield rows with where they lie, and the slices of those that are granted for each entity."""
    for row in rows:
        yield Place(feature_id, row.entity_id), row
        if row.is_mould:
            for entity in entities:
                if entity.feature_id == row.entity_feature_id:
                    yield Place(feature_id, entity.id), cast(row, entity.id)


def _trial_end(plan: Plan, ends_at: int | Trial | None, start: int) -> int | None:
    trial = plan.free_trial
    if not isinstance(ends_at, Trial):
        return ends_at
    if trial is None:
        return None
    return interval.after(start, trial["duration_type"], int(trial["duration_length"]))
