"""Payment methods: attach a test card to a customer, detach, retrieve, list; setup intents."""

import stripe
from stripe import params

from local.stripe import cards
from local.stripe.account import Account, Document, new_id
from local.stripe.failures import Refused
from local.stripe.listing import newest_first, page
from local.stripe.objects import made
from local.stripe.parameters import supported
from local.stripe.reports import Outbox
from local.stripe.routes import Call, Route

_PAGING = {"limit", "starting_after", "ending_before", "expand", "type"}


def attach(call: Call) -> Document:
    """Give a card to a customer. Errors: 402 for a test card that can't be saved."""
    supported(call.params, {"customer", "expand"})
    if "customer" not in call.params:
        message = "Missing required param: customer."
        raise Refused(message, code="parameter_missing", param="customer")
    return attached(call.account, call.outbox, call.ids["id"], call.params["customer"])


def attached(account: Account, outbox: Outbox, method_id: str, customer_id: str) -> Document:
    """Give a card, or a new one of a test card's name, to a customer and return it."""
    customer = account.get("customer", customer_id, "customer")
    if customer.get("deleted"):
        raise Refused(f"No such customer: '{customer_id}'", code="resource_missing")
    method = cards.resolved(account, method_id)
    if method["customer"] == customer_id:
        return method
    if method["customer"] is not None:
        message = "The payment method you provided has already been attached to a customer."
        raise Refused(message, code="payment_method_unexpected_state")
    cards.refuse_unusable(method)
    method["customer"] = customer_id
    outbox.report("payment_method.attached", method)
    return method


def detach(call: Call) -> Document:
    """Take a card from its customer for good."""
    supported(call.params, {"expand"})
    method = call.account.get("payment_method", call.ids["id"], "payment_method")
    if method["customer"] is None:
        message = "The payment method you provided is not attached to a customer"
        raise Refused(f"{message} so detachment is impossible.")
    customer = call.account.get("customer", method["customer"])
    settings = customer.get("invoice_settings") or {}
    if settings.get("default_payment_method") == method["id"]:
        settings["default_payment_method"] = None
    before, method["customer"] = method["customer"], None
    call.outbox.report("payment_method.detached", method, {"customer": before})
    return method


def retrieve(call: Call) -> Document:
    """Return a payment method."""
    return call.account.get("payment_method", call.ids["id"], "payment_method")


def list_(call: Call) -> Document:
    """List the cards of a customer, newest first; without a customer there are none."""
    supported(call.params, _PAGING | {"customer"})
    return _listed(call, call.params.get("customer", ""), "/v1/payment_methods")


def list_of_customer(call: Call) -> Document:
    """List the cards of a customer, newest first."""
    supported(call.params, _PAGING)
    customer_id = call.ids["customer"]
    call.account.get("customer", customer_id, "customer")
    return _listed(call, customer_id, f"/v1/customers/{customer_id}/payment_methods")


def retrieve_of_customer(call: Call) -> Document:
    """Return a card if it is this customer's."""
    method = call.account.get("payment_method", call.ids["id"], "payment_method")
    if method["customer"] != call.ids["customer"]:
        message = f"No such payment method: '{method['id']}' of this customer"
        raise Refused(message, status=404, code="resource_missing", param="payment_method")
    return method


def new_setup(
    account: Account, outbox: Outbox, customer_id: str | None, given: Document
) -> Document:
    """Return a new setup intent that waits for a card; `given` has description and metadata."""
    intent_id = new_id("seti_")
    intent = made(
        stripe.SetupIntent,
        id=intent_id,
        object="setup_intent",
        client_secret=f"{intent_id}_secret_{new_id('', 25)}",
        created=account.clock(),
        customer=customer_id,
        description=given.get("description"),
        livemode=False,
        metadata=dict(given.get("metadata") or {}),
        payment_method_types=["card"],
        status="requires_payment_method",
        usage="off_session",
    )
    account.objects("setup_intent")[intent_id] = intent
    outbox.report("setup_intent.created", intent)
    return intent


def finish_setup(
    account: Account, outbox: Outbox, intent_id: str, method_id: str, customer_id: str
) -> Document:
    """Save a card for later with a setup intent; return the intent."""
    intent = account.get("setup_intent", intent_id)
    method = attached(account, outbox, method_id, customer_id)
    intent |= {"customer": customer_id, "payment_method": method["id"], "status": "succeeded"}
    outbox.report("setup_intent.succeeded", intent)
    return intent


def retrieve_setup(call: Call) -> Document:
    """Return a setup intent."""
    supported(call.params, {"expand"})
    return call.account.get("setup_intent", call.ids["id"], "intent")


def _listed(call: Call, customer_id: str, url: str) -> Document:
    found = [
        one
        for one in call.account.objects("payment_method").values()
        if one["customer"] == customer_id and call.params.get("type") in (None, one["type"])
    ]
    return page(newest_first(found), call.params, url)


ROUTES = [
    Route("GET", "/v1/payment_methods", list_, params.PaymentMethodListParams),
    Route("GET", "/v1/payment_methods/{id}", retrieve, params.PaymentMethodRetrieveParams),
    Route("POST", "/v1/payment_methods/{id}/attach", attach, params.PaymentMethodAttachParams),
    Route("POST", "/v1/payment_methods/{id}/detach", detach, params.PaymentMethodDetachParams),
    Route(
        "GET",
        "/v1/customers/{customer}/payment_methods",
        list_of_customer,
        params.CustomerPaymentMethodListParams,
    ),
    Route(
        "GET",
        "/v1/customers/{customer}/payment_methods/{id}",
        retrieve_of_customer,
        params.CustomerPaymentMethodRetrieveParams,
    ),
    Route("GET", "/v1/setup_intents/{id}", retrieve_setup, params.SetupIntentRetrieveParams),
]
