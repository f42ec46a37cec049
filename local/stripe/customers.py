"""Customers: create, retrieve, update, delete, list."""

import copy
import secrets
import string

import stripe
from stripe import params

from local.stripe import standing
from local.stripe.account import Account, Document, new_id
from local.stripe.failures import Refused, missing
from local.stripe.listing import created_within, newest_first, page
from local.stripe.objects import made
from local.stripe.parameters import supported
from local.stripe.payment_methods import attached
from local.stripe.routes import Call, Route
from local.stripe.shop import Shop

_CAPITALS = string.ascii_uppercase + string.digits
#: Parameters that are stored as they come, an empty text as null.
_PLAIN = {"address", "description", "email", "name", "phone", "preferred_locales", "shipping"}
_CHANGED = _PLAIN | {"metadata", "balance", "invoice_settings", "expand"}
_DEFAULT_CARD = "invoice_settings[default_payment_method]"
_LONGEST_EMAIL = 512


def create(call: Call) -> Document:
    """Create a customer."""
    supported(call.params, _CHANGED | {"payment_method"})
    customer = _blank(call.account)
    _apply(customer, call.params)
    call.account.objects("customer")[customer["id"]] = customer
    customer["invoice_settings"]["default_payment_method"] = _give_card(call, customer)
    call.outbox.report("customer.created", customer)
    return customer


def new(shop: Shop, given: Document) -> Document:
    """Create a customer without a card, as Checkout does."""
    customer = _blank(shop.account)
    _apply(customer, given)
    shop.add("customer", customer)
    shop.report("customer.created", customer)
    return customer


def retrieve(call: Call) -> Document:
    """Return a customer, or the trace of a deleted one."""
    return call.account.get("customer", call.ids["id"])


def update(call: Call) -> Document:
    """Change a customer."""
    supported(call.params, _CHANGED)
    customer = _living(call)
    before = copy.deepcopy(customer)
    card = _default_card(call, customer)
    _apply(customer, call.params)
    customer["invoice_settings"]["default_payment_method"] = card
    changed = {name: value for name, value in before.items() if customer[name] != value}
    if changed:
        call.outbox.report("customer.updated", customer, changed)
    return customer


def delete(call: Call) -> Document:
    """Delete a customer and end its subscriptions; only a trace can be retrieved afterwards."""
    customer = _living(call)
    standing.end_all(call.shop, customer["id"])
    call.outbox.report("customer.deleted", customer)
    trace = {"id": customer["id"], "object": "customer", "deleted": True}
    call.account.objects("customer")[customer["id"]] = trace
    return trace


def list_(call: Call) -> Document:
    """List customers, newest first."""
    supported(
        call.params, {"email", "created", "limit", "starting_after", "ending_before", "expand"}
    )
    wanted = call.params.get("email")
    found = [
        one
        for one in call.account.objects("customer").values()
        if not one.get("deleted")
        and created_within(one, call.params.get("created"))
        and wanted in (None, one["email"])
    ]
    return page(newest_first(found), call.params, "/v1/customers")


def _blank(account: Account) -> Document:
    return made(
        stripe.Customer,
        id=new_id("cus_", 14),
        object="customer",
        balance=0,
        created=account.clock(),
        delinquent=False,
        invoice_prefix="".join(secrets.choice(_CAPITALS) for _ in range(8)),
        invoice_settings={
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        livemode=False,
        metadata={},
        next_invoice_sequence=1,
        preferred_locales=[],
        tax_exempt="none",
    )


def _living(call: Call) -> Document:
    customer = call.account.get("customer", call.ids["id"])
    if customer.get("deleted"):
        raise missing("customer", call.ids["id"])
    return customer


def _apply(customer: Document, given: Document) -> None:
    email = given.get("email")
    if email and ("@" not in email or len(email) > _LONGEST_EMAIL):
        raise Refused(f"Invalid email address: {email}", code="email_invalid", param="email")
    for name in _PLAIN & given.keys():
        customer[name] = given[name] or None
    if "balance" in given:
        customer["balance"] = given["balance"]
    if "metadata" in given:
        merged = {**customer["metadata"], **given["metadata"]} if given["metadata"] else {}
        customer["metadata"] = {name: text for name, text in merged.items() if text}


def _give_card(call: Call, customer: Document) -> str | None:
    """Attach the card that a new customer comes with; return the card that pays invoices.

    Of a customer that is refused its card nothing is left.
    """
    try:
        given = call.params.get("payment_method")
        if given is None:
            return _default_card(call, customer)
        method = attached(call.account, call.outbox, given, customer["id"])
        return _default_card(call, customer, {given: method["id"]})
    except Refused:
        del call.account.objects("customer")[customer["id"]]
        raise


def _default_card(
    call: Call, customer: Document, renamed: dict[str, str] | None = None
) -> str | None:
    """The card that pays invoices from now on: one that is the customer's."""
    given = call.params.get("invoice_settings", {})
    supported(given, {"default_payment_method"})
    wanted: str | None = customer["invoice_settings"]["default_payment_method"]
    if "default_payment_method" not in given:
        return wanted
    wanted = given["default_payment_method"] or None
    if wanted is None:
        return None
    wanted = (renamed or {}).get(wanted, wanted)
    method = call.account.get("payment_method", wanted, _DEFAULT_CARD)
    if method["customer"] != customer["id"]:
        message = f"The customer does not have a payment method with the ID {wanted}."
        advice = " The payment method must be attached to the customer."
        raise Refused(message + advice, code="resource_missing", param=_DEFAULT_CARD)
    return wanted


ROUTES = [
    Route("POST", "/v1/customers", create, params.CustomerCreateParams),
    Route("GET", "/v1/customers", list_, params.CustomerListParams),
    Route("GET", "/v1/customers/{id}", retrieve, params.CustomerRetrieveParams),
    Route("POST", "/v1/customers/{id}", update, params.CustomerUpdateParams),
    Route("DELETE", "/v1/customers/{id}", delete, params.CustomerDeleteParams),
]
