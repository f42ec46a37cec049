"""Orders that waited for their payment: what changed of the subscription meanwhile stays so."""

from orchard.domain.billing.order import PAYMENT, Arrange, Order, Plan, Step
from orchard.store import catalog, customers
from orchard.store.session import Session
from orchard.usecases.billing import deal, effects, planning
from orchard.usecases.billing.effects import Setting
from orchard.usecases.billing.planning import Turn


def as_of_now(session: Session, order: Order) -> Order:
    """Return an order of which the steps that are left fit what the customer has by now."""
    account = customers.find(session, order.internal_id)
    found = next(
        (one for one in enumerate(order.steps) if isinstance(one[1], Arrange)), (None, None)
    )
    number, arrange = found
    if order.status != PAYMENT or account is None or not isinstance(arrange, Arrange):
        return order
    known = catalog.read(session)
    here = deal.opened(session, account, known, arrange.subscription_id)
    if here.subscription is None or str(number) in order.results:
        return order
    setting = Setting(session, known, account, here.subscription)
    plans = effects.applied(setting, order.effect).plans
    there = deal.Deal(session, account._replace(plans=plans), known, here.subscription)
    goods = there.goods(*(there.coming(one) for one in there.on_subscription()))
    ahead = planning.steps(there, planning.future(there, Turn()), arranged=True)
    steps: list[Step] = [one for one in order.steps if not isinstance(one, Plan)]
    steps[steps.index(arrange)] = arrange._replace(goods=goods)
    return order._replace(steps=(*steps, *ahead))
