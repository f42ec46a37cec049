"""The plans that customers get by themselves, also when another one ends."""

from orchard.domain import ids
from orchard.domain.billing.order import Gain
from orchard.domain.customer import CustomerPlan
from orchard.usecases.billing.deal import Deal


def default_of(deal: Deal, left: CustomerPlan, starts_at: int | None = None) -> Gain | None:
    """Return the plan without a price that customers of a group get by themselves.

    None if there is none, if it is the plan that is left, or if it waits or holds already.
    """
    plans = (
        plan
        for plan in deal.known.current_plans()
        if plan.auto_enable and plan.is_free and plan.group == left.group and not plan.archived
    )
    plan = next(plans, None)
    held = deal.held(left.entity_id)
    if plan is None or left.add_on or left.one_off or left.entity_id is not None:
        return None
    if any(one.plan_id == plan.id for one in held):
        return None
    return Gain(
        customer_plan_id=ids.new("cus_prod_", deal.session.now),
        plan_id=plan.id,
        plan_version=plan.version,
        starts_at=starts_at,
    )
