"""Features and plan versions in the table; the whole catalogue of a tenant is one Query.

Its writers take turns: each commit advances the revision of the catalogue that it was decided on,
so rules about several items (ids, references, one default plan in a group) hold without locks.
Customers don't take part in that. The first of them to get a plan version or a feature marks it as
used, in the transaction that grants it; a change that only unused items allow is conditional on
the mark, and the mark on the revision that was read, so neither can overlook the other.
"""

from decimal import Decimal
from typing import NamedTuple

from orchard.domain.catalog import Catalog, Feature, Plan, catalog
from orchard.errors import Invalid
from orchard.store import documents, keys
from orchard.store.keys import Key
from orchard.store.session import Session
from orchard.store.statements import Check, Delete, Item, Put, Query, Update, Value, Write

#: A function that did not write the catalogue itself may see it this much late.
CACHE_MS = 30_000

#: DynamoDB stores at most 400 KB as an item, and 100 writes as a transaction; one is our own,
#: one may be that of an idempotency key.
_LARGEST_BYTES = 350_000
_MOST_WRITES = 98
_NEW = "attribute_not_exists(pk)"
_USED = "used = :used"


class _Cached(NamedTuple):
    catalog: Catalog
    until: int


_cache: dict[str, _Cached] = {}


def read(session: Session) -> Catalog:
    """Return the catalogue as it is now, strongly consistent."""
    query = Query("pk = :pk", {":pk": keys.catalog(session.tenant)})
    features, plans, revision = [], [], 0
    for item in session.table.query(query):
        if keys.is_feature(item["sk"]):
            features.append(_feature_from_item(item))
        elif keys.is_plan(item["sk"]):
            plans.append(_plan_from_item(item))
        else:
            revision = int(item["revision"])
    fresh = catalog(features, plans, revision)
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


def costs(session: Session, feature_id: str) -> dict[str, Decimal]:
    """Return what can pay for a feature and at what cost. Errors: `FeatureNotFound`."""
    held = cached(session)
    return (held if feature_id in held.features else read(session)).costs(feature_id)


def forget(session: Session) -> None:
    """Drop the cached catalogue after writing to it."""
    _cache.pop(session.tenant, None)


def forget_all() -> None:
    """Drop everything cached, of every tenant."""
    _cache.clear()


def commit(session: Session, seen: Catalog, *writes: Write) -> None:
    """Apply changes that were decided on `seen`.

    Errors: `ConditionFailed` if the catalogue changed since, or if a customer got what only an
    unused item allows to change; `Invalid` if the change takes too many writes.
    """
    if len(writes) > _MOST_WRITES:
        raise Invalid(f"This change concerns more than {_MOST_WRITES} plans and features at once")
    try:
        session.commit(_advance(session, seen), *writes)
    finally:
        forget(session)


def put_feature(session: Session, feature: Feature, *, new: bool) -> Put:
    """Store a feature; a new one must not exist, another must be as used as it was read."""
    key = keys.feature(session.tenant, feature.id)
    item = {
        **feature._asdict(),
        "pk": key.pk,
        "sk": key.sk,
        "event_names": list(feature.event_names),
        "settings": dict(feature.settings),
    }
    return _put(item, feature, new=new)


def delete_feature(session: Session, feature: Feature) -> Delete:
    """Remove a feature that no customer ever had."""
    return Delete(keys.feature(session.tenant, feature.id), _USED, {":used": False})


def mark_feature(session: Session, feature: Feature) -> list[Update]:
    """Return what must go along with a grant of this feature apart from a plan's own items.

    That is nothing once the feature is known to be used. Otherwise the write fails if the feature
    was changed or removed since it was read, and a second attempt finds it fresh.
    """
    return _mark(session, keys.feature(session.tenant, feature.id), feature, {})


def put_plan(session: Session, plan: Plan, *, new: bool) -> Put:
    """Store a plan version; a new one must not exist, another must be as used as it was read."""
    key = _plan_key(session, plan)
    item = {
        **plan._asdict(),
        "pk": key.pk,
        "sk": key.sk,
        "items": list(plan.items),
        "metadata": documents.dump(plan.metadata),
    }
    return _put(item, plan, new=new)


def delete_plan(session: Session, plan: Plan) -> Delete:
    """Remove a plan version that no customer ever had."""
    return Delete(_plan_key(session, plan), _USED, {":used": False})


def unused_plan(session: Session, plan: Plan) -> Check:
    """Require that no customer ever had a plan version."""
    return Check(_plan_key(session, plan), _USED, {":used": False})


def mark_plan(session: Session, plan: Plan, internal_id: str) -> list[Update]:
    """Return what must go along with attaching this plan version to a customer.

    That is nothing once the version is known to be used. Otherwise the write fails if the version
    was changed or removed since it was read, and a second attempt finds it fresh.
    """
    return _mark(session, _plan_key(session, plan), plan, {":customer": internal_id})


def _put(item: Item, one: Feature | Plan, *, new: bool) -> Put:
    if len(documents.dump(item).encode()) > _LARGEST_BYTES:
        raise Invalid(f"{one.id} is too large: at most {_LARGEST_BYTES // 1000} KB can be stored")
    return Put(item, _NEW) if new else Put(item, _USED, {":used": one.used})


def _mark(session: Session, key: Key, one: Feature | Plan, by: dict[str, Value]) -> list[Update]:
    if one.used:
        return []
    # The item is about to become a used one, or it is not what was read: either way it is stale.
    forget(session)
    expression = "SET used = :true, used_by = :customer" if by else "SET used = :true"
    values: dict[str, Value] = {":true": True, ":revision": one.revision, **by}
    return [Update(key, expression, values, "used = :true OR revision = :revision")]


def _advance(session: Session, seen: Catalog) -> Update:
    return Update(
        keys.catalog_head(session.tenant),
        "SET revision = :next",
        {":next": seen.revision + 1, ":seen": seen.revision},
        "revision = :seen" if seen.revision else "attribute_not_exists(pk) OR revision = :seen",
    )


def _plan_key(session: Session, plan: Plan) -> Key:
    return keys.plan(session.tenant, plan.id, plan.version)


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
        revision=int(item["revision"]),
        used=item["used"],
    )


def _plan_from_item(item: Item) -> Plan:
    fields = {name: item[name] for name in Plan._fields}
    whole = {name: int(item[name]) for name in ("version", "created_at", "revision")}
    metadata = documents.load(item["metadata"])
    return Plan(**{**fields, **whole, "items": tuple(item["items"]), "metadata": metadata})
