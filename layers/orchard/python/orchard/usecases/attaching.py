"""Attaching plans: with a new customer, and by `billing.attach`."""

from collections.abc import Sequence
from typing import Any

from orchard.contracts.billing import AttachRequest, attach_response
from orchard.domain import attachment, customer
from orchard.domain.attachment import Attached
from orchard.domain.catalog import Plan
from orchard.domain.customer import Customer, CustomerPlan
from orchard.errors import Conflict, EntityNotFound, Invalid
from orchard.store import balances, catalog, customers
from orchard.store.customers import Account
from orchard.store.optimistic import optimistic
from orchard.store.session import Session
from orchard.store.statements import Item, Write


def attach(session: Session, request: AttachRequest) -> dict[str, Any]:
    """Attach a plan without a price, at once; a plan of its group that is held ends.

    Errors: 404 for an unknown customer or plan; 409 `plan_already_attached`; 400 for a plan with
    a price.
    """
    if request.entity_id is not None:
        customers.locate(session, request.customer_id)
        raise EntityNotFound(request.entity_id)
    optimistic(lambda: _attach(session, request))
    return attach_response(request)


def require_free(plan: Plan) -> None:
    """Refuse a plan that has to be paid for."""
    if not plan.is_free:
        raise Invalid(
            f"Plan {plan.id} has a price, and plans with a price can't be attached yet: "
            "billing through Stripe is not available"
        )


def first_plans(
    session: Session, owner: Customer, attached: Sequence[Attached], last: Item
) -> list[Write]:
    """Return the balances of a new customer's plans, and the marks that the plans are in use."""
    place = (owner.hot_id, owner.internal_id)
    rows = attachment.together(attached)
    return [
        *(
            balances.created(session, place, feature_id, given, last)
            for feature_id, given in rows.items()
        ),
        *(
            mark
            for one in attached
            for mark in catalog.mark_plan(session, one.plan, owner.internal_id)
        ),
    ]


def _attach(session: Session, request: AttachRequest) -> None:
    account = customers.require(session, request.customer_id)
    known = catalog.read(session)
    plan = known.plan(request.plan_id, request.version)
    require_free(plan)
    held = [one for one in account.plans if one.is_held(session.now)]
    _refuse_repetition(plan, request, held)
    ended = _ended(plan, held)
    given = attachment.attach(known, plan, session.now, request.subscription_id)
    session.commit(*_switch(session, account, ended, given))


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


def _switch(
    session: Session, account: Account, ended: CustomerPlan | None, given: Attached
) -> list[Write]:
    one = account.customer
    last = session.stamp("attach", plan_id=given.plan.id, replaced=ended and ended.plan_id)
    kept = tuple(plan for plan in account.plans if plan is not ended)
    plans = (*kept, given.customer_plan)
    return [
        customers.put(session, one._replace(version=one.version + 1), plans, last),
        customers.put_plan(session, one, given.customer_plan),
        *_ended_plan(session, one, ended),
        *_balances(session, account, ended, given, last),
        *catalog.mark_plan(session, given.plan, one.internal_id),
    ]


def _ended_plan(session: Session, owner: Customer, ended: CustomerPlan | None) -> list[Write]:
    """An ended plan is told by the ledger; it stays beside the customer only if it had a trial."""
    if ended is None:
        return []
    if ended.trial_ends_at is None:
        return [customers.remove_plan(session, owner, ended)]
    over = ended._replace(status=customer.EXPIRED, expires_at=session.now)
    return [customers.put_plan(session, owner, over)]


def _balances(
    session: Session, account: Account, ended: CustomerPlan | None, given: Attached, last: Item
) -> list[Write]:
    place = (account.customer.hot_id, account.customer.internal_id)
    writes: list[Write] = []
    missing = dict(given.rows)
    for stored in account.balances:
        added = missing.pop(stored.feature_id, ())
        before = stored.current(session.now)
        after = attachment.replaced(before, ended, added)
        if after != before:
            writes.append(balances.settled(stored, after, last))
    for feature_id, rows in missing.items():
        writes.append(balances.created(session, place, feature_id, rows, last))
    return writes
