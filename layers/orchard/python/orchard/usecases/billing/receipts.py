"""Receipts: Stripe mails one for each payment of a customer who wants them."""

from orchard.gateways import stripe_receipts, stripe_refunds
from orchard.gateways.stripe_events import Event
from orchard.store import customers, stripe_links
from orchard.store.session import Session
from orchard.store.table import Table


def send_receipt(table: Table, event: Event, now: int) -> str:
    """Have Stripe mail a receipt of an invoice that was paid; it may be reported twice."""
    if not event.object.get("amount_paid"):
        return "nothing was paid"
    link = stripe_links.find(table, event.environment, str(event.object.get("customer")))
    if link is None:
        return "unknown customer"
    session = Session(table, link.tenant, event.environment, now, "stripe", event.id)
    account = customers.find(session, link.internal_id)
    if account is None or not account.customer.send_email_receipts or not account.customer.email:
        return "no receipt wanted"
    made = stripe_refunds.payments(event.environment, str(event.object["id"]))
    sent = [one for one in made if one.paid]
    for payment in sent:
        stripe_receipts.send(event.environment, payment.intent, account.customer.email)
    return f"receipts: {len(sent)}"
