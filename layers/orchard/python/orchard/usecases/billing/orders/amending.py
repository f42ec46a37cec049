"""Plans that change in place: what the customer holds of them then, and what balances hold."""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from orchard.domain import amendment, plan_rules, pool, recalculation
from orchard.domain.amendment import Change
from orchard.domain.attachment import Terms, Trial
from orchard.domain.billing import customizing, restocking, stocks
from orchard.domain.billing.order import Amendment, Effect
from orchard.domain.billing.subscription import Subscription, first_resets
from orchard.domain.carrying import Carry
from orchard.domain.catalog import Catalog, Plan
from orchard.domain.customer import CustomerPlan
from orchard.domain.holding import Holding, Place
from orchard.domain.quantity import ZERO
from orchard.domain.scope import Subject
from orchard.domain.sources import ONE
from orchard.errors import PlanNotFound
from orchard.store.customers import Account
from orchard.store.session import Session

type Balances = Mapping[Place, Holding]


def plan_after(known: Catalog, held: CustomerPlan, change: Amendment) -> Plan:
    """Return what a plan becomes, the customer's own parts in. Errors: `PlanNotFound`."""
    fresh = held._replace(plan_version=change.plan_version, custom=change.custom)
    found = customizing.plan_of(fresh, known)
    if found is None:
        raise PlanNotFound(held.plan_id)
    return found


def held_by(
    known: Catalog, held: CustomerPlan, effect: Effect, paid: Subscription | None
) -> CustomerPlan:
    """Return a plan of a customer as an effect leaves it."""
    for change in effect.amended:
        if change.customer_plan_id == held.id:
            held = held_after(known, held, change, paid)
    return stocks.with_units(held, effect.stocks)


def held_after(
    known: Catalog, held: CustomerPlan, change: Amendment, paid: Subscription | None
) -> CustomerPlan:
    """Return a plan of a customer as it is then."""
    plan = plan_after(known, held, change)
    after = held._replace(
        plan_version=change.plan_version,
        custom=change.custom,
        quantities=_quantities(held, change, plan),
        upcoming_quantities=change.upcoming_quantities,
        billing_controls=plan.billing_controls,
        one_off=plan_rules.is_one_off(plan),
        trial_ends_at=change.trial_ends_at if change.retried else held.trial_ends_at,
    )
    if change.is_billed is False:
        return after._replace(
            stripe_subscription_id=None,
            current_period_start=None,
            current_period_end=None,
            past_due=False,
        )
    if paid is None or not (change.is_billed or change.restarted):
        return after
    period = paid.period
    return after._replace(
        stripe_subscription_id=paid.id,
        current_period_start=period and period.start,
        current_period_end=period and period.end,
    )


def _quantities(held: CustomerPlan, change: Amendment, plan: Plan) -> Mapping[str, Decimal]:
    """The units of a plan, with those that were bought by themselves since they were decided."""
    if change.before is None:
        return change.quantities
    since = {
        name: held.quantities.get(name, ZERO) - change.before.get(name, ZERO)
        for name in change.quantities
        if stocks.sold_once(plan, name) is not None
    }
    return {
        name: amount + max(ZERO, since.get(name, ZERO))
        for name, amount in change.quantities.items()
    }


def amended(  # noqa: PLR0917 - where it happens, then what
    session: Session,
    known: Catalog,
    account: Account,
    state: Balances,
    effect: Effect,
    paid: Subscription | None,
) -> Balances:
    """Return what balances hold once the plans of an effect changed; those that are gone do not.

    What changed already stays as it is; what is bought by itself comes beside.
    """
    here = _Place(session, known, account, effect.carry, paid)
    for change in effect.amended:
        held = next((one for one in account.plans if one.id == change.customer_plan_id), None)
        if held is not None:
            state = _amended(here, state, held, change)
    return stocks.stocked(state, effect.stocks, session.now)


class _Place(NamedTuple):
    """Where a plan changes, and what goes on of its items."""

    session: Session
    known: Catalog
    account: Account
    carry: Carry
    paid: Subscription | None


def _amended(here: _Place, state: Balances, held: CustomerPlan, change: Amendment) -> Balances:
    before = customizing.plan_of(held, here.known)
    after = plan_after(here.known, held, change)
    ends = {} if here.paid is None else first_resets(here.paid)
    terms = Terms(
        quantities=_quantities(held, change, after),
        trial_ends_at=change.trial_ends_at if change.retried else Trial.OF_PLAN,
        billed=bool(change.is_billed),
        period_ends=ends,
    )
    state = amendment.amended(
        state,
        Change(held, before or after, after),
        here.known,
        here.session.now,
        terms,
        entities=here.account.entities,
        carry=here.carry,
    )
    if change.restarted and here.paid is not None:
        state = _redated(here, state, held, here.paid)
    return _levelled(state, held, after) if change.levelled else state


def _redated(here: _Place, state: Balances, held: CustomerPlan, paid: Subscription) -> Balances:
    """What resets with the cycle that begins now, which is that of all plans it is paid with."""
    for one in here.account.plans:
        if one.id == held.id or one.stripe_subscription_id == paid.id:
            state = restocking.redated(state, one, first_resets(paid), here.session.now)
    return state


def _levelled(state: Balances, held: CustomerPlan, plan: Plan) -> Balances:
    subject = Subject(held.entity_id, pooled=held.entity_id is None)
    for feature_id in dict.fromkeys(item["feature_id"] for item in plan.items):
        found = tuple(
            source
            for source in pool.candidates(state, subject, {feature_id: ONE})
            if source.place.entity_id == held.entity_id and not source.row.boolean
        )
        state = pool.regrouped(state, found, recalculation.levelled(found))
    return state
