"""Charging for seats when they are taken, and crediting those that are given back.

The money comes first: an order bills the seats and counts them as spare. Only then does whoever
asked for them take them, as anybody takes spare ones: without a charge. So a crash in between
leaves seats that are paid for and free to take, and asking again charges nothing twice.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from orchard.domain import ids
from orchard.domain.billing import coupons, seats, stripe_prices
from orchard.domain.billing.lines import LineItem, Period
from orchard.domain.billing.order import PAYMENT, Bill, Effect, Order, Step
from orchard.domain.billing.seats import Charge, Turn
from orchard.domain.catalog import Catalog
from orchard.domain.customer import CustomerPlan
from orchard.domain.interval import ONE_OFF
from orchard.errors import Invalid, PaymentFailed
from orchard.gateways import stripe_billing
from orchard.store import catalog, customers
from orchard.store.customers import Account
from orchard.store.orders import Pending
from orchard.store.session import Session
from orchard.store.statements import Contention
from orchard.usecases.billing import deal as deals
from orchard.usecases.billing.deal import Deal
from orchard.usecases.billing.orders import ordering, placing, settings
from orchard.usecases.billing.orders.performing import Outcome
from orchard.usecases.billing.renewals import renewing

KIND = "seats"


class _Part(NamedTuple):
    """Charges of one plan, with what is known of its billing."""

    deal: Deal
    held: CustomerPlan
    charges: tuple[Charge, ...]


def pay(session: Session, customer_id: str, turns: tuple[Turn, ...]) -> None:
    """Charge for seats that are about to be taken, and credit those about to be given back.

    Idempotency keys are left to the use itself. Errors: `Locked` while another request changes the
    billing; `PaymentFailed`; those of Stripe.
    """
    own = session.unmarked()
    _catch_up(own, customer_id, turns)

    def decide(account: Account, known: Catalog, held: Pending) -> Order | Outcome:
        _clear(own, held)
        return _decided(own, account, known, turns)

    outcome = placing.place(own, customer_id, decide)
    if not outcome.is_paid:
        ordering.give_up(own, outcome.order)
        obstacle = (outcome.invoice and outcome.invoice.obstacle) or "payment_failed"
        raise PaymentFailed(
            f"The seats could not be paid for ({obstacle}): nothing was changed", obstacle
        )


def _catch_up(session: Session, customer_id: str, turns: tuple[Turn, ...]) -> None:
    """Begin the cycle here that began at Stripe: what is in use by then is billed with it."""
    account, known = customers.require(session, customer_id), catalog.read(session)
    names = {one.customer_plan_id for one in turns}
    paid = {one.stripe_subscription_id for one in account.plans if one.id in names}
    for subscription_id in sorted(filter(None, paid)):
        found = deals.opened(session, account, known, subscription_id).subscription
        if found is not None and found.latest_invoice_id is not None:
            renewing.catch_up(session, account, found)


def _clear(session: Session, held: Pending) -> None:
    """Take care of seats whose payment nobody waits for any more, after a crash."""
    for order in held.orders:
        if order.kind != KIND or order.status != PAYMENT or order.paid_by is None:
            continue
        if stripe_billing.get(session.environment, order.paid_by).is_paid:
            ordering.finish(session, order)
        else:
            ordering.give_up(session, order)
        raise Contention


def _decided(
    session: Session, account: Account, known: Catalog, turns: tuple[Turn, ...]
) -> Order | Outcome:
    parts = list(_parts(session, account, known, turns))
    bumps = tuple(seats.bump(one) for part in parts for one in part.charges)
    order = Order(
        id=ids.new("ord_", session.now),
        internal_id=account.customer.internal_id,
        stripe_id=account.customer.stripe_id,
        created_at=session.now // 1000 * 1000,
        kind=KIND,
        digest=settings.digest(turns),
        currency=Deal(session, account, known).currency,
        steps=tuple(step for part in parts for step in _steps(part)),
        effect=Effect(seats=bumps),
        audit={"by": session.actor, "request_id": session.request_id},
    )
    # A rival may have paid for them, or they turn out to be free.
    return order if bumps else Outcome(order)


def _parts(
    session: Session, account: Account, known: Catalog, turns: tuple[Turn, ...]
) -> Iterator[_Part]:
    state = account.state(session.now)
    for held in account.plans:
        own = (seats.charge(state, one) for one in turns if one.customer_plan_id == held.id)
        found = tuple(one for one in own if one is not None)
        if not found:
            continue
        deal = deals.opened(session, account, known, held.stripe_subscription_id)
        if deal.subscription is None:
            raise Invalid(
                f"The subscription of plan {held.plan_id} is over: its seats can't change",
                "subscription_over",
            )
        yield _Part(deal, held, found)


def _steps(part: _Part) -> Iterator[Step]:
    """What is billed at once, by an invoice of its own, and what waits for the next one."""
    at_once = [one for one in part.charges if not one.is_later]
    found = part.deal.subscription
    # What is good for one invoice is for the next renewal.
    lasting = coupons.lasting(found.discounts if found else ())
    lines = part.deal.reduced(tuple(_lines(part, at_once)), lasting)
    for some, later in (
        (lines, False),
        (tuple(_lines(part, [one for one in part.charges if one.is_later])), True),
    ):
        kept = tuple(line for line in some if line.total)
        if kept:
            yield _bill(part, kept, later=later)


def _bill(part: _Part, lines: tuple[LineItem, ...], *, later: bool) -> Bill:
    deal = part.deal
    bought = deal.bought(part.held)
    return Bill(
        lines=lines,
        products=stripe_prices.products(bought.plan, deal.sale),
        subscription_id=deal.subscription.id if deal.subscription else None,
        later=later,
    )


def _lines(part: _Part, charges: Iterable[Charge]) -> Iterator[LineItem]:
    deal, bought = part.deal, part.deal.bought(part.held)
    for one in charges:
        yield seats.line(one, bought, deal.sale, _period(deal, one), deal.now)


def _period(deal: Deal, charged: Charge) -> Period | None:
    price = charged.row.price or {}
    return None if price.get("interval", ONE_OFF) == ONE_OFF else deal.period_of(price)
