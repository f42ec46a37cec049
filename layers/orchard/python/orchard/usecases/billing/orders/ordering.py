"""The life of an order: decided under the customer's billing lock, carried out, closed.

A process may die at any point. What it leaves is an order that is open and a lock that runs out:
`finish` carries such an order out from its beginning, with the same keys and so the same objects
at Stripe.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

from orchard.domain.billing.order import (
    PAYMENT,
    REFUSED,
    Order,
)
from orchard.errors import Locked, RateLimited, StripeFailed, StripeMissing, Unavailable
from orchard.gateways import stripe_billing
from orchard.store import catalog, customers, offers, orders
from orchard.store.customers import Account
from orchard.store.optimistic import optimistic
from orchard.store.orders import Pending
from orchard.store.session import Session
from orchard.store.statements import ConditionFailed, Contention, Write
from orchard.usecases.billing.orders import (
    early,
    effects,
    forgoing,
    late_usage,
    marks,
    patience,
    performing,
    refreshing,
    rivals,
    stocking,
    taking_back,
)
from orchard.usecases.billing.orders.effects import Setting
from orchard.usecases.billing.orders.performing import Halted, Outcome
from orchard.usecases.billing.purchases.discounting import consumed

JUST_PAID = "A payment was made a moment ago: try again in a few seconds"


def begun(
    session: Session, account: Account, held: Pending, order: Order, instead: Order | None
) -> Outcome | Order:
    """Take the lock for an order; one without steps is done in the same request.

    It was decided by what was `held`. Errors: `Locked` if others came since.
    """
    closed: list[Write] = [] if instead is None else [orders.closed(session, instead)]
    if not order.steps:
        setting = Setting(session, catalog.read(session), account)
        last = session.stamp(order.kind, **order.audit)
        untouched = orders.untouched(session, order.internal_id)
        closed += offers.taken(session, order)
        session.commit(*effects.writes(setting, order.effect, last), untouched, *closed)
        return Outcome(order)
    # Whoever had the lock a moment ago may have done the same under the same key.
    session.refuse_claimed()
    order = order._replace(marks={one.space: one.text for one in session.marks})
    kept = marks.ordered(session, order.effect.gains, order.internal_id)
    tried = stocking.begun(session, account, order)
    writes = [*orders.begun(session, order, account.customer, held), *closed, *kept, *tried]
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

    Errors: what Stripe refuses for good, after all of the order was taken back; `Unavailable`,
    `RateLimited` and `Locked` leave the order to whoever comes next.
    """
    with _let_go(session, order):
        try:
            outcome = performing.perform(session.environment, order)
        except Halted as halted:
            refused = halted.order._replace(status=REFUSED)
            _begin_taking_back(session, refused)
            kept = give_up(session, refused)
            raise _told(halted.cause, kept) from halted
        if order.at_once and not outcome.is_paid and not outcome.is_under_way:
            return _unpaid(session, outcome)
    return settle(session, outcome) if outcome.is_paid else _wait(session, outcome)


def _unpaid(session: Session, outcome: Outcome) -> Outcome:
    """Take back an order that had to be paid at once and was not."""
    audit = {**outcome.order.audit, stocking.OBSTACLE: outcome.invoice and outcome.invoice.obstacle}
    order = outcome.order._replace(status=REFUSED, audit=audit)
    _begin_taking_back(session, order)
    give_up(session, order)
    return outcome._replace(order=order)


def _begin_taking_back(session: Session, order: Order) -> None:
    """From now on nobody writes the effect. Errors: `Locked` if somebody else was faster."""
    try:
        session.unmarked().commit(orders.refused(session, order))
    except ConditionFailed:
        raise Locked(orders.BUSY) from None


@contextmanager
def _let_go(session: Session, order: Order) -> Iterator[None]:
    """Let others have the lock if it goes no further now: nobody works on the order any more."""
    try:
        yield
    except (Unavailable, RateLimited, Locked):
        with suppress(ConditionFailed, Contention):
            session.unmarked().commit(orders.freed(session, order))
        raise


def _told(refused: StripeFailed, kept: list[str]) -> StripeFailed:
    """What Stripe refused, and what could not be taken back of what came before."""
    if kept:
        refused.message += f" (not taken back: {', '.join(kept)})"
    return refused


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
    if found.status == REFUSED:
        with _let_go(own, found):
            give_up(own, found)
        return None
    try:
        return carry_out(own, refreshing.as_of_now(own, found))
    except StripeFailed:
        return None


def settle(session: Session, outcome: Outcome) -> Outcome:
    """Write the effect of an order and close it, together; done already is fine.

    Errors: `Locked` while somebody takes it back.
    """

    def attempt() -> None:
        found = orders.find(session, outcome.order.internal_id, outcome.order.id)
        if found is None:
            return
        if found.status == REFUSED:
            raise Locked(orders.BUSY)
        session.commit(*_closing(session, outcome))

    optimistic(attempt)
    return outcome


def _closing(session: Session, outcome: Outcome) -> list[Write]:
    order = outcome.order
    ends: list[Write] = [orders.settled(session, order), orders.freed(session, order)]
    account = customers.find(session, order.internal_id)
    if account is None:
        # The customer is gone: nobody shall pay for what nobody has.
        taking_back.sold(session.environment, order, outcome.subscription)
        return ends
    if order.kind == late_usage.KIND:
        return ends
    setting = Setting(session, catalog.read(session), account, outcome.subscription)
    ends += late_usage.writes(setting, order)
    after = consumed(account.customer, order.discounts)
    last = session.stamp(order.kind, **order.audit)
    effect = rivals.making_room(setting, early.left(account, order))
    ends += offers.taken(session, order)
    stocked = stocking.paid(session, account, order, outcome.invoice)
    return [*effects.writes(setting, effect, last, after=after), *stocked, *ends]


def _wait(session: Session, outcome: Outcome) -> Outcome:
    """Keep an order until its Checkout session or its invoice is paid."""
    order = patience.waiting(session, outcome)
    writes: list[Write] = []
    if order.early:
        order, writes = early.given(session, order, outcome)
    try:
        session.commit(orders.waiting(session, order), orders.left(session, order), *writes)
    except ConditionFailed as rival:
        if rival.position == 0:
            raise Locked(orders.BUSY) from None
        raise
    return outcome._replace(order=order)


def give_up(session: Session, order: Order, *beside: Write) -> list[str]:
    """Take back what an order did at Stripe, and close it without its effect.

    Returns the ids of what Stripe does not take back. Errors: `Locked` when the payment that it
    waited for was made a moment ago.
    """
    if order.status == PAYMENT and order.paid_by is not None:
        with suppress(StripeMissing):
            if stripe_billing.get(session.environment, order.paid_by).is_paid:
                raise Locked(JUST_PAID)
    kept = taking_back.all_of(session.environment, order)

    def attempt() -> None:
        if orders.find(session, order.internal_id, order.id) is not None:
            session.unmarked().commit(
                orders.closed(session, order),
                orders.freed(session, order),
                *forgoing.writes(session, order),
                *beside,
            )

    optimistic(attempt)
    return kept


def as_maker(session: Session, order: Order) -> Session:
    """Return a session that writes in the name of whoever made an order.

    It claims the idempotency keys of that request, together with the effect.
    """
    actor = str(order.audit.get("by", session.actor))
    own = [mark for mark in session.marks if order.marks.get(mark.space) == mark.text]
    made = replace(session, actor=actor, marks=own)
    for space, text in order.marks.items():
        if space not in {mark.space for mark in own} and session.claimed(space, text) is None:
            made.claim(space, text)
    return made
