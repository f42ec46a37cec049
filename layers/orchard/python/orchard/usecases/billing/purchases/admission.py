"""Whether plans may come beside what is held, and beside each other."""

from collections.abc import Sequence

from orchard.contracts.billing.attach import AttachRequest
from orchard.domain import plan_rules
from orchard.domain.billing.transitions import Transition, transition
from orchard.domain.catalog import Plan
from orchard.domain.customer import CustomerPlan
from orchard.errors import Conflict, EntityNotFound, Invalid
from orchard.store.customers import Account
from orchard.usecases.billing.deal import Deal


def turns(
    nothing_read: Deal, plans: Sequence[Plan], requests: Sequence[AttachRequest]
) -> tuple[Transition, ...]:
    """Return what each plan does to those that are held.

    Errors: `EntityNotFound`; `Conflict` for what is held already; `Invalid` for plans that are in
    each other's way.
    """
    found: list[Transition] = []
    places: set[tuple[str, str | None]] = set()
    _refuse_same_ids(requests)
    for plan, one in zip(plans, requests, strict=True):
        held = nothing_read.held(one.entity_id)
        _require_entity(nothing_read.account, one.entity_id)
        refuse_repetition(plan, one, held)
        found.append(transition(plan, held, nothing_read.known, one.plan_schedule))
        place = (plan.group, one.entity_id)
        if is_main(plan) and place in places:
            whose = "the customer" if one.entity_id is None else f"entity {one.entity_id}"
            raise Invalid(f"Two plans of one group can't be held by {whose}: {plan.id}")
        places |= {place} if is_main(plan) else set()
    return tuple(found)


def _require_entity(account: Account, entity_id: str | None) -> None:
    if entity_id is not None and all(one.id != entity_id for one in account.entities):
        raise EntityNotFound(entity_id)


def refuse_repetition(plan: Plan, request: AttachRequest, held: Sequence[CustomerPlan]) -> None:
    """Refuse a main plan that is held already, and an id of a subscription that is in use."""
    if is_main(plan) and any(one.plan_id == plan.id for one in held):
        raise Conflict(
            f"Plan {plan.id} is already attached to this customer", "plan_already_attached"
        )
    wanted = request.subscription_id
    if wanted is not None and any(one.external_id == wanted for one in held):
        raise Conflict(f"Subscription {wanted} already exists", "duplicate_subscription_id")


def is_main(plan: Plan) -> bool:
    """Whether a plan is the one of its group that a customer has."""
    return not plan.add_on and not plan_rules.is_one_off(plan)


def _refuse_same_ids(requests: Sequence[AttachRequest]) -> None:
    named = [one.subscription_id for one in requests if one.subscription_id is not None]
    twice = next((name for name in named if named.count(name) > 1), None)
    if twice is not None:
        raise Conflict(f"Subscription {twice} is listed twice", "duplicate_subscription_id")
