"""What is done about each of Stripe's reports, by their type."""

from collections.abc import Callable, Mapping

from orchard.errors import DuplicateIdempotencyKey
from orchard.gateways.stripe_events import Event
from orchard.store.table import Table
from orchard.usecases.billing.orders.completing import (
    checkout_completed,
    checkout_expired,
    invoice_paid,
    invoice_withdrawn,
)
from orchard.usecases.billing.receipts import send_receipt
from orchard.usecases.billing.reconciling.following import subscription_changed
from orchard.usecases.billing.reconciling.importing import subscription_created
from orchard.usecases.billing.renewals.renewing import invoice_created
from orchard.usecases.billing.renewals.resuming import resume_top_ups
from orchard.usecases.customer_events import customer_updated
from orchard.usecases.stripe_events import sync_invoice, sync_refund

#: Reacts to a report at a time; returns what came of it, for the log.
type Reaction = Callable[[Table, Event, int], str]


def in_turn(*reactions: Reaction) -> Reaction:
    """Return what reacts in each of these ways; what fails is reported again to all of them.

    A report is a duplicate if it is one for all that remember reports.
    """

    def react(table: Table, event: Event, now: int) -> str:
        outcomes, again = [], None
        for reaction in reactions:
            try:
                outcomes.append(reaction(table, event, now))
            except DuplicateIdempotencyKey as duplicate:
                again = duplicate
        if again is not None and not outcomes:
            raise again
        return ", ".join(outcomes)

    return react


REACTIONS: Mapping[str, Reaction] = {
    "invoice.created": in_turn(invoice_created, sync_invoice),
    "invoice.finalized": sync_invoice,
    "invoice.updated": sync_invoice,
    "invoice.paid": in_turn(sync_invoice, invoice_paid, resume_top_ups, send_receipt),
    "invoice.payment_failed": sync_invoice,
    "invoice.voided": in_turn(sync_invoice, invoice_withdrawn),
    "invoice.marked_uncollectible": in_turn(sync_invoice, invoice_withdrawn),
    "invoice.deleted": in_turn(sync_invoice, invoice_withdrawn),
    "checkout.session.completed": checkout_completed,
    "checkout.session.async_payment_succeeded": checkout_completed,
    "checkout.session.async_payment_failed": checkout_expired,
    "checkout.session.expired": checkout_expired,
    "customer.updated": customer_updated,
    "customer.subscription.created": in_turn(subscription_created, subscription_changed),
    "customer.subscription.updated": subscription_changed,
    "customer.subscription.deleted": subscription_changed,
    "charge.refunded": sync_refund,
    "refund.created": sync_refund,
    "refund.updated": sync_refund,
    "refund.failed": sync_refund,
}
