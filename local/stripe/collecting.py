"""Collecting what an invoice asks for: which card pays, and what the invoice makes of it."""

from local.stripe.account import Document
from local.stripe.invoices import Ledger
from local.stripe.payments import Outcome, charge
from local.stripe.shop import Shop
from local.stripe.standing import subscription_of


def attempt(shop: Shop, invoice: Document, method: str | None = None) -> Outcome:
    """Try to be paid for an open invoice; it is paid afterwards, or has failed once more."""
    outcome = charge(
        shop.account,
        invoice["customer"],
        method or default_method(shop, invoice),
        invoice["amount_remaining"],
        currency=invoice["currency"],
        outbox=shop.outbox,
        invoice=invoice["id"],
        description=invoice["description"],
    )
    ledger = Ledger(shop.account, shop.outbox, shop.base)
    if outcome.status == "paid":
        ledger.pay(invoice["id"])
    else:
        ledger.fail(invoice["id"], action=outcome.status == "requires_action")
    return outcome


def default_method(shop: Shop, invoice: Document) -> str | None:
    """Return the card that an invoice is charged to: its own, its subscription's, the customer's.

    None also when the customer has been deleted.
    """
    subscription = shop.account.objects("subscription").get(subscription_of(invoice) or "", {})
    return (
        invoice["default_payment_method"]
        or subscription.get("default_payment_method")
        or customers_method(shop, invoice["customer"])
    )


def customers_method(shop: Shop, customer_id: str) -> str | None:
    """Return the card that a customer's invoices are charged to unless they say otherwise."""
    customer = shop.account.get("customer", customer_id, "customer")
    method: str | None = customer.get("invoice_settings", {}).get("default_payment_method")
    return method
