"""Plans with a price that new customers get by themselves, on a trial that needs no card.

The customer is made first, together with the intention to attach such a plan. Whoever comes by
carries that out: the request that made the customer, a repetition of it, or the job.
"""

from collections.abc import Iterable

from orchard.domain import ids
from orchard.domain.billing.order import INTENDED, Effect, Order
from orchard.domain.catalog import Plan
from orchard.domain.customer import Customer
from orchard.domain.interval import DAY_MS, MINUTE_MS
from orchard.domain.money import MAIN_CURRENCY
from orchard.errors import Conflict, Invalid, Locked, NotFound, StripeFailed
from orchard.store import customers, orders
from orchard.store.customers import Account
from orchard.store.optimistic import optimistic
from orchard.store.session import Session
from orchard.store.statements import Contention, Put
from orchard.usecases import linking
from orchard.usecases.billing.orders import carrying_on, ordering

#: What Stripe refuses is tried again so often, and for so long.
_AGAIN_MS, PATIENCE_MS = 60 * MINUTE_MS, 3 * DAY_MS


def intentions(session: Session, customer: Customer, plans: Iterable[Plan]) -> list[Put]:
    """Return the writes that keep what a new customer is to get, one order for each plan."""
    return [
        orders.intended(session, _order(session, customer, plan), session.now + orders.LEASE_MS)
        for plan in plans
    ]


def started(session: Session, account: Account) -> Account:
    """Return the account with the plans that it is to start with, attached by now.

    While another request is at that, its end is awaited. Errors: those of Stripe; the customer is
    there all the same, and the next request tries again.
    """
    internal_id = account.customer.internal_id

    def attempt() -> Account:
        held = orders.pending(session, internal_id)
        if held.lock is not None and held.lock.until > session.now:
            raise Contention
        try:
            for order in held.abandoned(session.now):
                ordering.finish(session, order)
            for order in held.orders:
                if order.status == INTENDED:
                    _carry_out(session, order)
        except Locked:
            raise Contention from None
        return customers.require(session, internal_id)

    return optimistic(attempt)


def look_after(session: Session, order: Order) -> None:
    """Carry out what was intended and left; what Stripe keeps refusing is given up in the end."""
    try:
        _carry_out(session, order)
    except StripeFailed:
        if session.now - order.created_at > PATIENCE_MS:
            carrying_on.close(session, order)


def _carry_out(session: Session, order: Order) -> None:
    account = customers.find(session, order.internal_id)
    try:
        if account is None:
            carrying_on.close(session, order)
            return
        linking.create_in_stripe(session.unmarked(), account, {})
        carrying_on.succeed(session, order)
    except StripeFailed:
        # The attempt may have been closed already: it is kept for another one.
        put = orders.intended(session, order, session.now + _AGAIN_MS)
        session.unmarked().commit(put)
        raise
    except (Invalid, Conflict, NotFound):
        # Something else was attached, or the plan is gone.
        carrying_on.close(session, order)


def _order(session: Session, customer: Customer, plan: Plan) -> Order:
    return Order(
        id=ids.new("ord_", session.now),
        internal_id=customer.internal_id,
        stripe_id=customer.stripe_id,
        created_at=session.now // 1000 * 1000,
        kind="attach",
        digest=f"default:{plan.id}",
        currency=customer.currency or MAIN_CURRENCY,
        steps=(),
        effect=Effect(),
        audit={"by": session.actor, "request_id": session.request_id},
        status=INTENDED,
        then={"plan_id": plan.id, "redirect_mode": "never"},
    )
