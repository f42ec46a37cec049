"""Defining plans: `plans.create`, `.get`, `.list` and `.delete`."""

from collections.abc import Iterable
from typing import Any

from orchard.contracts.plan import plan as view
from orchard.contracts.plan_items import PlanItem
from orchard.contracts.plans import (
    CreatePlanRequest,
    DeletePlanRequest,
    GetPlanRequest,
    ListPlansRequest,
)
from orchard.domain import plan_items, plan_rules
from orchard.domain.catalog import Catalog, Plan
from orchard.domain.plan_eligibility import Holder, eligibility
from orchard.errors import EntityNotFound, Invalid, PlanNotFound
from orchard.store import catalog, customers
from orchard.store.optimistic import optimistic
from orchard.store.session import Session
from orchard.store.statements import Write
from orchard.usecases.billing.catalog_at_stripe import publish


def create(session: Session, request: CreatePlanRequest) -> dict[str, Any]:
    """Define a plan; what it is sold as is made at Stripe, as far as Stripe lets us.

    Errors: 400 `product_already_exists`, 404 for an unknown feature, 400 for parts that do not go
    together.
    """
    seen, new = optimistic(lambda: _create(session, request))
    told = publish(session, seen, new) if request.create_in_stripe else {}
    return {**view(new, seen.features, session.environment), **told}


def get(session: Session, request: GetPlanRequest) -> dict[str, Any]:
    """Return a version of a plan, by default the newest. Errors: `PlanNotFound`."""
    known = catalog.read(session)
    return view(known.plan(request.plan_id, request.version), known.features, session.environment)


def every(session: Session, request: ListPlansRequest) -> dict[str, Any]:
    """Return the plans, the oldest first, as they suit the customer if there is one.

    A customer that does not exist yet suits no plan: nothing is said then.
    """
    known = catalog.read(session)
    holder = _holder(session, request)
    shown = []
    for plan in _listed(known, request):
        one = view(plan, known.features, session.environment)
        if holder is not None:
            one["customer_eligibility"] = eligibility(plan, holder, known)
        shown.append(one)
    return {"list": shown}


def delete(session: Session, request: DeletePlanRequest) -> dict[str, Any]:
    """Remove the newest version of a plan, or all.

    Errors: `PlanNotFound`, 400 when a customer ever had one of them.
    """
    optimistic(lambda: _delete(session, request))
    return {"success": True}


def items_of(known: Catalog, items: Iterable[PlanItem]) -> tuple[dict[str, Any], ...]:
    """Return items as they are stored. Errors: `FeatureNotFound`, `Invalid`."""
    return tuple(_item(known, item) for item in items)


def _item(known: Catalog, item: PlanItem) -> dict[str, Any]:
    document = item.document()
    if item.entity_feature_id is not None:
        plan_items.check_entities(document, known.feature(item.entity_feature_id))
    return plan_items.conformed(document, known.feature(item.feature_id))


def _create(session: Session, request: CreatePlanRequest) -> tuple[Catalog, Plan]:
    seen = catalog.read(session)
    if request.plan_id in seen.plans:
        raise Invalid(f"Plan {request.plan_id} already exists", "product_already_exists")
    new = Plan(
        id=request.plan_id,
        version=1,
        name=request.name,
        created_at=session.now,
        description=request.description,
        group=request.group or "",
        add_on=bool(request.add_on),
        auto_enable=bool(request.auto_enable),
        price=request.base_price(),
        items=items_of(seen, request.items or ()),
        free_trial=request.trial(),
        billing_controls=request.billing_controls.sent() if request.billing_controls else None,
        metadata=request.metadata or {},
        config=request.config.model_dump() if request.config else {},
        revision=seen.revision + 1,
    )
    plan_rules.check(new)
    plan_rules.check_default(new, seen, instead_of=new.id)
    catalog.commit(session, seen, catalog.put_plan(session, new, new=True))
    return seen, new


def _listed(known: Catalog, request: ListPlansRequest) -> list[Plan]:
    histories = sorted(known.plans.values(), key=lambda one: (one[0].created_at, one[0].id))
    chosen = (one if request.all_versions else one[-1:] for one in histories)
    plans = (plan for versions in chosen for plan in versions)
    return [plan for plan in plans if request.include_archived or not plan.archived]


def _holder(session: Session, request: ListPlansRequest) -> Holder | None:
    if request.customer_id is None:
        return None
    account = customers.find(session, request.customer_id)
    if account is None:
        return None
    if request.entity_id is not None:
        entity_id = request.entity_id
        if all(one.id != entity_id for one in account.entities):
            raise EntityNotFound(entity_id)
    # Plans take each other's place within one scope: the customer's own, or those of one entity.
    plans = tuple(plan for plan in account.plans if plan.entity_id == request.entity_id)
    return Holder(plans, session.now)


def _delete(session: Session, request: DeletePlanRequest) -> None:
    seen = catalog.read(session)
    versions = seen.plans.get(request.plan_id, ())
    if not versions:
        raise PlanNotFound(request.plan_id)
    doomed = versions if request.all_versions else versions[-1:]
    left = versions[: len(versions) - len(doomed)]
    if any(plan.used for plan in doomed):
        raise Invalid(
            f"Cannot delete plan {request.plan_id}: customers have it or had it. Archive it instead"
        )
    writes: list[Write] = [catalog.delete_plan(session, plan) for plan in doomed]
    if left and doomed[-1].auto_enable:
        # The plan stays a default: the flag is the plan's, and its newest version bears it.
        heir = left[-1]._replace(auto_enable=True, revision=seen.revision + 1)
        writes.append(catalog.put_plan(session, heir, new=False))
    catalog.commit(session, seen, *writes)
