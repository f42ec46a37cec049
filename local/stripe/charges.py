"""What a payment left: its intent, its charge, and the payments of an invoice."""

from stripe import params

from local.stripe.account import Account, Document
from local.stripe.invoices import Ledger
from local.stripe.listing import created_within, newest_first, page
from local.stripe.parameters import supported
from local.stripe.payments import authenticated, invoice_of
from local.stripe.reports import Outbox
from local.stripe.routes import Call, Route

_PAGING = {"limit", "starting_after", "ending_before", "created", "expand"}


def retrieve_intent(call: Call) -> Document:
    """Return a payment intent."""
    supported(call.params, {"expand"})
    return call.account.get("payment_intent", call.ids["id"], "intent")


def update_intent(call: Call) -> Document:
    """Note where the receipt of a payment goes."""
    supported(call.params, {"receipt_email"})
    intent = call.account.get("payment_intent", call.ids["id"], "intent")
    intent |= call.params
    return intent


def retrieve_charge(call: Call) -> Document:
    """Return a charge."""
    supported(call.params, {"expand"})
    return call.account.get("charge", call.ids["id"])


def list_of_invoices(call: Call) -> Document:
    """List payments of invoices, newest first: of an invoice, of an intent, of a status."""
    supported(call.params, _PAGING | {"invoice", "payment", "status"})
    payment = call.params.get("payment", {})
    supported(payment, {"type", "payment_intent"})
    wanted = {name: call.params[name] for name in ("invoice", "status") if name in call.params}
    found = [
        one
        for one in call.account.objects("invoice_payment").values()
        if all(one[name] == value for name, value in wanted.items())
        and payment.get("payment_intent") in (None, one["payment"]["payment_intent"])
        and created_within(one, call.params.get("created"))
    ]
    return page(newest_first(found), call.params, "/v1/invoice_payments")


def retrieve_of_invoice(call: Call) -> Document:
    """Return a payment of an invoice."""
    supported(call.params, {"expand"})
    return call.account.get("invoice_payment", call.ids["id"])


def authenticate(account: Account, outbox: Outbox, base: str, intent_id: str) -> Document:
    """Let the owner of a card pass 3-D Secure: the payment succeeds and its invoice is paid."""
    intent = authenticated(account, intent_id, outbox).intent
    invoice_id = invoice_of(account, intent_id)
    if invoice_id is not None:
        Ledger(account, outbox, base).pay(invoice_id)
    return intent


ROUTES = [
    Route("GET", "/v1/payment_intents/{id}", retrieve_intent, params.PaymentIntentRetrieveParams),
    Route("POST", "/v1/payment_intents/{id}", update_intent, params.PaymentIntentUpdateParams),
    Route("GET", "/v1/charges/{id}", retrieve_charge, params.ChargeRetrieveParams),
    Route("GET", "/v1/invoice_payments", list_of_invoices, params.InvoicePaymentListParams),
    Route(
        "GET",
        "/v1/invoice_payments/{id}",
        retrieve_of_invoice,
        params.InvoicePaymentRetrieveParams,
    ),
]
