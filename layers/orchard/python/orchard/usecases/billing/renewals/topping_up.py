"""Automatic top-ups: more of a feature is bought when a use left little of it.

It is decided by what the customer has when the message is handled, under the billing lock, and
done by an order as any purchase is. The record of the feature says which uses were acted on, so a
message that comes twice buys once.
"""

import time
from dataclasses import replace
from typing import NamedTuple

from orchard.contracts.billing.top_up import TopUpDue
from orchard.domain import controls, ids
from orchard.domain.billing import charging, customizing, stocks, stripe_prices, top_ups
from orchard.domain.billing.lines import Bought, sum_of
from orchard.domain.billing.order import PAYMENT, Bill, Effect, Order
from orchard.domain.billing.stocks import Stock
from orchard.domain.billing.top_ups import Rule
from orchard.domain.catalog import Catalog, Plan
from orchard.domain.customer import CustomerPlan
from orchard.domain.holding import NOTHING, Place
from orchard.errors import Conflict, Invalid, Locked, NotFound, RateLimited, Unavailable
from orchard.gateways import stripe_billing
from orchard.store.customers import Account
from orchard.store.orders import Pending
from orchard.store.session import Session
from orchard.usecases.billing.deal import Deal
from orchard.usecases.billing.orders import ordering, placing, settings
from orchard.usecases.billing.purchases import discounting
from orchard.usecases.billing.purchases.rules import NET_TERMS_DAYS

KIND = "auto_topup"
_OVER = ("void", "uncollectible")
#: How long others that change the billing of the customer are waited for.
_PAUSES_S = (1.0, 2.0, 4.0)


class Idle(Exception):
    """Nothing is to be bought, for a reason that the log is told."""


class Offer(NamedTuple):
    """Units that are about to be bought, and of which plan of the customer."""

    held: CustomerPlan
    plan: Plan
    stock: Stock


def work(session: Session, due: TopUpDue) -> str:
    """Buy more of a feature if it is time to; return what came of it, for the log.

    Errors: `Unavailable` while it can't be told or done: the message comes again.
    """
    for seconds in _PAUSES_S:
        try:
            return _work(session, due)
        except Locked:
            # Others take seconds, the message would take minutes to come again.
            time.sleep(seconds)
            session = replace(session, now=session.now + int(seconds * 1000))
    try:
        return _work(session, due)
    except Locked as busy:
        raise Unavailable(busy.message) from busy


def _work(session: Session, due: TopUpDue) -> str:
    def decide(account: Account, known: Catalog, held: Pending) -> Order:
        return _order(Deal(session, account, known), held, due)

    digest = _digest(due)
    try:
        outcome = placing.place(session, due.customer_id, decide, digest)
    except RateLimited as busy:
        raise Unavailable(busy.message) from busy
    except (Invalid, Conflict, NotFound) as refused:
        return refused.message
    except Idle as idle:
        return str(idle)
    return "bought" if outcome.is_paid else "not paid yet"


def _digest(due: TopUpDue) -> str:
    return settings.digest((KIND, due.customer_id, due.feature_id, due.seq, due.accepted_at))


def _order(deal: Deal, held: Pending, due: TopUpDue) -> Order:
    session, customer = deal.session, deal.account.customer
    rule = _rule(deal, due)
    _refuse_waiting(session, held, due.feature_id)
    offer = _offer(deal, due.feature_id, rule)
    sold = Bought(offer.plan, offer.held.id, {due.feature_id: offer.stock.units})
    lines = charging.charges(sold, deal.sale, deal.now, deal.period_of)
    products = stripe_prices.products(offer.plan, deal.sale)
    ids_of = [one.id for one in products]
    found = discounting.resolve(session, customer, (), (), ids_of, sum_of(lines), deal.currency)
    bill = Bill(
        lines=deal.reduced(lines, found),
        products=products,
        days_until_due=NET_TERMS_DAYS if rule.is_sent else None,
    )
    return Order(
        id=ids.new("ord_", session.now),
        internal_id=customer.internal_id,
        stripe_id=customer.stripe_id,
        created_at=deal.now,
        kind=KIND,
        digest=_digest(due),
        currency=deal.currency,
        steps=(bill,),
        effect=Effect(stocks=(offer.stock,)),
        discounts=found,
        audit=_audit(session, offer),
        at_once=not rule.is_sent,
    )


def _audit(session: Session, offer: Offer) -> dict[str, object]:
    return {
        "by": session.actor,
        "request_id": session.request_id,
        "plan_id": offer.held.plan_id,
        "feature_id": offer.stock.feature_id,
        "quantity": offer.stock.units,
    }


def _rule(deal: Deal, due: TopUpDue) -> Rule:
    """The top-up that is to be made. Errors: `Idle`."""
    account, now = deal.account, deal.session.now
    known, holding = account.top_up(due.feature_id), account.state(now)
    given = (
        one.billing_controls
        for one in account.plans
        if one.is_live(now) and one.entity_id is None and one.billing_controls
    )
    own = controls.effective(account.customer.billing_controls, given)
    rule = top_ups.rule(own, due.feature_id)
    if rule is None:
        raise Idle("there is no automatic top-up")
    if known.knows(due.seq, due.accepted_at):
        raise Idle("the use was acted on already")
    if not top_ups.is_low(holding.get(Place(due.feature_id), NOTHING), rule.threshold):
        raise Idle("enough is left")
    obstacle = top_ups.obstacle(known, rule, now)
    if obstacle is not None:
        raise Idle(obstacle)
    if account.customer.stripe_id is None or account.customer.deleting_since is not None:
        raise Idle("the customer can't pay through Stripe")
    return rule


def _offer(deal: Deal, feature_id: str, rule: Rule) -> Offer:
    """What is bought: of the plan that was attached last, in whole packs. Errors: `Idle`."""
    live = [one for one in deal.held(None) if one.is_live(deal.session.now)]
    for held in sorted(live, key=lambda one: (one.started_at, one.id), reverse=True):
        plan = customizing.plan_of(held, deal.known)
        item = plan and stocks.sold_once(plan, feature_id)
        if plan is None or not item:
            continue
        units = stocks.whole(item, rule.quantity)
        most = item["price"].get("max_purchase")
        if most is not None and units + stocks.owned(held, item) > most:
            raise Idle("the plan sells no more")
        stock = Stock(held.id, feature_id, units, rule.interval, rule.interval_count)
        return Offer(held, stocks.alone(plan, item), stock)
    raise Idle("no plan of the customer sells the feature once")


def _refuse_waiting(session: Session, held: Pending, feature_id: str) -> None:
    """Let an invoice that was sent be paid first. Errors: `Idle`, also for one that was voided."""
    for order in held.orders:
        if not any(one.feature_id == feature_id for one in order.effect.stocks):
            continue
        is_sent = order.status == PAYMENT and order.paid_by is not None
        if is_sent and stripe_billing.get(session.environment, str(order.paid_by)).status in _OVER:
            ordering.give_up(session, order)
            raise Idle("the invoice of the purchase before was voided")
        raise Idle("an invoice is to be paid first")
