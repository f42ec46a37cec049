"""Taking the steps of an order at Stripe, each once however often it is tried."""

from collections.abc import Callable
from typing import Any, NamedTuple

from orchard.domain.billing.order import (
    Arrange,
    Bill,
    Checkout,
    End,
    Order,
    Plan,
    Refund,
    Subscribe,
    Void,
)
from orchard.domain.billing.subscription import INCOMPLETE, Subscription
from orchard.errors import StripeFailed
from orchard.gateways import stripe_billing, stripe_checkout, stripe_subscriptions
from orchard.gateways.stripe_billing import Bill as Invoice
from orchard.gateways.stripe_checkout import Session as CheckoutSession
from orchard.usecases.billing import checkouts, settings


class Taken(NamedTuple):
    """What a step came to; `is_paid` False lets the order wait."""

    id: str
    subscription: Subscription | None = None
    invoice: Invoice | None = None
    session: CheckoutSession | None = None
    is_paid: bool = True


class Outcome(NamedTuple):
    """What an order came to so far."""

    order: Order
    subscription: Subscription | None = None
    invoice: Invoice | None = None
    session: CheckoutSession | None = None
    is_paid: bool = True


class Work(NamedTuple):
    """A step to take: for which order, where, under which idempotency key."""

    environment: str
    order: Order
    key: str
    made: str | None


def perform(environment: str, order: Order) -> Outcome:
    """Take the steps that are left, up to one that waits to be paid.

    Errors: `StripeFailed` and the like when Stripe refuses a step for good.
    """
    outcome = Outcome(order)
    for number, step in enumerate(order.steps):
        made = outcome.order.results.get(str(number))
        work = Work(environment, outcome.order, f"orchard:{order.id}:{number}", made)
        taken = _TAKERS[step.do](work, step)
        results = {**outcome.order.results, str(number): taken.id}
        outcome = Outcome(
            outcome.order._replace(results=results),
            taken.subscription or outcome.subscription,
            taken.invoice or outcome.invoice,
            taken.session,
            taken.is_paid,
        )
        if not taken.is_paid:
            return outcome
    return outcome


def _subscribe(work: Work, step: Subscribe) -> Taken:
    if work.made is None:
        params = settings.subscription(work.environment, work.order, step)
        begun = stripe_subscriptions.begin(work.environment, params, work.key)
        work = work._replace(made=begun.id)
    found = _existing(work.environment, str(work.made))
    invoice = _first_invoice(work, step, found)
    is_paid = found.status != INCOMPLETE and not (
        step.days_until_due is not None and invoice is not None and not invoice.is_paid
    )
    return Taken(found.id, found, invoice, is_paid=is_paid)


def _first_invoice(work: Work, step: Subscribe, found: Subscription) -> Invoice | None:
    if found.latest_invoice_id is None:
        return None
    if step.days_until_due is not None and work.order.finalizes:
        key = f"{work.key}:finalize"
        return stripe_billing.finalize(work.environment, found.latest_invoice_id, key)
    return stripe_billing.get(work.environment, found.latest_invoice_id)


def _bill(work: Work, step: Bill) -> Taken:
    order = work.order
    if work.made is not None:
        found = stripe_billing.get(work.environment, work.made)
        return Taken(found.id, invoice=found, is_paid=found.is_paid)
    settings.ensure(work.environment, step.products, ())
    drafted = stripe_billing.draft(work.environment, settings.invoice(order, step), work.key)
    target = {"customer": str(order.stripe_id), "invoice": drafted}
    stripe_billing.add(work.environment, target, step.lines, order.currency, work.key)
    if not step.finalize:
        found = stripe_billing.get(work.environment, drafted)
        return Taken(drafted, invoice=found, is_paid=False)
    found = stripe_billing.finalize(work.environment, drafted, f"{work.key}:finalize")
    if step.days_until_due is None:
        found = stripe_billing.pay(work.environment, drafted, f"{work.key}:pay")
    return Taken(drafted, invoice=found, is_paid=found.is_paid)


def _arrange(work: Work, step: Arrange) -> Taken:
    found = _existing(work.environment, step.subscription_id)
    if work.made is not None:
        return Taken(found.id, found)
    if found.schedule_id is not None:
        stripe_subscriptions.release(work.environment, found.schedule_id)
    params = settings.arrangement(work.environment, found, step)
    if not params:
        return Taken(found.id, found)
    if step.lines:
        settings.ensure(work.environment, step.goods.products, ())
        target = {"customer": found.customer, "subscription": found.id}
        stripe_billing.add(work.environment, target, step.lines, found.currency, work.key)
    changed = stripe_subscriptions.change(work.environment, found.id, params, f"{work.key}:items")
    bills = step.restart and changed.latest_invoice_id is not None
    invoice = (
        stripe_billing.get(work.environment, str(changed.latest_invoice_id)) if bills else None
    )
    return Taken(found.id, changed, invoice)


def _plan(work: Work, step: Plan) -> Taken:
    found = _existing(work.environment, step.subscription_id)
    if work.made is not None:
        return Taken(work.made, found)
    if found.schedule_id is not None:
        stripe_subscriptions.release(work.environment, found.schedule_id)
    made = found.id
    if step.goods is not None and step.goods.items:
        phases = settings.phases(work.environment, found, step)
        made = stripe_subscriptions.schedule(work.environment, found.id, phases, work.key)
    ends = step.at // 1000 if step.goods is not None and not step.goods.items else None
    if (found.cancel_at is None) != (ends is None) or found.cancel_at != (ends and ends * 1000):
        params = {"cancel_at": "" if ends is None else ends, "proration_behavior": "none"}
        found = stripe_subscriptions.change(
            work.environment, found.id, params, f"{work.key}:end:{ends}"
        )
    return Taken(made, found)


def _end(work: Work, step: End) -> Taken:
    stripe_subscriptions.end(work.environment, step.subscription_id, work.key)
    return Taken(step.subscription_id)


def _refund(work: Work, step: Refund) -> Taken:
    stripe_billing.refund(
        work.environment, step.stripe_invoice_id, step.amount, step.currency, work.key
    )
    return Taken(step.stripe_invoice_id)


def _void(work: Work, step: Void) -> Taken:
    for invoice_id in stripe_billing.open_invoices(work.environment, step.subscription_id):
        stripe_billing.void(work.environment, invoice_id)
    return Taken(step.subscription_id)


def _checkout(work: Work, step: Checkout) -> Taken:
    params = checkouts.parameters(work.environment, work.order, step)
    session = stripe_checkout.create(work.environment, params, work.key)
    return Taken(session.id, session=session, is_paid=False)


def _existing(environment: str, subscription_id: str) -> Subscription:
    found = stripe_subscriptions.get(environment, subscription_id)
    if found is None:
        raise StripeFailed(f"No such subscription: '{subscription_id}'")
    return found


_TAKERS: dict[str, Callable[[Work, Any], Taken]] = {
    "subscribe": _subscribe,
    "bill": _bill,
    "arrange": _arrange,
    "plan": _plan,
    "end": _end,
    "refund": _refund,
    "void": _void,
    "checkout": _checkout,
}
