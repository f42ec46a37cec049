"""Invoices by API: draft, change, finalize, pay, void, delete."""

from typing import Any

from stripe import params

from local.stripe import bills, collecting, discounts, invoiceitems
from local.stripe.account import Document
from local.stripe.coupons import merged
from local.stripe.failures import Refused, missing
from local.stripe.invoices import DRAFT, OPEN, PAID, Ledger, shown
from local.stripe.parameters import supported
from local.stripe.routes import Call, Route
from local.stripe.standing import ENDED

_DAY, _HOUR = 86_400, 3600
_PLAIN = {"auto_advance", "collection_method", "default_payment_method", "description"}
_CHANGED = _PLAIN | {"days_until_due", "due_date", "discounts", "metadata", "expand"}
_CREATED = _CHANGED | {"customer", "currency", "pending_invoice_items_behavior", "subscription"}
#: What may still change when an invoice is final.
_LATER = {"auto_advance", "default_payment_method", "description", "metadata", "expand"}


def create(call: Call) -> Document:
    """Create a draft, with the customer's waiting items if it is told to."""
    given = call.params
    supported(given, _CREATED)
    subscription = _subscription(call)
    customer = _customer(call, subscription)
    currency = subscription["currency"] if subscription else given.get("currency")
    currency = (currency or customer.get("currency") or "usd").lower()
    invoice = bills.blank(call.shop, customer, currency, bills.Origin("manual", subscription))
    invoice |= _given(call, invoice)
    if "discounts" not in given and subscription is not None:
        invoice["discounts"] = list(subscription["discounts"])
    if given.get("pending_invoice_items_behavior", "exclude") == "include":
        of = None if subscription is None else subscription["id"]
        waiting = invoiceitems.take_pending(call.shop, customer["id"], currency, of)
        invoiceitems.put(invoice, waiting)
    return shown(bills.keep(call.shop, invoice), call.base)


def update(call: Call) -> Document:
    """Change a draft, or the little that may change afterwards."""
    supported(call.params, _CHANGED)
    kept = call.account.get("invoice", call.ids["id"])
    if kept["status"] != DRAFT and call.params.keys() - _LATER:
        message = "This invoice is no longer editable: it is "
        raise Refused(message + kept["status"], code="invoice_not_editable")
    return bills.changed(call.shop, kept, _given(call, kept))


def finalize(call: Call) -> Document:
    """Make a draft final; with nothing to pay it is paid at once."""
    supported(call.params, {"auto_advance", "expand"})
    kept = call.account.get("invoice", call.ids["id"])
    advance = bool(call.params.get("auto_advance", kept["auto_advance"]))
    final = _ledger(call).finalize(kept["id"], auto_advance=advance)
    if advance and kept["status"] == OPEN and kept["collection_method"] == bills.CHARGE:
        kept["next_payment_attempt"] = call.account.clock() + _HOUR
        final = shown(kept, call.base)
    return final


def pay(call: Call) -> Document:
    """Collect now; a draft becomes final first. Errors: 402 when the card does not pay."""
    given = call.params
    supported(given, {"payment_method", "off_session", "paid_out_of_band", "expand"})
    kept = call.account.get("invoice", call.ids["id"])
    if kept["status"] not in {DRAFT, OPEN}:
        code = "invoice_already_paid" if kept["status"] == PAID else "invoice_not_editable"
        raise Refused(f"Invoice is already {kept['status']}", code=code)
    if kept["status"] == DRAFT:
        _ledger(call).finalize(kept["id"], auto_advance=kept["auto_advance"])
    if kept["status"] == PAID:
        return shown(kept, call.base)
    if given.get("paid_out_of_band"):
        return _ledger(call).pay(kept["id"], out_of_band=True)
    _charge(call, kept)
    return shown(kept, call.base)


def void(call: Call) -> Document:
    """Take a final invoice back."""
    supported(call.params, {"expand"})
    return _ledger(call).void(call.ids["id"])


def _charge(call: Call, kept: Document) -> None:
    given = call.params
    method = given.get("payment_method") or collecting.default_method(call.shop, kept)
    if method is None:
        message = "There is no default_payment_method set on this Customer or Invoice. "
        raise Refused(message + "Please set either one or pass a payment_method.")
    outcome = collecting.attempt(call.shop, kept, method)
    if outcome.status != "paid":
        raise outcome.refusal()


def delete(call: Call) -> Document:
    """Delete a draft that no subscription made, with its items."""
    kept = call.account.get("invoice", call.ids["id"])
    if kept["billing_reason"] != "manual":
        raise Refused("Invoices of subscriptions can't be deleted; void them.")
    trace = _ledger(call).delete(kept["id"])
    items = call.account.objects("invoiceitem")
    for item_id in [name for name, item in items.items() if item["invoice"] == kept["id"]]:
        del items[item_id]
    return trace


def _ledger(call: Call) -> Ledger:
    return Ledger(call.account, call.outbox, call.base)


def _customer(call: Call, subscription: Document | None) -> Document:
    customer_id = call.params.get("customer", subscription and subscription["customer"])
    if customer_id is None:
        message = "Missing required param: customer."
        raise Refused(message, code="parameter_missing", param="customer")
    customer = call.account.get("customer", customer_id, "customer")
    if customer.get("deleted"):
        raise missing("customer", customer_id, "customer")
    if subscription is not None and subscription["customer"] != customer_id:
        raise Refused("The subscription is another customer's.", param="subscription")
    return customer


def _subscription(call: Call) -> Document | None:
    if "subscription" not in call.params:
        return None
    kept = call.account.get("subscription", call.params["subscription"], "subscription")
    if kept["status"] in ENDED:
        raise Refused("The subscription has ended.", param="subscription")
    return kept


def _given(call: Call, invoice: Document) -> dict[str, Any]:
    """Return what a call changes of an invoice."""
    given = call.params
    changes: dict[str, Any] = {name: given[name] for name in _PLAIN & given.keys()}
    method = changes.get("collection_method", invoice["collection_method"])
    if method not in {bills.CHARGE, bills.SEND}:
        raise Refused("Invalid collection_method", param="collection_method")
    if "description" in changes:
        changes["description"] = changes["description"] or None
    if "metadata" in given:
        changes["metadata"] = merged(invoice["metadata"], given["metadata"])
    if "discounts" in given:
        owner, currency = ("invoice", invoice), invoice["currency"]
        asked = given["discounts"] or []
        changes["discounts"] = discounts.given(call.shop, asked, owner, currency=currency)
    if changes.get("auto_advance") and invoice["status"] == DRAFT:
        changes["automatically_finalizes_at"] = call.account.clock() + _HOUR
    return changes | _due(given, invoice, method)


def _due(given: Document, invoice: Document, method: str) -> dict[str, Any]:
    asked = {"days_until_due", "due_date"} & given.keys()
    if method == bills.CHARGE:
        if asked:
            message = "You can only specify a due date for invoices with send_invoice."
            raise Refused(message, param=min(asked))
        return {"due_date": None}
    if "due_date" in given:
        return {"due_date": given["due_date"], "_days": None}
    if "days_until_due" in given:
        days = given["days_until_due"]
        return {"due_date": invoice["created"] + days * _DAY, "_days": days}
    if invoice["due_date"] is None:
        message = "You must specify days_until_due or due_date for collection_method send_invoice."
        raise Refused(message, code="parameter_missing", param="days_until_due")
    return {}


ROUTES = [
    Route("POST", "/v1/invoices", create, params.InvoiceCreateParams),
    Route("POST", "/v1/invoices/{id}", update, params.InvoiceUpdateParams),
    Route("DELETE", "/v1/invoices/{id}", delete, params.InvoiceDeleteParams),
    Route("POST", "/v1/invoices/{id}/finalize", finalize, params.InvoiceFinalizeInvoiceParams),
    Route("POST", "/v1/invoices/{id}/pay", pay, params.InvoicePayParams),
    Route("POST", "/v1/invoices/{id}/void", void, params.InvoiceVoidInvoiceParams),
]
