"""Attaching plans: with a new customer, and by `billing.attach`."""

from collections.abc import Sequence
from typing import Any

from orchard.contracts.billing.attach import AttachRequest, attach_response
from orchard.domain import attachment, changes, customer
from orchard.domain.arrangement import Household
from orchard.domain.attachment import Attached, Terms
from orchard.domain.catalog import Catalog, Plan
from orchard.domain.customer import Customer, CustomerPlan
from orchard.errors import Conflict, EntityNotFound, Invalid
from orchard.store import catalog, customer_plans, customers
from orchard.store.customers import Account
from orchard.store.optimistic import optimistic
from orchard.store.session import Session
from orchard.store.statements import Write
from orchard.usecases import arranging


def attach(session: Session, request: AttachRequest) -> dict[str, Any]:
    """Attach a plan without a price, at once; a plan of its group that is held ends.

    Errors: 404 for an unknown customer or plan; 409 `plan_already_attached`; 400 for a plan with
    a price.
    """
    optimistic(lambda: _attach(session, request))
    return attach_response(request)


def require_free(plan: Plan) -> None:
    """Refuse a plan that has to be paid for."""
    if not plan.is_free:
        raise Invalid(
            f"Plan {plan.id} has a price, and plans with a price can't be attached yet: "
            "billing through Stripe is not available"
        )


def marks(session: Session, attached: Sequence[Attached], internal_id: str) -> list[Write]:
    """Return the marks that these plans are in use."""
    return [mark for one in attached for mark in catalog.mark_plan(session, one.plan, internal_id)]


def _attach(session: Session, request: AttachRequest) -> None:
    account = customers.require(session, request.customer_id)
    if request.entity_id is not None:
        _require_entity(account, request.entity_id)
    known = catalog.read(session)
    plan = known.plan(request.plan_id, request.version)
    require_free(plan)
    held = [
        one
        for one in account.plans
        if one.is_held(session.now) and one.entity_id == request.entity_id
    ]
    _refuse_repetition(plan, request, held)
    ended = _ended(plan, held)
    terms = Terms(request.subscription_id, request.entity_id)
    given = attachment.attach(known, plan, session.now, terms)
    session.commit(*switch(session, known, account, ended, given, audit=request.audit))


def _require_entity(account: Account, entity_id: str) -> None:
    if all(one.id != entity_id for one in account.entities):
        raise EntityNotFound(entity_id)


def _refuse_repetition(plan: Plan, request: AttachRequest, held: list[CustomerPlan]) -> None:
    if any(one.plan_id == plan.id and not plan.add_on for one in held):
        raise Conflict(
            f"Plan {plan.id} is already attached to this customer", "plan_already_attached"
        )
    wanted = request.subscription_id
    if wanted is not None and any(one.external_id == wanted for one in held):
        raise Conflict(f"Subscription {wanted} already exists", "duplicate_subscription_id")


def _ended(plan: Plan, held: list[CustomerPlan]) -> CustomerPlan | None:
    """The main plan of the same group, which the new one takes the place of."""
    if plan.add_on:
        return None
    return next((one for one in held if one.group == plan.group and not one.add_on), None)


def switch(
    session: Session,
    known: Catalog,
    account: Account,
    ended: CustomerPlan | None,
    given: Attached,
    *,
    audit: dict[str, str],
) -> list[Write]:
    """Return the writes that end a plan of an account, if any, and give it another."""
    one = account.customer
    last = session.stamp("attach", plan_id=given.plan.id, replaced=ended and ended.plan_id, **audit)
    kept = tuple(plan for plan in account.plans if plan is not ended)
    plans = (*kept, given.customer_plan)
    over_now = () if ended is None else (ended,)
    state = attachment.held_after(account.state(session.now), [given], account.entities, over_now)
    household = Household(one, plans, account.entities)
    over = (
        None if ended is None else ended._replace(status=customer.EXPIRED, expires_at=session.now)
    )
    told = {
        "before": changes.plans([] if ended is None else [ended]),
        "after": changes.plans([*([] if over is None else [over]), given.customer_plan]),
    }
    return [
        customers.put(session, one._replace(version=one.version + 1), plans, last | told),
        customer_plans.put(session, one, given.customer_plan),
        *_ended_plan(session, one, over),
        *arranging.writes(session, known, household, account.balances, state, last=last),
        *catalog.mark_plan(session, given.plan, one.internal_id),
    ]


def _ended_plan(session: Session, owner: Customer, over: CustomerPlan | None) -> list[Write]:
    """An ended plan is told by the ledger; it stays beside the customer only if it had a trial."""
    if over is None:
        return []
    if over.trial_ends_at is None:
        return [customer_plans.remove(session, owner, over)]
    return [customer_plans.put(session, owner, over)]
