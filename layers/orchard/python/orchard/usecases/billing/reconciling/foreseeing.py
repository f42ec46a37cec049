"""What is planned at Stripe, by other software, for a subscription that was adopted."""

from collections.abc import Iterable, Iterator, Mapping

from orchard.domain import ids
from orchard.domain.billing.order import OPEN, Effect, Gain
from orchard.domain.billing.subscription import Subscription
from orchard.domain.catalog import Catalog, Plan
from orchard.domain.customer import ACTIVE, SCHEDULED, CustomerPlan
from orchard.gateways import stripe_schedules
from orchard.gateways.stripe_schedules import Phase
from orchard.store import catalog, customers, orders
from orchard.store.optimistic import optimistic
from orchard.store.session import Session
from orchard.usecases.billing.orders import effects
from orchard.usecases.billing.orders.effects import Setting
from orchard.usecases.billing.purchases import admission
from orchard.usecases.billing.reconciling import sold_as


def foresee(
    session: Session, internal_id: str, found: Subscription, audit: Mapping[str, str]
) -> bool:
    """Schedule the plans that a subscription changes to, if that is known; whether it did.

    Looked at is the first change ahead. Left alone is what leads to unknown plans, to two that
    can't be held at once, or is scheduled here already.
    """
    if found.is_over or found.schedule_id is None:
        return False
    phases = stripe_schedules.phases(session.environment, found.schedule_id)

    def attempt() -> bool:
        account, known = customers.require(session, internal_id), catalog.read(session)
        paid = [one for one in account.plans if one.stripe_subscription_id == found.id]
        if any(one.status == SCHEDULED for one in paid) or _is_busy(session, internal_id):
            return False
        active = [one for one in paid if one.status == ACTIVE]
        effect = next(_changes(session, known, active, phases), Effect())
        if not active or effect == Effect():
            return False
        last = session.stamp("sync", subscription_id=found.id, **audit)
        setting = Setting(session, known, account, found)
        session.commit(*effects.writes(setting, effect, last))
        return True

    return optimistic(attempt)


def _is_busy(session: Session, internal_id: str) -> bool:
    """Whether an order is under way: what Stripe plans may be its doing."""
    return any(one.status == OPEN for one in orders.pending(session, internal_id).orders)


def _changes(
    session: Session, known: Catalog, active: list[CustomerPlan], phases: Iterable[Phase]
) -> Iterator[Effect]:
    """What each of the phases ahead does to the plans that are held now, where it does a thing."""
    for phase in phases:
        if phase.starts_at <= session.now:
            continue
        effect = _effect(session, known, active, phase)
        if effect is None:
            return
        if effect != Effect():
            yield effect


def _effect(
    session: Session, known: Catalog, active: list[CustomerPlan], phase: Phase
) -> Effect | None:
    """What a phase does to plans; None if that is not known."""
    sold = sold_as.sold(session, known)
    plans = {item.product: sold.get(item.product) for item in phase.items}
    there = {plan.id: plan for plan in plans.values() if plan is not None}
    held = {one.plan_id for one in active}
    coming = [plan for name, plan in there.items() if name not in held]
    leaving = [one for one in active if one.plan_id not in there]
    if None in plans.values() or not _fit(coming, [one for one in active if one not in leaving]):
        return None
    return Effect(
        gains=tuple(_gain(session, plan, phase) for plan in coming),
        canceled={one.id: phase.starts_at for one in leaving},
    )


def _fit(coming: list[Plan], staying: list[CustomerPlan]) -> bool:
    """Whether plans can be held at once: of main ones, one in each group."""
    groups = [plan.group for plan in coming if admission.is_main(plan)]
    groups += [one.group for one in staying if not (one.add_on or one.one_off)]
    return len(set(groups)) == len(groups)


def _gain(session: Session, plan: Plan, phase: Phase) -> Gain:
    packs = {item.product: item.quantity for item in phase.items}
    return Gain(
        customer_plan_id=ids.new("cus_prod_", session.now),
        plan_id=plan.id,
        plan_version=plan.version,
        quantities=sold_as.quantities_of(session, plan, packs),
        starts_at=phase.starts_at,
        is_billed=True,
    )
