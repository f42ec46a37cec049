"""What may be chosen of billing at Stripe, by parameters of the template."""

import os


def voids_unpaid() -> bool:
    """Whether unpaid invoices of an overdue subscription are voided when it ends."""
    return os.environ.get("VOID_INVOICES_ON_CANCELLATION") == "true"
