"""The life of an order: decided under the customer's billing lock, carried out, closed.

A process may die at any point. What it leaves is an order that is open and a lock that runs out:
`finish` carries such an order out from its beginning, with the same keys and so the same objects
at Stripe.
"""

from collections.abc import Callable
from dataclasses import replace

from orchard.domain.billing.order import CHECKOUT, PAYMENT, Bill, Effect, Order, Subscribe
from orchard.domain.catalog import Catalog
from orchard.domain.interval import DAY_MS, MINUTE_MS
from orchard.errors import Locked, RateLimited, StripeFailed, Unavailable
from orchard.gateways import stripe_billing, stripe_checkout, stripe_subscriptions
from orchard.store import catalog, customers, orders
from orchard.store.customers import Account
from orchard.store.optimistic import optimistic
from orchard.store.orders import Pending
from orchard.store.session import Session
from orchard.store.statements import ConditionFailed, Contention, Write
from orchard.usecases.billing import effects, performing
from orchard.usecases.billing.deal import Deal
from orchard.usecases.billing.discounting import consumed
from orchard.usecases.billing.effects import Setting
from orchard.usecases.billing.following import default_of
from orchard.usecases.billing.performing import Outcome

#: How long a payment that failed may be made good, and how long a first one is waited for.
PAYMENT_MS, FIRST_PAYMENT_MS = 10 * MINUTE_MS, 23 * 60 * MINUTE_MS
#: A session is looked after for a while after it closed.
_CHECKOUT_MS = 10 * DAY_MS

type Decide = Callable[[Account, Catalog, Pending], Order | Outcome]


def place(session: Session, customer_id: str, decide: Decide) -> Outcome:
    """Decide an order under the lock and carry it out; an `Outcome` is an answer without one.

    Errors: `Locked` while another request changes the billing; those of the decision and of Stripe.
    """

    def attempt() -> Outcome | Order:
        account = customers.require(session, customer_id)
        held = orders.pending(session, account.customer.internal_id)
        orders.refuse_busy(session, held)
        if held.abandoned(session.now):
            for order in held.abandoned(session.now):
                finish(session, order)
            raise Contention
        decided = decide(account, catalog.read(session), held)
        return decided if isinstance(decided, Outcome) else _begun(session, account, decided)

    decided = optimistic(attempt)
    return decided if isinstance(decided, Outcome) else carry_out(session, decided)


def _begun(session: Session, account: Account, order: Order) -> Outcome | Order:
    """Take the lock for an order; one without steps is done in the same request."""
    if not order.steps:
        setting = Setting(session, catalog.read(session), account)
        last = session.stamp(order.kind, **order.audit)
        untouched = orders.untouched(session, order.internal_id)
        session.commit(*effects.writes(setting, order.effect, last), untouched)
        return Outcome(order)
    writes = orders.begun(session, order, account.customer)
    try:
        # The idempotency key goes with the effect: what Stripe refuses may be tried again.
        session.unmarked().commit(*writes)
    except ConditionFailed as refused:
        if refused.position == 0:
            raise Locked(orders.BUSY) from None
        raise
    return order


def carry_out(session: Session, order: Order) -> Outcome:
    """Take the steps of an order and write its effect, or let it wait for its payment.

    Errors: what Stripe refuses for good, after all of the order was taken back; `Unavailable`
    leaves the order to whoever comes next.
    """
    try:
        outcome = performing.perform(session.environment, order)
    except (StripeFailed, RateLimited):
        give_up(session, order)
        raise
    except Unavailable:
        # Nobody works on it from now on.
        session.unmarked().commit(orders.freed(session, order))
        raise
    return settle(session, outcome) if outcome.is_paid else _wait(session, outcome)


def finish(session: Session, order: Order) -> Outcome | None:
    """Carry out an order that was left, as the one who made it; None if Stripe refuses it.

    Errors: `Locked` while somebody is at it; `Unavailable`.
    """
    own = as_maker(session, order)
    try:
        own.commit(orders.taken(own, order.internal_id, order.id))
    except ConditionFailed:
        raise Locked(orders.BUSY) from None
    found = orders.find(own, order.internal_id, order.id)
    if found is None:
        own.commit(orders.freed(own, order))
        return None
    try:
        return carry_out(own, found)
    except StripeFailed:
        return None


def settle(session: Session, outcome: Outcome) -> Outcome:
    """Write the effect of an order and close it, together; done already is fine."""

    def attempt() -> None:
        order = outcome.order
        if orders.find(session, order.internal_id, order.id) is None:
            return
        session.commit(*_closing(session, outcome))

    optimistic(attempt)
    return outcome


def _closing(session: Session, outcome: Outcome) -> list[Write]:
    order = outcome.order
    ends: list[Write] = [orders.closed(session, order), orders.freed(session, order)]
    account = customers.find(session, order.internal_id)
    if account is None:
        return ends
    setting = Setting(session, catalog.read(session), account, outcome.subscription)
    after = consumed(account.customer, order.discounts)
    last = session.stamp(order.kind, **order.audit)
    effect = order.effect
    return [*effects.writes(setting, effect, last, after=after), *ends]


def _wait(session: Session, outcome: Outcome) -> Outcome:
    """Keep an order until its Checkout session or its invoice is paid."""
    order = _waiting(session, outcome)
    writes: list[Write] = [orders.waiting(session, order), orders.freed(session, order)]
    if order.early:
        account = customers.require(session, order.internal_id)
        setting = Setting(session, catalog.read(session), account, outcome.subscription)
        last = session.stamp(order.kind, **order.audit)
        writes += effects.writes(setting, order.effect, last)
    session.commit(*writes)
    return outcome._replace(order=order)


def _waiting(session: Session, outcome: Outcome) -> Order:
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


def give_up(session: Session, order: Order, *beside: Write) -> None:
    """Take back what an order did at Stripe, and close it without its effect."""
    environment = session.environment
    for number, step in enumerate(order.steps):
        made = order.results.get(str(number))
        if made is None:
            continue
        if isinstance(step, Bill):
            stripe_billing.void(environment, made)
        elif isinstance(step, Subscribe):
            stripe_subscriptions.end(environment, made, f"orchard:{order.id}:{number}:end")

    def attempt() -> None:
        if orders.find(session, order.internal_id, order.id) is not None:
            session.unmarked().commit(
                orders.closed(session, order),
                orders.freed(session, order),
                *_taken_back(session, order),
                *beside,
            )

    optimistic(attempt)


def _taken_back(session: Session, order: Order) -> list[Write]:
    """What was given before it was paid for goes; the plan that all customers get comes back."""
    account = customers.find(session, order.internal_id) if order.early else None
    if account is None:
        return []
    deal = Deal(session, account, catalog.read(session))
    given = {gain.customer_plan_id for gain in order.effect.gains}
    lost = [one for one in account.plans if one.id in given]
    back = (default_of(deal, one) for one in lost)
    effect = Effect(
        gains=tuple(gain for gain in back if gain is not None),
        ended=tuple(one.id for one in lost),
    )
    last = session.stamp("unpaid", plan_id=order.audit.get("plan_id"))
    return effects.writes(Setting(session, deal.known, account), effect, last)


def superseded(session: Session, held: Pending) -> None:
    """Give up orders that wait for a payment, since another is about to be made.

    Errors: `Locked` when one was paid a moment ago.
    """
    for order in held.orders:
        if order.status == CHECKOUT and order.paid_by is not None:
            state = stripe_checkout.expire(session.environment, order.paid_by)
            if state == stripe_checkout.COMPLETE:
                raise Locked("A Checkout session was just paid: try again in a few seconds")
            give_up(session, order)
        elif order.status == PAYMENT and order.expires_at is not None:
            give_up(session, order)


def as_maker(session: Session, order: Order) -> Session:
    """Return a session that writes in the name of whoever made an order."""
    actor = str(order.audit.get("by", session.actor))
    return replace(session, actor=actor, marks=[])
