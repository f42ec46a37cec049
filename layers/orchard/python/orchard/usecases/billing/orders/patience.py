"""How long an order waits to be paid, and what for."""

from orchard.domain.billing.order import CHECKOUT, PAYMENT, Bill, Order, Subscribe
from orchard.domain.billing.subscription import Subscription
from orchard.domain.interval import DAY_MS, MINUTE_MS
from orchard.gateways import stripe_subscriptions
from orchard.store.session import Session
from orchard.usecases.billing.orders.performing import Outcome

#: How long a payment that failed may be made good, and how long a first one is waited for.
PAYMENT_MS, FIRST_PAYMENT_MS = 10 * MINUTE_MS, 23 * 60 * MINUTE_MS
#: A session is looked after for a while after it closed.
_CHECKOUT_MS = 10 * DAY_MS


def waiting(session: Session, outcome: Outcome) -> Order:
    """Return the order of an outcome as one that waits for its session, or for its invoice."""
    order, made = outcome.order, outcome.session
    if made is not None:
        return order._replace(
            status=CHECKOUT,
            paid_by=made.id,
            payment_url=made.url,
            expires_at=made.expires_at + _CHECKOUT_MS,
        )
    return order._replace(
        status=PAYMENT,
        paid_by=outcome.invoice and outcome.invoice.id,
        payment_url=outcome.invoice and outcome.invoice.hosted_invoice_url,
        expires_at=_patience(session, order),
    )


def _patience(session: Session, order: Order) -> int | None:
    """Until when a payment is waited for; an invoice that was sent has no end."""
    first = order.steps[0]
    if isinstance(first, Subscribe | Bill) and first.days_until_due is not None:
        return None
    if isinstance(first, Bill) and not first.finalize:
        return None
    return session.now + (FIRST_PAYMENT_MS if isinstance(first, Subscribe) else PAYMENT_MS)


def subscription(session: Session, outcome: Outcome) -> Subscription | None:
    """Return the subscription that pays for what is given before it is paid for.

    It may be one that the order is to change when its invoice is paid.
    """
    bills = (one for one in outcome.order.steps if isinstance(one, Bill))
    named = next((one.subscription_id for one in bills if one.subscription_id), None)
    if outcome.subscription is not None or named is None:
        return outcome.subscription
    return stripe_subscriptions.get(session.environment, named)
