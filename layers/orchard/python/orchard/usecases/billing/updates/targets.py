"""Which plan of a customer a change is about."""

from collections.abc import Sequence

from orchard.contracts.billing.update import UpdateRequest
from orchard.domain import plan_rules
from orchard.domain.customer import ACTIVE, CustomerPlan
from orchard.errors import EntityNotFound, NotFound
from orchard.usecases.billing.deal import Deal

NO_PLAN = "cus_product_not_found"


def target(deal: Deal, request: UpdateRequest) -> CustomerPlan:
    """Return the plan that a request names: by its own id, by the plan, or else the main one.

    Errors: 404 `entity_not_found`, `cus_product_not_found`.
    """
    _require_entity(deal, request.entity_id)
    found = _named(deal, request)
    if not found:
        wanted = request.subscription_id or request.plan_id
        named = f"customer {request.customer_id}"
        missing = f"no subscription to change: {wanted}" if wanted else "no subscription to change"
        raise NotFound(f"{named.capitalize()} has {missing}", NO_PLAN)
    return min(found, key=lambda one: _rank(deal, one))


def _named(deal: Deal, request: UpdateRequest) -> Sequence[CustomerPlan]:
    named = request.subscription_id
    if named is not None:
        here = [one for one in deal.account.plans if one.is_held(deal.session.now)]
        if request.entity_id is not None:
            here = deal.held(request.entity_id)
        wanted = [one for one in here if one.external_id == named] or [
            one for one in here if one.id == named
        ]
        return [one for one in wanted if request.plan_id in (None, one.plan_id)]
    here = deal.held(request.entity_id)
    if request.plan_id is not None:
        return [one for one in here if one.plan_id == request.plan_id]
    return [one for one in here if one.status == ACTIVE]


def _rank(deal: Deal, held: CustomerPlan) -> tuple[object, ...]:
    """Active before scheduled, main before add-ons, priced before free; then the newest."""
    plan = deal.bought(held).plan
    is_once = held.one_off or plan_rules.is_one_off(plan)
    return held.status != ACTIVE, is_once, held.add_on, plan.is_free, -held.started_at


def _require_entity(deal: Deal, entity_id: str | None) -> None:
    if entity_id is not None and all(one.id != entity_id for one in deal.account.entities):
        raise EntityNotFound(entity_id)
