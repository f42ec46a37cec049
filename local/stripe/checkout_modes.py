"""What paying makes of a session: a subscription, a payment with or without invoice, a card."""

from typing import Any

from local.stripe import (
    bills,
    charges,
    collecting,
    coupons,
    discounts,
    invoiceitems,
    payment_methods,
    payments,
    subscriptions,
)
from local.stripe.account import Document
from local.stripe.checkout import asked_discounts, due_now
from local.stripe.checkout_lines import order, sellable
from local.stripe.failures import Refused
from local.stripe.invoices import Ledger
from local.stripe.payments import Outcome, charge
from local.stripe.shop import Shop


def subscribe(shop: Shop, session: Document, customer: Document, method: Document | None) -> None:
    """Start the subscription, with the card as its default one."""
    lines = [line for line in session["_lines"] if line["quantity"]]
    params = {
        **session["_subscription_data"],
        **_items(shop, lines),
        "customer": customer["id"],
        "discounts": asked_discounts(session),
        "payment_behavior": "allow_incomplete",
    }
    if method is not None:
        payment_methods.attached(shop.account, shop.outbox, method["id"], customer["id"])
        params["default_payment_method"] = method["id"]
    with sellable(shop.account, lines):
        kept = subscriptions.begin(shop, params)
    invoice_id = kept["latest_invoice"]
    if kept["status"] == "incomplete":
        _authenticate(shop, payments.payments_of(shop.account, invoice_id)[-1])
    paid = "paid" if due_now(session) else "no_payment_required"
    session |= {"subscription": kept["id"], "invoice": invoice_id, "payment_status": paid}


def _items(shop: Shop, lines: list[Document]) -> dict[str, Any]:
    """The lines as a subscription's items, and what is charged once with its first invoice."""
    items: list[dict[str, Any]] = []
    extras: list[dict[str, Any]] = []
    for line in lines:
        price = shop.account.get("price", line["price"])
        item = {"price": line["price"], "quantity": line["quantity"], "metadata": line["metadata"]}
        (extras if price["recurring"] is None else items).append(item)
    return {"items": items} | ({"add_invoice_items": extras} if extras else {})


def _authenticate(shop: Shop, payment: Document) -> None:
    intent = shop.account.get("payment_intent", payment["payment"]["payment_intent"])
    if intent["status"] != "requires_action":
        raise payments.refused_card(intent)
    charges.authenticate(shop.account, shop.outbox, shop.base, intent["id"])


def charge_once(shop: Shop, session: Document, customer: Document, method: Document | None) -> None:
    """Take the money at once, by an invoice if the session makes one."""
    if method is None:
        raise Refused("A payment needs a card.", param="card")
    data = session["_payment_intent_data"]
    if "setup_future_usage" in data:
        payment_methods.attached(shop.account, shop.outbox, method["id"], customer["id"])
    if session["invoice_creation"]["enabled"]:
        intent_id = _invoice(shop, session, customer, method)
    else:
        intent_id = _pay(shop, session, customer, method).intent["id"]
    intent = shop.account.get("payment_intent", intent_id)
    intent |= {"description": data.get("description", intent["description"])}
    intent["metadata"] = {**intent["metadata"], **data.get("metadata", {})}
    intent["setup_future_usage"] = data.get("setup_future_usage")
    session |= {"payment_intent": intent_id, "payment_status": "paid"}


def _pay(shop: Shop, session: Document, customer: Document, method: Document) -> Outcome:
    outcome = charge(
        shop.account,
        customer["id"],
        method["id"],
        due_now(session),
        currency=session["currency"],
        outbox=shop.outbox,
    )
    if outcome.status == "requires_action":
        outcome = payments.authenticated(shop.account, outcome.intent["id"], shop.outbox)
    if outcome.status != "paid":
        raise outcome.refusal()
    for one in asked_discounts(session):
        coupon = order(shop.account, session).offs[0].coupon
        coupons.redeemed(shop.account, coupon["id"], one.get("promotion_code"))
    return outcome


def _invoice(shop: Shop, session: Document, customer: Document, method: Document) -> str:
    """Bill the lines with an invoice, have it paid, and return the id of the intent."""
    data = session["invoice_creation"]["invoice_data"]
    lines = [line for line in session["_lines"] if line["quantity"]]
    invoice = bills.blank(shop, customer, session["currency"], bills.Origin())
    owner = ("invoice", invoice)
    asked = discounts.given(shop, asked_discounts(session), owner, currency=session["currency"])
    invoice |= {"description": data["description"], "metadata": data["metadata"]}
    invoice["discounts"] = asked
    with sellable(shop.account, lines):
        items = [invoiceitems.new(shop, customer["id"], _item(line), None) for line in lines]
    for item in items:
        invoiceitems.keep(shop, item)
        item["invoice"] = invoice["id"]
        shop.report("invoiceitem.created", item)
    invoiceitems.put(invoice, items)
    kept = bills.keep(shop, invoice)
    Ledger(shop.account, shop.outbox, shop.base).finalize(kept["id"])
    session["invoice"] = kept["id"]
    outcome = collecting.attempt(shop, kept, method["id"])
    paid_by = payments.payments_of(shop.account, kept["id"])[-1]
    if outcome.status != "paid":
        _authenticate(shop, paid_by)
    return str(paid_by["payment"]["payment_intent"])


def _item(line: Document) -> dict[str, Any]:
    price = {"price": line["price"]}
    return {"pricing": price, "quantity": line["quantity"], "metadata": line["metadata"]}


def save_card(shop: Shop, session: Document, customer: Document, method: Document | None) -> None:
    """Keep the card for later."""
    if method is None:
        raise Refused("There is no card to save.", param="card")
    intent_id = session["setup_intent"]
    payment_methods.finish_setup(shop.account, shop.outbox, intent_id, method["id"], customer["id"])


#: How each mode of a session is performed; a failure is a `Refused`.
MODES = {"payment": charge_once, "setup": save_card, "subscription": subscribe}
