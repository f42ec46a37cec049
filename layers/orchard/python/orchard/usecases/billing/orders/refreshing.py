"""Orders that waited for their payment: what changed of the subscription meanwhile stays so.

Where another cycle began, it was billed as things were: the difference is on the next invoice, and
so is, as a credit, what was paid for the rest of a cycle of which nobody had anything.
"""

from collections.abc import Iterator

from orchard.domain.billing import catching_up
from orchard.domain.billing.catching_up import Subject
from orchard.domain.billing.order import OPEN, PAYMENT, Arrange, Bill, Goods, Order, Plan, Step
from orchard.store import catalog, customers, orders
from orchard.store.session import Session
from orchard.usecases.billing import deal
from orchard.usecases.billing.deal import Deal
from orchard.usecases.billing.orders import early, effects
from orchard.usecases.billing.orders.effects import Setting
from orchard.usecases.billing.updates import planning
from orchard.usecases.billing.updates.planning import Turn


def as_of_now(session: Session, order: Order) -> Order:
    """Return an order of which the steps that are left fit what the customer has by now.

    So it is kept: whoever carries it out after a crash takes the same steps.
    """
    account = customers.find(session, order.internal_id)
    found = next(
        (one for one in enumerate(order.steps) if isinstance(one[1], Arrange)), (None, None)
    )
    number, arrange = found
    if account is None:
        # The customer is gone: of what changes no more is done.
        return order if number is None else order._replace(steps=order.steps[:number])
    if order.status != PAYMENT or not isinstance(arrange, Arrange):
        return order
    known = catalog.read(session)
    here = deal.opened(session, account, known, arrange.subscription_id)
    if here.subscription is None or str(number) in order.results:
        return order
    setting = Setting(session, known, account, here.subscription)
    plans = effects.applied(setting, early.left(account, order)).plans
    there = deal.Deal(session, account._replace(plans=plans), known, here.subscription)
    goods = there.goods(*(there.coming(one) for one in there.on_subscription()))
    ahead = planning.steps(there, planning.future(there, Turn()), arranged=True)
    steps: list[Step] = [one for one in order.steps if not isinstance(one, Plan)]
    steps[steps.index(arrange)] = arrange._replace(goods=goods)
    steps += [*ahead, *_caught_up(here, goods, order)]
    fresh = order._replace(status=OPEN, steps=tuple(steps))
    session.unmarked().commit(orders.resumed(session, fresh))
    return fresh


def _caught_up(here: Deal, goods: Goods, order: Order) -> Iterator[Bill]:
    """What the next invoice is to bill and credit, if another cycle began meanwhile."""
    bills = [step for step in order.steps if isinstance(step, Bill)]
    paid, subscription = [line for step in bills for line in step.lines], here.subscription
    if subscription is None or not catching_up.is_over(paid, subscription):
        return
    products = (*(made for step in bills for made in step.products), *goods.products)
    subject = _subject(order, {one.id: one.name for one in products})
    # Who had it before it was paid for had it from the beginning of the cycle.
    at = 0 if order.early else here.now
    back = () if order.early else catching_up.reversed_(paid)
    lines = catching_up.difference(subscription, goods, at, subject)
    # Stripe takes no discount off what is negative.
    credits_ = here.reduced(tuple(one for one in lines if one.amount < 0), subscription.discounts)
    fresh = tuple(one for one in lines if one.amount > 0)
    if lines or back:
        yield Bill((*back, *credits_, *fresh), products, subscription.id, later=True)


def _subject(order: Order, names: dict[str, str]) -> Subject:
    gained = [one.customer_plan_id for one in order.effect.gains]
    changed = [one.customer_plan_id for one in order.effect.amended]
    return Subject(str(order.audit.get("plan_id") or ""), next(iter(gained + changed), ""), names)
