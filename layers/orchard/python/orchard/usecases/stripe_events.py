"""What Stripe reports, brought into the table.

Reports come twice, late and in any order, so none is believed beyond what it names. The invoice
is fetched again, between reading what is stored and writing on the condition that this is still
what is stored. So whatever a write replaces was written before its own invoice was fetched, and
what was fetched last is what stays.
"""

from functools import partial

from orchard.domain.billing.customizing import plan_of
from orchard.domain.customer import CustomerPlan
from orchard.domain.invoice import Invoice, gone
from orchard.gateways import stripe, stripe_refunds
from orchard.gateways.stripe_events import Event
from orchard.gateways.stripe_refunds import Paid
from orchard.store import catalog, customers, invoices, stripe_links
from orchard.store.optimistic import optimistic
from orchard.store.session import Session
from orchard.store.stripe_links import Link
from orchard.store.table import Table


def sync_invoice(table: Table, event: Event, now: int) -> str:
    """Store the invoice of an event as Stripe has it now; return what came of it, for the log."""
    return optimistic(lambda: _sync_invoice(table, event, now))


def store(session: Session, stripe_id: str, invoice_id: str) -> None:
    """Store an invoice of a customer as Stripe has it now, though nobody reported it."""

    def attempt() -> None:
        link = stripe_links.find(session.table, session.environment, stripe_id)
        found = stripe.invoice(session.environment, invoice_id)
        if link is not None and found is not None:
            _stored(session, link, invoice_id, found.created_at)

    optimistic(attempt)


def sync_refund(table: Table, event: Event, now: int) -> str:
    """Store the invoice that a refund or a refunded charge belongs to, and what was paid back."""
    payment = event.object.get("payment_intent")
    paid = stripe_refunds.invoices_of(event.environment, str(payment)) if payment else []
    outcomes = [optimistic(partial(_sync_paid, table, event, now, one)) for one in paid]
    return ", ".join(outcomes) or "no invoice"


def _sync_invoice(table: Table, event: Event, now: int) -> str:
    link = stripe_links.find(table, event.environment, str(event.object.get("customer")))
    if link is None:
        return "unknown customer"
    session = _session(table, event, link, now)
    return _stored(session, link, event.object["id"], event.object["created"] * 1000)


def _sync_paid(table: Table, event: Event, now: int, paid: Paid) -> str:
    link = stripe_links.find(table, event.environment, paid.customer)
    if link is None:
        return "unknown customer"
    session = _session(table, event, link, now)
    return _stored(session, link, paid.id, paid.created_at, refunds=True)


def _stored(
    session: Session, link: Link, stripe_id: str, created_at: int, *, refunds: bool = False
) -> str:
    read = invoices.find(session, [stripe_id]).get(stripe_id)
    fetched = stripe.invoice(session.environment, stripe_id)
    fresh = gone(created_at, stripe_id) if fetched is None else fetched
    kept = _kept(fresh, read)
    if refunds:
        refunded = stripe_refunds.amount(session.environment, stripe_id)
        kept = kept._replace(refunded_amount=refunded)
    owned = kept._replace(
        owner=link.internal_id,
        plan_ids=_plan_ids(session, fresh, read, link),
        fetched_at=session.now,
    )
    # Even an unchanged invoice is written: its version tells slower rivals to fetch again.
    session.commit(*invoices.stored(session, owned, read), stripe_links.holds(link))
    return owned.status


def _kept(fresh: Invoice, read: Invoice | None) -> Invoice:
    """The invoice with what a report of it does not tell; an imported one keeps its id."""
    if read is None:
        return fresh
    return fresh._replace(
        id=read.id, entity_id=read.entity_id, refunded_amount=read.refunded_amount
    )


def _session(table: Table, event: Event, link: Link, now: int) -> Session:
    return Session(table, link.tenant, event.environment, now, "stripe", event.id)


def _plan_ids(
    session: Session, fetched: Invoice, read: Invoice | None, link: Link
) -> tuple[str, ...]:
    """What the lines say, else what was found out before, else the priced plans held now."""
    if fetched.plan_ids or (read is not None and read.plan_ids):
        return fetched.plan_ids or (read.plan_ids if read else ())
    account = customers.find(session, link.hot_id)
    held = account.plans if account else ()
    priced = [plan for plan in held if plan.is_held(session.now) and _has_price(session, plan)]
    return tuple(dict.fromkeys(plan.plan_id for plan in priced))


def _has_price(session: Session, held: CustomerPlan) -> bool:
    plan = plan_of(held, catalog.cached(session))
    return plan is not None and not plan.is_free
