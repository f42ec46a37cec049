"""The objects of a payment: an intent, a charge, and what they pay of an invoice."""

import stripe

from local.stripe.account import Account, Document, new_id
from local.stripe.objects import made


def new_intent(account: Account, customer: str, amount: int, currency: str) -> Document:
    """Return an intent that waits for a card; it is not kept yet."""
    intent_id = new_id("pi_")
    return made(
        stripe.PaymentIntent,
        id=intent_id,
        object="payment_intent",
        amount=amount,
        amount_capturable=0,
        amount_received=0,
        capture_method="automatic",
        client_secret=f"{intent_id}_secret_{new_id('', 25)}",
        confirmation_method="automatic",
        created=account.clock(),
        currency=currency,
        customer=customer,
        livemode=False,
        metadata={},
        payment_method_types=["card"],
        status="requires_payment_method",
    )


def new_payment(
    account: Account, invoice_id: str, intent: Document, *, is_default: bool
) -> Document:
    """Keep what pays an invoice and return it."""
    payment = made(
        stripe.InvoicePayment,
        id=new_id("inpay_"),
        object="invoice_payment",
        amount_requested=intent["amount"],
        created=account.clock(),
        currency=intent["currency"],
        invoice=invoice_id,
        is_default=is_default,
        livemode=False,
        payment={"payment_intent": intent["id"], "type": "payment_intent"},
        status="open",
        status_transitions={"canceled_at": None, "paid_at": None},
    )
    account.objects("invoice_payment")[payment["id"]] = payment
    return payment


def new_charge(account: Account, intent: Document, method: Document) -> Document:
    """Keep a charge that succeeded and return it."""
    taken = made(
        stripe.Charge,
        id=new_id("ch_"),
        object="charge",
        amount=intent["amount"],
        amount_captured=intent["amount"],
        amount_refunded=0,
        billing_details=method["billing_details"],
        captured=True,
        created=account.clock(),
        currency=intent["currency"],
        customer=intent["customer"],
        description=intent["description"],
        disputed=False,
        livemode=False,
        metadata=intent["metadata"],
        paid=True,
        payment_intent=intent["id"],
        payment_method=method["id"],
        payment_method_details={"card": method["card"], "type": "card"},
        refunded=False,
        status="succeeded",
    )
    account.objects("charge")[taken["id"]] = taken
    return taken
