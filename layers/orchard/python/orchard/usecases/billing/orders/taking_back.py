"""What an order made at Stripe and has to be taken back: nobody pays for what they do not get."""

from orchard.domain.billing.order import Bill, Order, Subscribe
from orchard.domain.billing.subscription import Subscription
from orchard.errors import StripeFailed
from orchard.gateways import stripe_billing, stripe_reversals, stripe_subscriptions
from orchard.gateways.stripe_checkout import Session as CheckoutSession


def all_of(environment: str, order: Order) -> list[str]:
    """Take back what an order made, the last first; return the ids of what Stripe keeps.

    Whatever was taken back before, in a try that was broken off, is left alone. Errors:
    `Unavailable` and the like, after which it may be tried again.
    """
    kept = []
    for number, step in reversed(list(enumerate(order.steps))):
        made, key = order.results.get(str(number)), f"orchard:{order.id}:{number}"
        if not made:
            continue
        try:
            if made.startswith("ii_"):  # Lines that wait for the next invoice.
                stripe_billing.drop(environment, made.split(","))
            elif isinstance(step, Bill):
                _invoice(environment, made, key)
            elif isinstance(step, Subscribe):
                _subscription(environment, made, key)
        except StripeFailed:
            kept.append(made)
    return kept


def sold(environment: str, order: Order, subscription: Subscription | None) -> None:
    """Take back what was sold to a customer that is gone: also what was paid for on a page."""
    all_of(environment, order)
    if subscription is not None and not any(isinstance(one, Bill) for one in order.steps):
        _subscription(environment, subscription.id, f"orchard:{order.id}:sold")


def page(environment: str, order: Order, made: CheckoutSession) -> None:
    """Take back what was paid for on a page."""
    key = f"orchard:{order.id}:page"
    if made.subscription_id is not None:
        _subscription(environment, made.subscription_id, key)
    elif made.invoice_id is not None:
        _invoice(environment, made.invoice_id, key)


def _subscription(environment: str, subscription_id: str, key: str) -> None:
    found = stripe_subscriptions.get(environment, subscription_id)
    stripe_subscriptions.end(environment, subscription_id, f"{key}:end")
    if found is not None and found.latest_invoice_id is not None:
        _invoice(environment, found.latest_invoice_id, key)


def _invoice(environment: str, invoice_id: str, key: str) -> None:
    """Void an invoice; undo one that is paid, or that credited the customer."""
    if stripe_billing.void(environment, invoice_id) is not None:
        stripe_reversals.reverse(environment, invoice_id, f"{key}:back")
