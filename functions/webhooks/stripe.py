"""POST /webhooks/stripe"""

from orchard.triggers.webhook import webhook
from orchard.usecases.stripe_events import sync_invoice, sync_refund

handler = webhook(
    {
        "invoice.created": sync_invoice,
        "invoice.finalized": sync_invoice,
        "invoice.updated": sync_invoice,
        "invoice.paid": sync_invoice,
        "invoice.payment_failed": sync_invoice,
        "invoice.voided": sync_invoice,
        "invoice.marked_uncollectible": sync_invoice,
        "invoice.deleted": sync_invoice,
        "charge.refunded": sync_refund,
        "refund.created": sync_refund,
        "refund.updated": sync_refund,
        "refund.failed": sync_refund,
    }
)
