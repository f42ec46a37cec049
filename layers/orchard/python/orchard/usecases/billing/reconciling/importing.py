"""Subscriptions that were not made here: adopted where they are for exactly one plan."""

from collections.abc import Mapping

from orchard.domain import ids
from orchard.domain.billing.order import Effect, Gain
from orchard.domain.billing.subscription import Subscription
from orchard.domain.catalog import Catalog, Plan
from orchard.errors import StripeMissing
from orchard.gateways import stripe_catalog, stripe_subscriptions
from orchard.gateways.stripe_events import Event
from orchard.store import catalog, customers, orders
from orchard.store.customers import Account
from orchard.store.optimistic import optimistic
from orchard.store.session import Session
from orchard.store.table import Table
from orchard.usecases.billing.orders import effects, rivals, settings
from orchard.usecases.billing.orders.effects import Setting
from orchard.usecases.billing.reconciling import foreseeing, reports, sold_as


def subscription_created(table: Table, event: Event, now: int) -> str:
    """Adopt a subscription that is reported and was not made here; return what came of it."""
    found = reports.opened(table, event, now, "import")
    if found is None:
        return "unknown customer"
    noted = event.object.get("metadata") or {}
    if settings.ORDER in noted or (event.key or "").startswith(reports.OURS):
        return "our own"
    reports.refuse_meanwhile(event, found)
    subscription = stripe_subscriptions.get(event.environment, event.object["id"])
    if subscription is None:
        return "no subscription"
    internal_id = found.account.customer.internal_id
    return "adopted" if adopt(found.session, internal_id, subscription, {}) else "left alone"


def all_of(session: Session, account: Account, stripe_id: str, audit: Mapping[str, str]) -> None:
    """Adopt what a Stripe customer subscribes to already. Errors: `Unavailable` and the like."""
    if not stripe_catalog.is_connected(session.environment):
        return
    try:
        found = stripe_subscriptions.of_customer(session.environment, stripe_id)
    except StripeMissing:
        return
    for one in found:
        adopt(session, account.customer.internal_id, one, audit)


def adopt(
    session: Session, internal_id: str, found: Subscription, audit: Mapping[str, str]
) -> bool:
    """Give a customer the plan that a subscription pays for, unless it is known already.

    Left alone are subscriptions of unknown or of several plans, of a plan whose place is taken by
    one that is paid for, and of orders that are under way. What is planned for one that is known
    is scheduled. Returns whether anything was adopted.
    """
    is_new = _adopted(session, internal_id, found, audit)
    return foreseeing.foresee(session, internal_id, found, audit) or is_new


def _adopted(
    session: Session, internal_id: str, found: Subscription, audit: Mapping[str, str]
) -> bool:

    def attempt() -> bool:
        account = customers.require(session, internal_id)
        known = catalog.read(session)
        plan = None if found.is_over else _plan(session, known, found)
        if plan is None or _is_taken(session, account, plan, found):
            return False
        packs = {item.product: item.quantity for item in found.items}
        gain = Gain(
            customer_plan_id=ids.new("cus_prod_", session.now),
            plan_id=plan.id,
            plan_version=plan.version,
            quantities=sold_as.quantities_of(session, plan, packs),
            is_billed=True,
        )
        setting = Setting(session, known, account, found)
        effect = rivals.making_room(setting, Effect(gains=(gain,)))
        last = session.stamp("sync", subscription_id=found.id, plan_id=plan.id, **audit)
        session.commit(*effects.writes(setting, effect, last))
        return True

    return optimistic(attempt)


def _plan(session: Session, known: Catalog, found: Subscription) -> Plan | None:
    """The plan to which all items belong, by their products; None if that is not one plan."""
    sold = sold_as.sold(session, known)
    plans = [sold.get(item.product) for item in found.items]
    first = plans[0] if plans else None
    return first if first is not None and all(one == first for one in plans) else None


def _is_taken(session: Session, account: Account, plan: Plan, found: Subscription) -> bool:
    held = [one for one in account.plans if one.is_held(session.now)]
    if any(one.stripe_subscription_id == found.id for one in held):
        return True
    pending = orders.pending(session, account.customer.internal_id)
    if dict(found.metadata).get(settings.ORDER) in {one.id for one in pending.orders}:
        return True
    return not plan.add_on and any(
        one.group == plan.group
        and one.entity_id is None
        and one.stripe_subscription_id is not None
        and not one.add_on
        for one in held
    )
