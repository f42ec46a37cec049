"""Taking the steps of an order at Stripe, each once however often it is tried."""

from collections.abc import Callable
from typing import Any, NamedTuple

from orchard.domain.billing.order import (
    Arrange,
    Checkout,
    End,
    Order,
    Plan,
    Refund,
    Step,
    Subscribe,
    Void,
)
from orchard.domain.billing.subscription import INCOMPLETE, Subscription
from orchard.errors import StripeFailed
from orchard.gateways import (
    stripe_billing,
    stripe_catalog,
    stripe_checkout,
    stripe_subscriptions,
)
from orchard.gateways.stripe_billing import Bill as Invoice
from orchard.gateways.stripe_checkout import Session as CheckoutSession
from orchard.usecases.billing.orders import checkouts, invoicing, settings
from orchard.usecases.billing.orders.work import Taken, Work


class Outcome(NamedTuple):
    """What an order came to so far."""

    order: Order
    subscription: Subscription | None = None
    invoice: Invoice | None = None
    session: CheckoutSession | None = None
    is_paid: bool = True

    @property
    def is_under_way(self) -> bool:
        """Whether a payment was made that is yet to be confirmed."""
        return self.invoice is not None and self.invoice.obstacle == "payment_processing"


class Halted(Exception):
    """Stripe refused a step for good; `order` is told what was made until then."""

    def __init__(self, order: Order, cause: StripeFailed) -> None:
        super().__init__(cause.message)
        self.order, self.cause = order, cause


def perform(environment: str, order: Order) -> Outcome:
    """Take the steps that are left, up to one that waits to be paid.

    Errors: `Halted` when Stripe refuses a step for good.
    """
    outcome = Outcome(order)
    for number, step in enumerate(order.steps):
        made = outcome.order.results.get(str(number))
        key, begun = f"orchard:{order.id}:{number}", dict(outcome.order.results)
        work = Work(environment, outcome.order, key, made, number, begun)
        try:
            taken = _taken(work, step)
        except StripeFailed as refused:
            raise Halted(outcome.order._replace(results=begun), refused) from refused
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


def _taken(work: Work, step: Step) -> Taken:
    try:
        return _TAKERS[step.do](work, step)
    except StripeFailed:
        # A price that this process knows may be archived by now: it is looked for once more.
        if not stripe_catalog.forget():
            raise
        return _TAKERS[step.do](work, step)


def _subscribe(work: Work, step: Subscribe) -> Taken:
    if work.made is None:
        params = settings.subscription(work.environment, work.order, step)
        begun = stripe_subscriptions.begin(work.environment, params, work.key)
        work.note(begun.id)
        work = work._replace(made=begun.id)
    found = _existing(work.environment, str(work.made))
    if found.is_over and not work.order.early:
        raise StripeFailed(f"The subscription {found.id} ended before it was paid for")
    invoice = _first_invoice(work, step, found)
    is_paid = found.status != INCOMPLETE and not (
        step.days_until_due is not None and invoice is not None and not invoice.is_paid
    )
    return Taken(found.id, found, invoice, is_paid=is_paid)


def _first_invoice(work: Work, step: Subscribe, found: Subscription) -> Invoice | None:
    # Renewals may have come while the first one was waited for.
    invoice_id = work.order.paid_by or found.latest_invoice_id
    if invoice_id is None:
        return None
    if step.days_until_due is not None and work.order.finalizes:
        return stripe_billing.finalize(work.environment, invoice_id, f"{work.key}:finalize")
    return stripe_billing.get(work.environment, invoice_id)


def _arrange(work: Work, step: Arrange) -> Taken:
    found = _existing(work.environment, step.subscription_id)
    if work.made is not None or settings.is_arranged(found, work.key):
        return _arranged(work, step, found)
    params = settings.arrangement(work.environment, found, step, work.key)
    if step.lines:
        settings.ensure(work.environment, step.goods.products, ())
        target = {"customer": found.customer, "subscription": found.id}
        invoicing.wait(work, target, step.lines)
    changed = stripe_subscriptions.change(work.environment, found.id, params, f"{work.key}:items")
    return _arranged(work, step, changed)


def _arranged(work: Work, step: Arrange, found: Subscription) -> Taken:
    """What an arrangement came to; a cycle that began anew with it has an invoice.

    What was planned stays until then: Stripe may refuse the change. What the order itself planned
    after that, in a try that was broken off, stays too.
    """
    planned = found.schedule_id
    if planned is not None and planned == settings.replaced(found) and work.made is None:
        stripe_subscriptions.release(work.environment, planned)
        found = _existing(work.environment, found.id)
    bills = step.restart and found.latest_invoice_id is not None
    invoice = stripe_billing.get(work.environment, str(found.latest_invoice_id)) if bills else None
    return Taken(found.id, found, invoice)


def _plan(work: Work, step: Plan) -> Taken:
    found = _existing(work.environment, step.subscription_id)
    if work.made is not None:
        return Taken(work.made, found)
    made = found.id
    if step.goods is not None and step.goods.items:
        phases = settings.phases(work.environment, found, step)
        # A schedule that is there, of a try that was broken off too, gets other phases.
        made = stripe_subscriptions.schedule(work.environment, found, phases, work.key)
    elif found.schedule_id is not None:
        stripe_subscriptions.release(work.environment, found.schedule_id)
    ends = step.at // 1000 if step.goods is not None and not step.goods.items else None
    if (found.cancel_at is None) != (ends is None) or found.cancel_at != (ends and ends * 1000):
        params = {"cancel_at": "" if ends is None else ends, "proration_behavior": "none"}
        key = f"{work.key}:end:{ends}"
        found = stripe_subscriptions.change(work.environment, found.id, params, key)
    return Taken(made, found)


def _end(work: Work, step: End) -> Taken:
    stripe_subscriptions.end(work.environment, step.subscription_id, work.key)
    stripe_billing.drop(work.environment, step.waiting)
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
    "bill": invoicing.bill,
    "arrange": _arrange,
    "plan": _plan,
    "end": _end,
    "refund": _refund,
    "void": _void,
    "checkout": _checkout,
}
