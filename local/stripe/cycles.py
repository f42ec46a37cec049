"""The invoices that a subscription makes: for its start, its changes, each of its periods."""

from typing import Any

from local.stripe import bills, collecting, invoiceitems, prices, standing, subscription_items
from local.stripe.account import Document
from local.stripe.invoices import OPEN, Ledger
from local.stripe.parameters import supported
from local.stripe.payments import Outcome
from local.stripe.shop import Shop
from local.stripe.subscription_view import shown

HOUR, DAY = 3600, 86_400
_EXTRA = {"price", "price_data", "quantity", "metadata", "period", "discountable"}


def draft(shop: Shop, kept: Document, reason: str, lines: list[Document]) -> Document | None:
    """Return a draft with these lines and what waits for an invoice; None with neither.

    It is not kept yet: nobody has heard of it.
    """
    customer = shop.account.get("customer", kept["customer"])
    origin = bills.Origin(reason, kept)
    invoice = bills.blank(shop, customer, kept["currency"], origin)
    invoice |= {
        "auto_advance": True,
        "collection_method": kept["collection_method"],
        "default_payment_method": kept["default_payment_method"],
        "description": kept["description"],
        "discounts": [one for one in kept["discounts"] if not _is_over(shop, one)],
        "lines": list(lines),
    }
    if kept["collection_method"] == bills.SEND:
        days = kept["days_until_due"]
        invoice |= {"due_date": invoice["created"] + days * DAY, "_days": days}
    waiting = invoiceitems.take_pending(shop, kept["customer"], kept["currency"], kept["id"])
    if not lines and not waiting:
        return None
    invoiceitems.put(invoice, waiting)
    bills.recount(shop, invoice)
    return invoice


def keep(shop: Shop, kept: Document, invoice: Document) -> Document:
    """Keep a draft as the subscription's latest invoice."""
    kept["latest_invoice"] = invoice["id"]
    return bills.keep(shop, invoice)


def settle(
    shop: Shop, kept: Document, invoice: Document, *, behavior: str, wait: int = HOUR
) -> Outcome | None:
    """Make an invoice final and collect it at once; None when nothing was to be collected.

    One that is sent instead of charged stays a draft for an hour, as Stripe has it.
    """
    if kept["collection_method"] == bills.SEND:
        invoice["automatically_finalizes_at"] = shop.now() + wait
        return None
    Ledger(shop.account, shop.outbox, shop.base).finalize(invoice["id"])
    if invoice["status"] != OPEN or behavior == "default_incomplete":
        return None
    outcome = collecting.attempt(shop, invoice)
    if outcome.status != "paid" and behavior == "error_if_incomplete":
        raise outcome.refusal("subscription_payment_intent_requires_action")
    return outcome


def renew(shop: Shop, kept: Document, wait: int) -> None:
    """Begin the next period of all items whose period has ended, and draft its invoice.

    `wait`: seconds until the draft is made final.
    """
    now = shop.now()
    due = [item for item in kept["items"] if item["current_period_end"] <= now]
    since = min(item["current_period_start"] for item in due)
    items = [dict(item) for item in kept["items"]]
    for item in items:
        if item["current_period_end"] <= now:
            subscription_items.renew(item)
    changes: Document = {"items": items}
    if kept["status"] == standing.TRIALING:
        if _stops_without_card(shop, kept):
            return
        changes["status"] = standing.ACTIVE
    renewed = {item["id"] for item in due}
    lines = [line(shop, kept, item) for item in items if item["id"] in renewed]
    invoice = draft(shop, kept, "subscription_cycle", lines)
    standing.changed(shop, kept, changes | ({"latest_invoice": invoice["id"]} if invoice else {}))
    if invoice is not None:
        invoice |= {"period_start": since, "period_end": now}
        invoice["automatically_finalizes_at"] = now + wait
        keep(shop, kept, invoice)


def finish(shop: Shop, invoice: Document) -> None:
    """Make a draft final whose hour has passed, and collect it."""
    Ledger(shop.account, shop.outbox, shop.base).finalize(invoice["id"])
    if invoice["status"] == OPEN and invoice["collection_method"] == bills.CHARGE:
        collecting.attempt(shop, invoice)


def tell_trial_end(shop: Shop, kept: Document) -> None:
    """Warn that a trial ends soon."""
    kept["_told"] = kept["trial_end"]
    shop.report("customer.subscription.trial_will_end", kept, shown)


def _stops_without_card(shop: Shop, kept: Document) -> bool:
    """End or pause a subscription whose trial ends without a card, if it says so."""
    behavior = kept["trial_settings"]["end_behavior"]["missing_payment_method"]
    card = kept["default_payment_method"] or collecting.customers_method(shop, kept["customer"])
    if card is not None or behavior == "create_invoice":
        return False
    if behavior == "cancel":
        standing.end(shop, kept, "cancellation_requested")
    else:
        kept["status"] = standing.PAUSED
        shop.report("customer.subscription.paused", kept, shown)
    return True


def _is_over(shop: Shop, discount_id: str) -> bool:
    end = shop.account.get("discount", discount_id)["end"]
    return end is not None and end <= shop.now()


def line(shop: Shop, kept: Document, item: Document, *, free: bool = False) -> Document:
    """Return the line for the period that an item is in; `free` while it is tried."""
    name = subscription_items.name(shop.account, item)
    details = {
        "invoice_item": None,
        "proration": False,
        "proration_details": {"credited_items": None},
        "subscription": kept["id"],
        "subscription_item": item["id"],
    }
    parent = {
        "invoice_item_details": None,
        "subscription_item_details": details,
        "type": "subscription_item_details",
    }
    return bills.line(
        0 if free else prices.cost(item["price"], item["quantity"]),
        item["price"],
        item["quantity"],
        parent,
        currency=kept["currency"],
        description=f"Trial period for {name}" if free else name,
        metadata=dict(item["metadata"]),
        period={"start": item["current_period_start"], "end": item["current_period_end"]},
    )


def add_extras(shop: Shop, kept: Document, asked: list[dict[str, Any]]) -> None:
    """Keep the items that a call adds to the next invoice of a subscription."""
    for one in asked:
        supported(one, _EXTRA)
        given = {name: value for name, value in one.items() if name not in {"price", "period"}}
        if "price" in one:
            given["pricing"] = {"price": one["price"]}
        given["period"] = _period(shop, kept, one.get("period", {}))
        item = invoiceitems.new(shop, kept["customer"], given, kept["id"])
        shop.report("invoiceitem.created", invoiceitems.keep(shop, item))


def _period(shop: Shop, kept: Document, given: dict[str, Any]) -> Document:
    start = given.get("start", {"type": "max_item_period_start"})
    end = given.get("end", {"type": "min_item_period_end"})
    known = {
        "max_item_period_start": max(item["current_period_start"] for item in kept["items"]),
        "min_item_period_end": min(item["current_period_end"] for item in kept["items"]),
        "now": shop.now(),
    }
    return {
        "start": start.get("timestamp", known.get(start["type"])),
        "end": end.get("timestamp", known.get(end["type"])),
    }
