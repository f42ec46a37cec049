"""Objects with the fields that the official package declares for the pinned API version."""

from typing import Any

import stripe

from local.stripe.account import Document

#: Fields that Stripe leaves out unless they are asked for or true.
_LEFT_OUT: dict[type, set[str]] = {
    stripe.Customer: {
        "deleted",
        "cash_balance",
        "invoice_credit_balance",
        "sources",
        "subscriptions",
        "tax",
        "tax_ids",
    },
    stripe.Invoice: {"deleted", "confirmation_secret", "payments"},
    stripe.Price: {"deleted", "currency_options", "tiers"},
    stripe.Product: {"deleted"},
    stripe.InvoiceItem: {"deleted"},
    # The plan is the price once more, in the words of an older version.
    stripe.SubscriptionItem: {"deleted", "plan"},
    stripe.Coupon: {"deleted", "currency_options", "applies_to"},
    stripe.Discount: {"deleted"},
    stripe.Charge: {"level3", "refunds"},
    stripe.checkout.Session: {"line_items"},
    # Of the kinds of payment methods a card has only its own.
    stripe.PaymentMethod: stripe.PaymentMethod.__annotations__.keys()
    - {
        "id",
        "object",
        "allow_redisplay",
        "billing_details",
        "card",
        "created",
        "customer",
        "customer_account",
        "livemode",
        "metadata",
        "type",
    },
    stripe.Event: {"account", "context"},
}


def names(kind: type) -> set[str]:
    """Return the fields of objects of a class of the package, as Stripe sends them."""
    declared = {name for name in kind.__annotations__ if name.islower()}
    return declared - _LEFT_OUT.get(kind, set())


def made(kind: type, **fields: Any) -> Document:
    """Return an object with these fields; all others that the package knows are null."""
    unknown = fields.keys() - kind.__annotations__.keys()
    if unknown:
        raise TypeError(f"{kind.__name__} has no {', '.join(sorted(unknown))}")
    return dict.fromkeys(sorted(names(kind))) | fields
