"""POST /webhooks/stripe"""

from orchard.triggers.webhook import in_turn, webhook
from orchard.usecases.billing.completing import (
    checkout_completed,
    checkout_expired,
    invoice_paid,
)
from orchard.usecases.billing.following import subscription_changed
from orchard.usecases.billing.renewing import invoice_created
from orchard.usecases.billing.reports import together
from orchard.usecases.stripe_events import sync_invoice, sync_refund

handler = webhook(
    {
        "invoice.created": in_turn(invoice_created, sync_invoice),
        "invoice.finalized": sync_invoice,
        "invoice.updated": sync_invoice,
        "invoice.paid": together(sync_invoice, invoice_paid),
        "invoice.payment_failed": sync_invoice,
        "invoice.voided": sync_invoice,
        "invoice.marked_uncollectible": sync_invoice,
        "invoice.deleted": sync_invoice,
        "checkout.session.completed": checkout_completed,
        "checkout.session.expired": checkout_expired,
        "customer.subscription.created": subscription_changed,
        "customer.subscription.updated": subscription_changed,
        "customer.subscription.deleted": subscription_changed,
        "charge.refunded": sync_refund,
        "refund.created": sync_refund,
        "refund.updated": sync_refund,
        "refund.failed": sync_refund,
    }
)
