"""What an order, or a report of Stripe, changes of what a customer holds: the writes of it."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from orchard.domain import attachment, changes, customer
from orchard.domain.arrangement import Household
from orchard.domain.attachment import Attached, Terms
from orchard.domain.billing import arrears, customizing, restocking, seats, uses
from orchard.domain.billing.order import Effect, Gain
from orchard.domain.billing.subscription import Subscription, first_resets
from orchard.domain.catalog import Catalog, Plan
from orchard.domain.customer import SCHEDULED, Customer, CustomerPlan
from orchard.domain.holding import Holding, Place, State
from orchard.errors import PlanNotFound
from orchard.store import customer_plans, customers
from orchard.store.customers import Account
from orchard.store.session import Session
from orchard.store.statements import Item, Write
from orchard.usecases import arranging
from orchard.usecases.billing.orders import amending, marks


class Setting(NamedTuple):
    """Where an effect happens: the account as it was read, and the subscription as it is."""

    session: Session
    known: Catalog
    account: Account
    subscription: Subscription | None = None
    #: What Stripe knows better of plans that stay: fields of theirs, by their id.
    facts: Mapping[str, Mapping[str, Any]] = {}

    def held(self, customer_plan_id: str) -> CustomerPlan | None:
        """Return a plan of the account by its id, None if it is gone."""
        return next((one for one in self.account.plans if one.id == customer_plan_id), None)


class Result(NamedTuple):
    """The plans that an effect leaves, what balances hold then, and what it told."""

    plans: tuple[CustomerPlan, ...]
    state: Mapping[Place, Holding]
    attached: tuple[Attached, ...]
    gone: tuple[CustomerPlan, ...]
    changed: tuple[CustomerPlan, ...]


def writes(
    setting: Setting, effect: Effect, last: Item, *, after: Customer | None = None
) -> list[Write]:
    """Return the writes of an effect; `after` is the customer if more of it changes."""
    session, account = setting.session, setting.account
    result = applied(setting, effect)
    one = after or account.customer
    household = Household(one, result.plans, account.entities)
    over = [_ended(session, held) for held in result.gone]
    told = _told(account.plans, (*over, *result.plans))
    return [
        customers.put(
            session, one._replace(version=account.customer.version + 1), result.plans, last | told
        ),
        *(customer_plans.put(session, one, plan) for plan in result.changed),
        *(_gone(session, one, plan) for plan in result.gone),
        *arranging.writes(
            session, setting.known, household, account.balances, result.state, last=last
        ),
        *marks.in_use(session, setting.known, _new(account, result), one.internal_id),
    ]


def _new(account: Account, result: Result) -> list[CustomerPlan]:
    """The plans that a customer did not have in this form, some of which may be yet to begin."""
    known = {(one.id, one.plan_version): one.custom for one in account.plans}
    return [
        one for one in result.changed if known.get((one.id, one.plan_version), ()) != one.custom
    ]


def applied(setting: Setting, effect: Effect) -> Result:
    """Return what a customer has after an effect; what it names and is gone already is left out."""
    account = setting.account
    over = {*effect.ended, *effect.dropped}
    begun = {gain.customer_plan_id for gain in effect.gains}
    ended = [one for one in account.plans if one.id in effect.ended]
    attached = [
        _attached(setting, gain)
        for gain in effect.gains
        if gain.starts_at is None and _is_new(setting, gain)
    ]
    before = _moved(setting, effect)
    state = attachment.held_after(before, attached, account.entities, ended, effect.carry)
    state = _in_use(setting, effect, state)
    kept, changed = [], []
    for held in account.plans:
        if held.id in over or (held.status == SCHEDULED and held.id in begun):
            continue
        now_is = _changed(setting, held, effect)
        kept.append(now_is)
        changed += [now_is] if now_is != held else []
    gained = [given.customer_plan for given in attached]
    scheduled = [_scheduled(setting, gain) for gain in effect.gains if gain.starts_at is not None]
    return Result(
        plans=(*kept, *gained, *scheduled),
        state=state,
        attached=tuple(attached),
        gone=tuple(one for one in account.plans if one.id in over),
        changed=(*changed, *gained, *scheduled),
    )


def _in_use(setting: Setting, effect: Effect, state: State) -> dict[Place, Holding]:
    """What balances hold with the use of plans that come back, or were scheduled and begin."""
    begin = {gain.customer_plan_id for gain in effect.gains if gain.starts_at is None}
    plans, now = setting.account.plans, setting.session.now
    fresh = {one.id for one in plans if one.id in begin and one.status == SCHEDULED}
    return seats.begun(uses.again(state, effect.uses, now), fresh, now)


def _moved(setting: Setting, effect: Effect) -> Mapping[Place, Holding]:
    """What balances hold once usage is paid for, and plans changed that stay."""
    session, account = setting.session, setting.account
    state: Mapping[Place, Holding] = account.state(session.now)
    for held in account.plans:
        if held.id in effect.settled:
            state = arrears.settled(state, held, None)
        state = _on_trial(setting, held, state)
    state = seats.bumped(state, effect.seats)
    paid = setting.subscription
    return amending.amended(session, setting.known, account, state, effect, paid)


def _on_trial(
    setting: Setting, held: CustomerPlan, state: Mapping[Place, Holding]
) -> Mapping[Place, Holding]:
    """What balances hold once the trial of a plan ends at another time."""
    paid = setting.subscription
    fact = setting.facts.get(held.id, {}).get("trial_ends_at", held.trial_ends_at)
    if paid is None or fact is None or fact == held.trial_ends_at:
        return state
    return restocking.retried(state, held, fact, first_resets(paid), setting.session.now)


def plan_of(known: Catalog, gain: Gain) -> Plan:
    """Return the plan that is gained, with the customer's own parts. Errors: `PlanNotFound`."""
    seen = CustomerPlan(
        id=gain.customer_plan_id,
        plan_id=gain.plan_id,
        plan_version=gain.plan_version,
        started_at=0,
        custom=gain.custom,
    )
    found = customizing.plan_of(seen, known)
    if found is None:
        raise PlanNotFound(gain.plan_id)
    return found


def _is_new(setting: Setting, gain: Gain) -> bool:
    """Whether a plan is not there yet; a scheduled one of the same id is, and begins now."""
    held = setting.held(gain.customer_plan_id)
    return held is None or held.status == SCHEDULED


def _attached(setting: Setting, gain: Gain) -> Attached:
    paid = _payer(setting, gain)
    given = attachment.attach(
        setting.known, plan_of(setting.known, gain), setting.session.now, _terms(gain, paid)
    )
    return given._replace(customer_plan=_paid(given.customer_plan, gain, paid))


def _terms(gain: Gain, paid: Subscription | None) -> Terms:
    return Terms(
        external_id=gain.external_id,
        entity_id=gain.entity_id,
        quantities=gain.quantities,
        customer_plan_id=gain.customer_plan_id,
        custom=gain.custom,
        trial_ends_at=gain.trial_ends_at,
        billed=paid is not None,
        period_ends={} if paid is None else first_resets(paid),
    )


def _paid(held: CustomerPlan, gain: Gain, paid: Subscription | None) -> CustomerPlan:
    held = held._replace(expires_at=gain.ends_at, canceled_at=gain.canceled_at)
    if paid is None:
        return held
    period = paid.period
    return held._replace(
        stripe_subscription_id=paid.id,
        trial_ends_at=paid.trial_end,
        current_period_start=period and period.start,
        current_period_end=period and period.end,
    )


def _scheduled(setting: Setting, gain: Gain) -> CustomerPlan:
    terms = _terms(gain, None)._replace(
        starts_at=gain.starts_at, status=SCHEDULED, trial_ends_at=None
    )
    plan = plan_of(setting.known, gain)
    given = attachment.attach(setting.known, plan, setting.session.now, terms)
    paid = _payer(setting, gain)
    return given.customer_plan._replace(stripe_subscription_id=paid and paid.id)


def _changed(setting: Setting, held: CustomerPlan, effect: Effect) -> CustomerPlan:
    """A plan that stays, as it is then; one that was given before it was paid for is linked."""
    held = held._replace(**setting.facts.get(held.id, {}))
    gain = next((one for one in effect.gains if one.customer_plan_id == held.id), None)
    if gain is not None:
        gain = gain._replace(ends_at=held.expires_at, canceled_at=held.canceled_at)
        held = _paid(held._replace(order_id=None), gain, _payer(setting, gain))
    held = amending.held_by(setting.known, held, effect, setting.subscription)
    if held.id in effect.canceled:
        at = held.canceled_at or setting.session.now
        return held._replace(canceled_at=at, expires_at=effect.canceled[held.id])
    if held.id in effect.restored:
        return held._replace(canceled_at=None, expires_at=None)
    return held


def _payer(setting: Setting, gain: Gain) -> Subscription | None:
    return setting.subscription if gain.is_billed else None


def _gone(session: Session, owner: Customer, held: CustomerPlan) -> Write:
    """An ended plan is told by the ledger; it stays beside the customer only if it had a trial."""
    if held.trial_ends_at is None:
        return customer_plans.remove(session, owner, held)
    return customer_plans.put(session, owner, _ended(session, held))


def _ended(session: Session, held: CustomerPlan) -> CustomerPlan:
    return held._replace(status=customer.EXPIRED, expires_at=session.now)


def _told(
    before: Iterable[CustomerPlan], after: Iterable[CustomerPlan]
) -> dict[str, dict[str, Any]]:
    """How the plans were that changed, and how they are."""
    was, now = list(before), list(after)
    return {
        "before": changes.plans([one for one in was if one not in now]),
        "after": changes.plans([one for one in now if one not in was]),
    }
