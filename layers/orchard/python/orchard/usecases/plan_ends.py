"""The end of a plan that ends by itself: its controls and its place in lists go with it."""

from contextlib import suppress

from orchard.domain import changes
from orchard.domain.arrangement import Household
from orchard.domain.customer import EXPIRED, CustomerPlan
from orchard.store import catalog, customer_plans, customers
from orchard.store.customers import Account
from orchard.store.keys import Key
from orchard.store.session import Session
from orchard.store.statements import ConditionFailed, Item, Write
from orchard.usecases import arranging
from orchard.usecases.billing.deal import Deal
from orchard.usecases.billing.orders import effects
from orchard.usecases.billing.orders.effects import Setting
from orchard.usecases.billing.reconciling import following


def see_to(session: Session, key: Key, item: Item) -> int | None:
    """Write down what a plan's end changes; return by how many ms that is late.

    None when there is nothing to do: it was seen to, or the customer is gone.
    """
    if "due_at" not in item or item["due_at"] > session.now:
        return None
    account = customers.find(session, item["internal_id"])
    if account is None:
        return None
    customer, due_at = account.customer, int(item["due_at"])
    ended = customer_plans.load(item)
    if ended.stripe_subscription_id is not None:
        # Stripe should have told by now.
        following.converge(session, customer.internal_id, ended.stripe_subscription_id)
        with suppress(ConditionFailed):
            session.commit(customer_plans.done(key, due_at))
        return session.now - due_at
    session.commit(*_ended(session, account, ended, key, due_at))
    return session.now - due_at


def _ended(
    session: Session, account: Account, ended: CustomerPlan, key: Key, due_at: int
) -> list[Write]:
    """The writes of an end: what waited for it begins, or what customers get by themselves."""
    customer, known = account.customer, catalog.read(session)
    last = session.stamp("plan_ended", plan_id=ended.plan_id)
    effect = following.over(Deal(session, account, known), [ended])
    if effect.gains:
        return effects.writes(Setting(session, known, account), effect, last)
    household = Household(customer, account.plans, account.entities)
    after = customer._replace(version=customer.version + 1)
    told = {
        "before": changes.plans([ended]),
        "after": changes.plans([ended._replace(status=EXPIRED)]),
    }
    return [
        customers.put(session, after, account.plans, last | told),
        customer_plans.done(key, due_at),
        *arranging.writes(session, known, household, account.balances, {}, last=last),
    ]
