"""Orders that waited for a payment: done when Stripe reports it, given up when it does not come."""

from collections.abc import Callable
from decimal import Decimal

from orchard.domain.billing import quantities, stripe_prices
from orchard.domain.billing.order import CHECKOUT, PAYMENT, Checkout, Gain, Order
from orchard.domain.billing.subscription import Subscription
from orchard.domain.customer import Customer
from orchard.errors import Locked
from orchard.gateways import stripe_billing, stripe_checkout, stripe_subscriptions
from orchard.gateways.stripe_checkout import Session as CheckoutSession
from orchard.gateways.stripe_events import Event
from orchard.store import catalog, customers, orders
from orchard.store.optimistic import optimistic
from orchard.store.session import Session
from orchard.store.table import Table
from orchard.usecases.billing.orders import (
    carrying_on,
    checkouts,
    effects,
    ordering,
    page_discounts,
    settings,
)
from orchard.usecases.billing.orders.performing import Outcome
from orchard.usecases.billing.purchases import saved_cards
from orchard.usecases.billing.reconciling import reports
from orchard.usecases.billing.reconciling.reports import Opened


def checkout_completed(table: Table, event: Event, now: int) -> str:
    """Give what was paid for on Stripe's page; return what came of it, for the log."""
    found = reports.opened(table, event, now, "checkout")
    if found is None:
        return "unknown customer"
    made = stripe_checkout.get(event.environment, event.object["id"])
    order = made and _order(found, made)
    if made is not None and made.mode == stripe_checkout.SETUP and order is None:
        # A page for a card alone; one that others made is no matter of ours.
        if settings.ORDER in made.metadata:
            _greet(found.session, found.account.customer.internal_id, made)
            saved_cards.use(found.session.environment, made)
        found.session.commit()
        return "card saved"
    if made is None or order is None:
        found.session.commit()
        return "no order"
    if not made.is_settled:
        found.session.commit()
        return "payment is under way"
    if found.is_busy:
        raise Locked(orders.BUSY)
    complete(found.session, order, made)
    return "completed"


def checkout_expired(table: Table, event: Event, now: int) -> str:
    """Give up an order whose page was not paid on in time."""
    found = reports.opened(table, event, now, "checkout")
    order = found and orders.find(
        found.session,
        found.account.customer.internal_id,
        str((event.object.get("metadata") or {}).get(settings.ORDER)),
    )
    if found is None or order is None:
        return "no order"
    ordering.give_up(found.session, order)
    found.session.commit()
    return "given up"


def invoice_paid(table: Table, event: Event, now: int) -> str:
    """Carry out an order that waited for this invoice."""
    found = reports.opened(table, event, now, "payment")
    return _with_waiting(found, event, ordering.finish, "paid")


def invoice_withdrawn(table: Table, event: Event, now: int) -> str:
    """Give up an order that waited for this invoice, which nobody is to pay any more."""
    found = reports.opened(table, event, now, "withdrawal")
    return _with_waiting(found, event, ordering.give_up, "given up")


def _with_waiting(
    found: Opened | None, event: Event, do: Callable[[Session, Order], object], told: str
) -> str:
    """Do something with the order that waited for an invoice; return what came of it."""
    if found is None:
        return "unknown customer"
    order = next((one for one in found.pending.orders if _waits_for(one, event)), None)
    if order is not None:
        do(found.session, order)
    found.session.commit()
    return "no order" if order is None else told


def complete(session: Session, order: Order, made: CheckoutSession) -> None:
    """Write the effect of an order that was paid for on Stripe's page, or go on with the card."""
    if made.mode == stripe_checkout.SETUP:
        _greet(session, order.internal_id, made)
        saved_cards.use(session.environment, made)
        carrying_on.carry_on(session, order)
        session.commit()
        return
    subscription = (
        stripe_subscriptions.get(session.environment, made.subscription_id)
        if made.subscription_id is not None
        else None
    )
    _greet(session, order.internal_id, made)
    if made.customer is not None:
        stripe_billing.prefer_a_card(session.environment, made.customer)
    if subscription is not None:
        _discount(session, order, subscription)
    sold = _as_bought(session, order, made)
    own = ordering.as_maker(session, sold)
    own.marks.extend(session.marks)
    ordering.settle(own, Outcome(sold, subscription, session=made))


def _discount(session: Session, order: Order, subscription: Subscription) -> None:
    """Give the subscription its discounts, where the page could only show what they come to."""
    for step in order.steps:
        if isinstance(step, Checkout) and checkouts.is_merged(step):
            page_discounts.settle(session.environment, order, step, subscription)


def _order(found: Opened, made: CheckoutSession) -> Order | None:
    order_id = made.metadata.get(settings.ORDER)
    waiting = (one for one in found.pending.orders if one.id == order_id)
    return next((one for one in waiting if one.status == CHECKOUT), None)


def _waits_for(order: Order, event: Event) -> bool:
    return order.status == PAYMENT and order.paid_by == event.object["id"]


def _as_bought(session: Session, order: Order, made: CheckoutSession) -> Order:
    """The order with the quantities that the buyer chose on the page."""
    steps = [step for step in order.steps if isinstance(step, Checkout) and step.adjustable]
    if not steps or not made.quantities:
        return order
    ids = settings.ids_of(session.environment, steps[0].goods)
    chosen = {
        item.price.product: made.quantities.get(ids[item.price.lookup_key], 0)
        for item in steps[0].goods.items
        if item.price.product in steps[0].adjustable
    }
    known = catalog.read(session)
    gains = []
    for gain in order.effect.gains:
        plan = effects.plan_of(known, gain)
        sold = {
            stripe_prices.product_id(session.tenant, plan.id, item["feature_id"]): item
            for item in quantities.prepaid_items(plan)
        }
        bought = {
            item["feature_id"]: quantities.included(item)
            + chosen[product] * Decimal(item["price"].get("billing_units", 1))
            for product, item in sold.items()
            if product in chosen
        }
        gains.append(_with(gain, bought))
    return order._replace(effect=order.effect._replace(gains=tuple(gains)))


def _with(gain: Gain, bought: dict[str, Decimal]) -> Gain:
    return gain._replace(quantities={**gain.quantities, **bought})


def _greet(session: Session, internal_id: str, made: CheckoutSession) -> None:
    """Fill in the name and address of a customer of whom none was known."""

    def attempt() -> None:
        account = customers.find(session, internal_id)
        if account is None:
            return
        before = account.customer
        after = _filled(before, made)
        if after != before:
            last = session.stamp("fill")
            after = after._replace(version=before.version + 1)
            session.unmarked().commit(customers.put(session, after, account.plans, last))

    optimistic(attempt)


def _filled(one: Customer, made: CheckoutSession) -> Customer:
    # A customer without an id is known by its address: it has one, or was to have none.
    email = one.email if one.id is None else one.email or made.email
    return one._replace(name=one.name or made.name, email=email)
