"""Features and plan versions in the table; the whole catalogue of a tenant is one Query."""

from typing import NamedTuple

from orchard.domain.catalog import Catalog, Feature, Plan, catalog
from orchard.store import documents, keys
from orchard.store.session import Session
from orchard.store.statements import Delete, Item, Put, Query

#: A function that did not write the catalogue itself may see it this much late.
CACHE_MS = 30_000


class _Cached(NamedTuple):
    catalog: Catalog
    until: int


_cache: dict[str, _Cached] = {}


def read(session: Session) -> Catalog:
    """Return the catalogue as it is now, strongly consistent."""
    query = Query("pk = :pk", {":pk": keys.catalog(session.tenant)})
    features, plans = [], []
    for item in session.table.query(query):
        if keys.is_feature(item["sk"]):
            features.append(_feature_from_item(item))
        else:
            plans.append(_plan_from_item(item))
    fresh = catalog(features, plans)
    _cache[session.tenant] = _Cached(fresh, session.now + CACHE_MS)
    return fresh


def cached(session: Session) -> Catalog:
    """Return the catalogue, at most thirty seconds old.

    Whatever is missing from it is worth a `read` before it is called unknown.
    """
    held = _cache.get(session.tenant)
    return held.catalog if held is not None and session.now < held.until else read(session)


def feature(session: Session, feature_id: str) -> Feature:
    """Return a feature, looking again before it is called unknown. Errors: `FeatureNotFound`."""
    held = cached(session)
    if feature_id in held.features:
        return held.features[feature_id]
    return read(session).feature(feature_id)


def forget(session: Session) -> None:
    """Drop the cached catalogue after writing to it."""
    _cache.pop(session.tenant, None)


def forget_all() -> None:
    """Drop everything cached, of every tenant."""
    _cache.clear()


def put_feature(session: Session, feature: Feature, *, new: bool) -> Put:
    """Store a feature; a new one must not exist, another must."""
    key = keys.feature(session.tenant, feature.id)
    item = {
        **feature._asdict(),
        "pk": key.pk,
        "sk": key.sk,
        "event_names": list(feature.event_names),
        "settings": dict(feature.settings),
    }
    return Put(item, f"attribute_{'not_' if new else ''}exists(pk)")


def delete_feature(session: Session, feature_id: str) -> Delete:
    """Remove a feature, which must exist."""
    return Delete(keys.feature(session.tenant, feature_id), "attribute_exists(pk)")


def put_plan(session: Session, plan: Plan, *, new: bool) -> Put:
    """Store a plan version; a new one must not exist, another must."""
    key = keys.plan(session.tenant, plan.id, plan.version)
    item = {
        **plan._asdict(),
        "pk": key.pk,
        "sk": key.sk,
        "items": list(plan.items),
        "metadata": documents.dump(plan.metadata),
    }
    return Put(
        item,
        f"attribute_{'not_' if new else ''}exists(pk)",
    )


def delete_plan(session: Session, plan: Plan) -> Delete:
    """Remove a plan version, which must exist."""
    return Delete(keys.plan(session.tenant, plan.id, plan.version), "attribute_exists(pk)")


def _feature_from_item(item: Item) -> Feature:
    return Feature(
        id=item["id"],
        name=item["name"],
        type=item["type"],
        consumable=item["consumable"],
        created_at=int(item["created_at"]),
        archived=item["archived"],
        event_names=tuple(item["event_names"]),
        settings=item["settings"],
    )


def _plan_from_item(item: Item) -> Plan:
    return Plan(
        id=item["id"],
        version=int(item["version"]),
        name=item["name"],
        created_at=int(item["created_at"]),
        description=item["description"],
        group=item["group"],
        add_on=item["add_on"],
        auto_enable=item["auto_enable"],
        archived=item["archived"],
        price=item["price"],
        items=tuple(item["items"]),
        free_trial=item["free_trial"],
        billing_controls=item["billing_controls"],
        metadata=documents.load(item["metadata"]),
        config=item["config"],
    )
