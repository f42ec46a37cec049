"""What customers get before they pay for it: given, and taken back if nobody is to pay any more."""

from orchard.domain.billing import uses
from orchard.domain.billing.gains import gain_of
from orchard.domain.billing.order import Amendment, Arrange, Bill, Effect, Gain, Order
from orchard.domain.billing.subscription import Subscription
from orchard.domain.carrying import Carry
from orchard.domain.customer import ACTIVE, SCHEDULED, CustomerPlan
from orchard.gateways import stripe_subscriptions
from orchard.store import catalog, customers, orders
from orchard.store.customers import Account
from orchard.store.session import Session
from orchard.store.statements import Write
from orchard.usecases.billing.deal import Deal
from orchard.usecases.billing.orders import effects, late_usage, patience
from orchard.usecases.billing.orders.effects import Setting
from orchard.usecases.billing.orders.performing import Outcome
from orchard.usecases.billing.reconciling.defaults import default_of
from orchard.usecases.billing.updates import planning
from orchard.usecases.billing.updates.planning import Turn


def given(session: Session, order: Order, outcome: Outcome) -> tuple[Order, list[Write]]:
    """Return the writes that make the effect of an order, which knows then how to take it back.

    What waits once more was given already; who is gone is given nothing, and owes nothing.
    """
    if outcome.order.paid_by is not None:
        return order, []
    account = customers.find(session, order.internal_id)
    if account is None:
        return order._replace(early=False), []
    paid_by = patience.subscription(session, outcome)
    setting = Setting(session, catalog.read(session), account, paid_by)
    last = session.stamp(order.kind, **order.audit)
    writes = effects.writes(setting, order.effect, last)
    kept = order._replace(undo=_undo(session, account, order.effect))
    return kept, [*writes, *late_usage.writes(setting, order)]


def left(account: Account, order: Order) -> Effect:
    """Return what is to be done yet of an effect: a plan that was given and ended stays ended.

    Who pays on a page begins a subscription, and gets what it is for.
    """
    is_page = any(step.do == "checkout" for step in order.steps)
    if is_page or not order.early or order.paid_by is None:
        return order.effect
    held = {one.id for one in account.plans}
    gains = tuple(one for one in order.effect.gains if one.customer_plan_id in held)
    done = tuple(one._replace(before=one.quantities) for one in order.effect.amended)
    return order.effect._replace(gains=gains, amended=done)


def taken_back(session: Session, order: Order) -> list[Write]:
    """Return the writes that take back what was given, unless it is gone.

    What it replaced comes back, with what was used; else the plan that all customers get.
    """
    account = customers.find(session, order.internal_id) if order.early else None
    if account is None or order.paid_by is None:
        return []
    deal = Deal(session, account, catalog.read(session))
    given_ids = {gain.customer_plan_id for gain in order.effect.gains}
    lost = [one for one in account.plans if one.id in given_ids]
    if given_ids and not lost:
        return []
    paid = _subscription(session, order)
    is_live = paid is not None and not paid.is_over
    gains = tuple(one for one in order.undo.gains if is_live or not one.is_billed)
    if not any(one.starts_at is None for one in gains):
        back = (default_of(deal, one) for one in lost)
        gains += tuple(gain for gain in back if gain is not None)
    ended = tuple(one.id for one in lost if one.status == ACTIVE)
    dropped = tuple(one.id for one in lost if one.status == SCHEDULED)
    effect = order.undo._replace(gains=gains, ended=ended, dropped=dropped)
    last = session.stamp("unpaid", plan_id=order.audit.get("plan_id"))
    setting = Setting(session, deal.known, account, paid if is_live else None)
    return [*effects.writes(setting, effect, last), *_billed_again(setting, effect, order)]


def _billed_again(setting: Setting, effect: Effect, order: Order) -> list[Write]:
    """Keep an order to let the subscription bill what it did, if another let it bill what is gone.

    Whoever comes next carries that out.
    """
    session, paid = setting.session, setting.subscription
    if paid is None:
        return []
    after = setting.account._replace(plans=effects.applied(setting, effect).plans)
    deal = Deal(session, after, setting.known, paid)
    goods = deal.goods(*(deal.coming(one) for one in deal.on_subscription()))
    wanted = {item.price.lookup_key: item.quantity for item in goods.items}
    if not goods.items or wanted == {item.lookup_key: item.quantity for item in paid.items}:
        return []
    ahead = planning.steps(deal, planning.future(deal, Turn()), arranged=True)
    fresh = late_usage.following(session, order, (Arrange(paid.id, goods), *ahead))
    return [orders.intended(session, fresh, session.now)]


def _subscription(session: Session, order: Order) -> Subscription | None:
    """The subscription that was to change, and goes on as it was."""
    steps = (one for one in order.steps if isinstance(one, Arrange | Bill))
    named = next((one.subscription_id for one in steps if one.subscription_id), None)
    return None if named is None else stripe_subscriptions.get(session.environment, named)


def _undo(session: Session, account: Account, effect: Effect) -> Effect:
    """What is as before once an effect is taken back, but for the plans that it gave."""
    known, state = {one.id: one for one in account.plans}, account.state(session.now)
    gone = [known[name] for name in (*effect.ended, *effect.dropped) if name in known]
    moved = [known[name] for name in (*effect.canceled, *effect.restored) if name in known]
    changed = ((one, known.get(one.customer_plan_id)) for one in effect.amended)
    return Effect(
        gains=tuple(_again(one) for one in gone),
        canceled={one.id: one.expires_at for one in moved if one.canceled_at and one.expires_at},
        restored=tuple(one.id for one in moved if not one.canceled_at),
        amended=tuple(_as_it_was(one, held) for one, held in changed if held is not None),
        carry=Carry(usages=True),
        uses=uses.of(state, {one.id for one in gone}, effect.carry),
    )


def _again(held: CustomerPlan) -> Gain:
    return gain_of(held)._replace(
        starts_at=held.started_at if held.status == SCHEDULED else None,
        trial_ends_at=held.trial_ends_at,
        ends_at=held.expires_at,
        canceled_at=held.canceled_at,
        is_billed=held.stripe_subscription_id is not None,
    )


def _as_it_was(change: Amendment, held: CustomerPlan) -> Amendment:
    was_billed = held.stripe_subscription_id is not None
    return Amendment(
        customer_plan_id=held.id,
        plan_version=held.plan_version,
        custom=held.custom,
        quantities=held.quantities,
        upcoming_quantities=held.upcoming_quantities,
        trial_ends_at=held.trial_ends_at,
        retried=change.retried,
        is_billed=None if change.is_billed is None else was_billed,
        before=change.quantities,
    )
