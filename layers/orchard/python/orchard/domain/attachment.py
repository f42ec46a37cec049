"""Attaching a plan to a customer: the customer's plan, and the rows it gives to each feature."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from orchard.domain import deduction, ids, interval, renewal, sources
from orchard.domain.catalog import Attachment, Catalog, Plan, grant
from orchard.domain.customer import CustomerPlan
from orchard.domain.entity import Entity
from orchard.domain.holding import NO_CONTROLS, NOTHING, Holding, Place, State
from orchard.domain.quantity import total
from orchard.domain.row import Rollover, Row, Rows, cast, ordered


class Attached(NamedTuple):
    """A plan about to be attached: what the customer will hold, and rows by feature id."""

    plan: Plan
    customer_plan: CustomerPlan
    rows: Mapping[str, Rows]


class Terms(NamedTuple):
    """What an attaching adds to the plan: an id of the caller's, for whom, units bought ahead."""

    external_id: str | None = None
    entity_id: str | None = None
    #: By feature.
    prepaid: Mapping[str, Decimal] = {}


_USUAL = Terms()


def attach(catalog: Catalog, plan: Plan, now: int, terms: Terms = _USUAL) -> Attached:
    """Return what attaching the plan now gives. Errors: `FeatureNotFound`."""
    trial_ends_at = _trial_end(plan, now)
    held = CustomerPlan(
        id=ids.new("cus_prod_", now),
        plan_id=plan.id,
        plan_version=plan.version,
        started_at=now,
        external_id=terms.external_id,
        group=plan.group,
        add_on=plan.add_on,
        auto_enable=plan.auto_enable,
        trial_ends_at=trial_ends_at,
        billing_controls=plan.billing_controls,
        entity_id=terms.entity_id,
    )
    rows: dict[str, Rows] = {}
    for item in plan.items:
        feature = catalog.feature(item["feature_id"])
        moment = Attachment(
            at=now,
            customer_plan_id=held.id,
            row_id=ids.new("cus_ent_", now),
            ends_at=trial_ends_at,
            entity_id=terms.entity_id,
            prepaid=terms.prepaid,
        )
        rows[feature.id] = (*rows.get(feature.id, ()), grant(plan, item, feature, moment))
    return Attached(plan, held, rows)


def held_after(
    state: State,
    attached: Iterable[Attached],
    entities: Sequence[Entity] = (),
    ended: CustomerPlan | None = None,
) -> dict[Place, Holding]:
    """Return what balances hold without the plan that ends, and with the rows of those attached.

    A row granted for each entity gives a slice to those that are there; a feature that counts
    entities begins with those that are there as used.
    """
    kept = {
        place: tuple(row for row in held.rows if not _ends_with(row, ended))
        for place, held in state.items()
    }
    # What the plan that ends had carried over goes to one row of each place.
    left = {place: _left(held, ended) for place, held in state.items()}
    given = _given(attached, entities, left)
    found = {}
    for place in {**kept, **given}:
        rows = ordered((*kept.get(place, ()), *given.get(place, ())))
        rows = _seated(rows, place, entities) if place in given else rows
        found[place] = state.get(place, NOTHING)._replace(rows=rows)
    return found


def _given(
    attached: Iterable[Attached],
    entities: Sequence[Entity],
    left: dict[Place, tuple[Rollover, ...]],
) -> dict[Place, Rows]:
    rows: dict[Place, Rows] = {}
    for one in attached:
        for feature_id, given in one.rows.items():
            for place, row in _placed(feature_id, given, entities):
                heir = renewal.adopted(row, left.get(place, ()))
                if heir is not row:
                    left[place] = ()
                rows[place] = (*rows.get(place, ()), heir)
    return rows


def _seated(rows: Rows, place: Place, entities: Sequence[Entity]) -> Rows:
    """Return the rows of a feature with at least as much used as entities count as units of it."""
    seats = sum(place == Place(entity.feature_id) for entity in entities)
    missing = seats - total(row.consumed for row in rows if not row.is_mould)
    if not seats or missing <= 0 or any(row.boolean for row in rows):
        return rows
    held = Holding(rows).own
    taken = deduction.shift(sources.of(held, place, NO_CONTROLS), missing)
    changed = {source.row.id: source.row for source in taken}
    return tuple(changed.get(row.id, row) for row in rows)


def _ends_with(row: Row, ended: CustomerPlan | None) -> bool:
    return ended is not None and row.customer_plan_id == ended.id


def _left(held: Holding, ended: CustomerPlan | None) -> tuple[Rollover, ...]:
    """What rows of the plan that ends had carried over."""
    return tuple(one for row in held.rows if _ends_with(row, ended) for one in row.rollovers)


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


def _placed(feature_id: str, rows: Rows, entities: Iterable[Entity]) -> Iterator[tuple[Place, Row]]:
    for row in rows:
        yield Place(feature_id, row.entity_id), row
        if row.is_mould:
            for entity in entities:
                if entity.feature_id == row.entity_feature_id:
                    yield Place(feature_id, entity.id), cast(row, entity.id)


def _trial_end(plan: Plan, now: int) -> int | None:
    trial = plan.free_trial
    if trial is None:
        return None
    return interval.after(now, trial["duration_type"], int(trial["duration_length"]))
