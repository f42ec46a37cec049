"""What follows when a customer saved a card on Stripe's page."""

from orchard.gateways import stripe_billing, stripe_payment_methods, stripe_subscriptions
from orchard.gateways.stripe_checkout import Session as CheckoutSession


def use(environment: str, made: CheckoutSession) -> None:
    """Charge the card from now on: for the customer, for subscriptions, for what is still open."""
    if made.setup_intent_id is None or made.customer is None:
        return
    card = stripe_payment_methods.saved(environment, made.setup_intent_id)
    if card is None:
        return
    stripe_payment_methods.prefer(environment, made.customer, card)
    for name in stripe_payment_methods.subscriptions(environment, made.customer):
        params = {"default_payment_method": card, "proration_behavior": "none"}
        key = f"orchard:{made.id}:{name}"
        stripe_subscriptions.change(environment, name, params, key)
        for invoice_id in stripe_payment_methods.unpaid(environment, name):
            stripe_billing.pay(environment, invoice_id, f"orchard:{made.id}:{invoice_id}")
