"""Placing an order: what was left is finished first, then it is decided and carried out."""

from collections.abc import Callable

from orchard.domain.billing import arrears
from orchard.domain.billing.order import Order
from orchard.domain.catalog import Catalog
from orchard.store import catalog, customers, orders
from orchard.store.customers import Account
from orchard.store.optimistic import optimistic
from orchard.store.orders import Pending
from orchard.store.session import Session
from orchard.store.statements import Contention
from orchard.usecases.billing.orders import ordering
from orchard.usecases.billing.orders.performing import Outcome
from orchard.usecases.billing.renewals import renewing

type Decide = Callable[[Account, Catalog, Pending], Order | Outcome]


def place(
    session: Session,
    customer_id: str,
    decide: Decide,
    digest: str | None = None,
    instead: Order | None = None,
) -> Outcome:
    """Decide an order under the lock and carry it out; an `Outcome` is an answer without one.

    An order that was left and has the same `digest` is the answer. The new order may be `instead`
    of one that is not closed yet. Errors: `Locked`; those of the decision and of Stripe.
    """
    finished: dict[str, Outcome] = {}

    def attempt() -> Outcome | Order:
        account = customers.require(session, customer_id)
        held = orders.pending(session, account.customer.internal_id)
        orders.refuse_busy(session, held)
        if _has_left(session, account, held, finished):
            raise Contention
        if digest in finished:
            return finished[digest]
        if instead is not None and instead.id not in {one.id for one in held.orders}:
            return Outcome(instead)
        decided = decide(account, catalog.read(session), held)
        if isinstance(decided, Outcome) or decided.digest in finished:
            return decided if isinstance(decided, Outcome) else finished[decided.digest]
        return ordering.begun(session, account, held, decided, instead)

    return _carried_out(session, optimistic(attempt))


def _carried_out(session: Session, decided: Outcome | Order) -> Outcome:
    return decided if isinstance(decided, Outcome) else ordering.carry_out(session, decided)


def _has_left(
    session: Session, account: Account, held: Pending, finished: dict[str, Outcome]
) -> bool:
    """Finish what processes left that died; whether there was something to finish.

    Usage that one was billing comes before the plan may change.
    """
    left = held.abandoned(session.now)
    for order in left:
        outcome = ordering.finish(session, order)
        finished.update({order.digest: outcome} if outcome is not None else {})
    claims = arrears.claims(account.state(session.now))
    for invoice_id in claims:
        renewing.renew(session, account.customer.internal_id, invoice_id)
    return bool(left or claims)
