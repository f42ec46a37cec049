"""What was used of plans that end, after it was counted for the order that ends them.

An invoice may wait for its payment for weeks. What was used since becomes an order of its own, in
the transaction in which the plans end; whoever comes next carries that out.
"""

from orchard.domain import ids
from orchard.domain.billing import arrears, coupons, stripe_prices
from orchard.domain.billing.lines import LineItem
from orchard.domain.billing.order import Bill, Effect, Order, Step
from orchard.domain.billing.stripe_prices import ProductSpec
from orchard.domain.customer import CustomerPlan
from orchard.gateways import stripe_subscriptions
from orchard.store import orders
from orchard.store.session import Session
from orchard.store.statements import Write
from orchard.usecases.billing.deal import Deal
from orchard.usecases.billing.orders.effects import Setting

#: An order that changes nothing here.
KIND = "usage"


def writes(setting: Setting, order: Order) -> list[Write]:
    """Return the writes that go along with the effect of an order: late usage is kept."""
    late = _late(setting, order)
    return [] if late is None else [orders.intended(setting.session, late, setting.session.now)]


def _late(setting: Setting, order: Order) -> Order | None:
    """The order for what was used of plans since it was counted; None: nothing was."""
    session, account = setting.session, setting.account
    deal, state = Deal(session, account, setting.known), account.state(session.now)
    for held in account.plans:
        before = order.effect.counted.get(held.id)
        if before is None:
            continue
        plan = deal.bought(held).plan
        lines = arrears.lines(state, held, plan, deal.sale, None, before=before)
        if lines:
            products = stripe_prices.products(plan, deal.sale)
            return following(session, order, (_bill(deal, held, lines, products),))
    return None


def _bill(
    deal: Deal,
    held: CustomerPlan,
    lines: tuple[LineItem, ...],
    products: tuple[ProductSpec, ...],
) -> Bill:
    """How it is billed: with the next invoice of the subscription, or now if it has none."""
    paid = str(held.stripe_subscription_id)
    found = stripe_subscriptions.get(deal.session.environment, paid)
    if found is not None and not found.is_over:
        return Bill(lines, products, paid, holds=False, later=True)
    lasting = coupons.lasting(found.discounts if found is not None else ())
    return Bill(deal.reduced(lines, lasting), products, holds=False)


def following(session: Session, order: Order, steps: tuple[Step, ...]) -> Order:
    """Return an order of steps at Stripe alone, which come of another order."""
    return Order(
        id=ids.new("ord_", session.now),
        internal_id=order.internal_id,
        stripe_id=order.stripe_id,
        created_at=session.now // 1000 * 1000,
        kind=KIND,
        digest=f"{KIND}:{order.id}",
        currency=order.currency,
        steps=steps,
        effect=Effect(),
        audit=order.audit,
    )
