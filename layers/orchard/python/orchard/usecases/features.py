"""Defining features: `features.*`."""

from typing import Any

from orchard.contracts.feature import feature as view
from orchard.contracts.features import (
    CreateFeatureRequest,
    DeleteFeatureRequest,
    GetFeatureRequest,
    UpdateFeatureRequest,
)
from orchard.domain import feature_rules
from orchard.domain.catalog import Catalog, Feature
from orchard.errors import Conflict
from orchard.store import catalog
from orchard.store.optimistic import optimistic
from orchard.store.session import Session
from orchard.store.statements import Write


def create(session: Session, request: CreateFeatureRequest) -> dict[str, Any]:
    """Define a feature. Errors: 409 `duplicate_feature_id`, 400 `invalid_feature`."""
    return view(optimistic(lambda: _create(session, request)))


def get(session: Session, request: GetFeatureRequest) -> dict[str, Any]:
    """Return a feature. Errors: `FeatureNotFound`."""
    return view(catalog.read(session).feature(request.feature_id))


def every(session: Session) -> dict[str, Any]:
    """Return all features, the oldest first."""
    return {"list": [view(one) for one in catalog.read(session).features.values()]}


def update(session: Session, request: UpdateFeatureRequest) -> dict[str, Any]:
    """Change a feature.

    Errors: `FeatureNotFound`, 409 for a new id that is taken, 400 `invalid_feature` for another
    id or type of a feature that others rely on.
    """
    return view(optimistic(lambda: _update(session, request)))


def delete(session: Session, request: DeleteFeatureRequest) -> dict[str, Any]:
    """Remove a feature. Errors: `FeatureNotFound`, 409 when anything refers to it."""
    optimistic(lambda: _delete(session, request))
    return {"success": True}


def _create(session: Session, request: CreateFeatureRequest) -> Feature:
    seen = catalog.read(session)
    if request.feature_id in seen.features:
        raise Conflict(f"Feature {request.feature_id} already exists", "duplicate_feature_id")
    new = Feature(
        id=request.feature_id,
        name=request.name,
        type=request.type,
        consumable=feature_rules.consumable(request.type, wanted=request.consumable),
        created_at=session.now,
        event_names=tuple(request.event_names or ()),
        settings=feature_rules.settings(request.type, {}, request.settings()),
        revision=seen.revision + 1,
    )
    feature_rules.check(new, seen)
    catalog.commit(session, seen, catalog.put_feature(session, new, new=True))
    return new


def _update(session: Session, request: UpdateFeatureRequest) -> Feature:
    seen = catalog.read(session)
    old = seen.feature(request.feature_id)
    new = _changed(old, request)._replace(revision=seen.revision + 1)
    feature_rules.check_change(old, new, seen)
    feature_rules.check(new, seen)
    catalog.commit(session, seen, *_writes(session, seen, old, new))
    return new


def _changed(old: Feature, request: UpdateFeatureRequest) -> Feature:
    kind = request.type or old.type
    known = old.consumable if kind == old.type else None
    wanted = known if request.consumable is None else request.consumable
    events = old.event_names if request.event_names is None else tuple(request.event_names)
    return old._replace(
        id=request.new_feature_id or old.id,
        name=request.name or old.name,
        type=kind,
        consumable=feature_rules.consumable(kind, wanted=wanted),
        archived=old.archived if request.archived is None else request.archived,
        event_names=events,
        settings=feature_rules.settings(kind, old.settings, request.settings()),
    )


def _writes(session: Session, seen: Catalog, old: Feature, new: Feature) -> list[Write]:
    plans = feature_rules.naming(seen, old.id)
    if old.id != new.id:
        moved = (feature_rules.renamed(plan, old.id, new.id) for plan in plans)
        return [
            catalog.delete_feature(session, old),
            catalog.put_feature(session, new, new=True),
            *(
                catalog.put_plan(session, plan._replace(revision=new.revision), new=False)
                for plan in moved
            ),
        ]
    writes: list[Write] = [catalog.put_feature(session, new, new=False)]
    if (old.type, old.consumable) != (new.type, new.consumable):
        writes.extend(catalog.unused_plan(session, plan) for plan in plans)
    return writes


def _delete(session: Session, request: DeleteFeatureRequest) -> None:
    seen = catalog.read(session)
    doomed = seen.feature(request.feature_id)
    feature_rules.check_deletion(doomed, seen)
    catalog.commit(session, seen, catalog.delete_feature(session, doomed))
