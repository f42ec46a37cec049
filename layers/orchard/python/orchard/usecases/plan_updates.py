"""Changing plans: `plans.update`."""

from typing import Any

from orchard.contracts.billing_controls import merged
from orchard.contracts.plan import plan as view
from orchard.contracts.plans import UpdatePlanRequest
from orchard.domain import plan_rules, plan_versions
from orchard.domain.catalog import Catalog, Plan
from orchard.domain.plan_versions import Change, Versions
from orchard.errors import Conflict, Invalid
from orchard.store import catalog, holders
from orchard.store.optimistic import optimistic
from orchard.store.session import Session
from orchard.store.statements import Write
from orchard.usecases.billing.catalog_at_stripe import publish
from orchard.usecases.plans import items_of


def update(session: Session, request: UpdatePlanRequest) -> dict[str, Any]:
    """Change a plan, or make a new version of it; what it is sold as is made at Stripe.

    Errors: `PlanNotFound`, `FeatureNotFound`, 409 for a new id that is taken or of a plan that
    customers have or had, 400 for parts that do not go together.
    """
    seen, after = optimistic(lambda: _update(session, request))
    renamed, told = request.name is not None, {}
    if request.create_in_stripe:
        told = publish(session, seen, after, renamed=renamed)
    return {**view(after, seen.features, session.environment), **told}


def _update(session: Session, request: UpdatePlanRequest) -> tuple[Catalog, Plan]:
    seen = catalog.read(session)
    target = seen.plan(request.plan_id, request.version)
    before = seen.plans[target.id]
    change = _change(seen, target, request)
    after = _versions(session, before, target, change, request)
    renamed = _renamed(seen, after, request)
    _check(seen, before, renamed)
    writes = _writes(session, seen, before, renamed)
    if writes:
        catalog.commit(session, seen, *writes)
    shown = target.version if len(renamed) == len(before) else renamed[-1].version
    return seen, next(plan for plan in renamed if plan.version == shown)


def _change(seen: Catalog, target: Plan, request: UpdatePlanRequest) -> Change:
    """What the request changes, as fields of a plan; a null removes what a plan can lack."""
    sent = request.model_fields_set
    enabled = request.is_default if request.auto_enable is None else request.auto_enable
    version: dict[str, Any] = {
        "name": request.name,
        "group": request.group or "" if "group" in sent else None,
        "add_on": request.add_on,
        "auto_enable": enabled,
        "config": request.config and request.config.model_dump(),
        "items": None if request.items is None else items_of(seen, request.items),
    }
    version = {name: value for name, value in version.items() if value is not None}
    if request.billing_controls is not None:
        stored = dict(target.billing_controls or {})
        version["billing_controls"] = merged(stored, request.billing_controls)
    if "description" in sent:
        version["description"] = request.description
    if "price" in sent:
        version["price"] = request.base_price()
    if "free_trial" in sent:
        version["free_trial"] = request.trial()
    plan = {"archived": request.archived, "metadata": request.metadata}
    return Change(version, {name: value for name, value in plan.items() if value is not None})


def _versions(
    session: Session, before: Versions, target: Plan, change: Change, request: UpdatePlanRequest
) -> Versions:
    if request.all_versions:
        return plan_versions.everywhere(before, change)
    if _needs_version(session, target, change, request):
        return plan_versions.succeeded(before, target.version, change, session.now)
    if change.version.get("auto_enable") and target != before[-1]:
        raise Invalid("auto_enable can only be set for the newest version of a plan")
    return plan_versions.in_place(before, target.version, change)


def _needs_version(
    session: Session, target: Plan, change: Change, request: UpdatePlanRequest
) -> bool:
    if request.force_version or request.disable_version:
        return request.force_version
    return plan_versions.alters(target, change) and holders.is_held(session, target)


def _renamed(seen: Catalog, versions: Versions, request: UpdatePlanRequest) -> Versions:
    wanted = request.new_plan_id
    if wanted is None or wanted == request.plan_id:
        return versions
    if any(plan.used for plan in seen.plans[request.plan_id]):
        raise Conflict("Cannot change the id of a plan that customers have or had", "plan_in_use")
    if wanted in seen.plans:
        raise Conflict(f"Plan {wanted} already exists", "product_id_already_exists")
    return tuple(plan._replace(id=wanted) for plan in versions)


def _check(seen: Catalog, before: Versions, after: Versions) -> None:
    for plan in after:
        if plan not in before:
            plan_rules.check(plan)
    plan_rules.check_default(after[-1], seen, instead_of=before[-1].id)


def _writes(session: Session, seen: Catalog, before: Versions, after: Versions) -> list[Write]:
    known = {(plan.id, plan.version): plan for plan in before}
    writes: list[Write] = []
    for plan in after:
        old = known.pop((plan.id, plan.version), None)
        if old == plan:
            continue
        stored = plan._replace(revision=seen.revision + 1)
        writes.append(catalog.put_plan(session, stored, new=old is None))
        if old is not None and old.used:
            writes.extend(_kept_features(session, seen, old, plan))
    if after[0].id != before[0].id:
        writes.extend(catalog.delete_plan(session, plan) for plan in known.values())
    return writes


def _kept_features(session: Session, seen: Catalog, before: Plan, after: Plan) -> list[Write]:
    """The marks of features that customers got through a plan that will not name them any more."""
    dropped = plan_versions.dropped_features(before, after) & seen.features.keys()
    return [
        mark
        for feature_id in sorted(dropped)
        for mark in catalog.mark_feature(session, seen.features[feature_id])
    ]
