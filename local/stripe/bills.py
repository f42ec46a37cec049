"""Making invoices: their blank form, their lines, and what they come to while they are drafts."""

from decimal import Decimal
from typing import Any, NamedTuple

import stripe

from local.stripe import discounts
from local.stripe.account import Document, new_id
from local.stripe.amounts import Totals, totals
from local.stripe.drafting import BLANK, sums_of
from local.stripe.invoices import DRAFT, Ledger, shown
from local.stripe.objects import made
from local.stripe.shop import Shop

CHARGE, SEND = "charge_automatically", "send_invoice"


class Origin(NamedTuple):
    """Why there is an invoice: the reason as Stripe names it, and the subscription it is for."""

    reason: str = "manual"
    subscription: Document | None = None


def blank(shop: Shop, customer: Document, currency: str, origin: Origin, **fields: Any) -> Document:
    """Return a draft without lines; it is not kept yet."""
    now = shop.now()
    unpaid = {"amount_due": 0, "amount_remaining": 0, "subtotal": 0, "total": 0}
    return {
        **made(stripe.Invoice, **BLANK, **unpaid),
        "id": new_id("in_"),
        "billing_reason": origin.reason,
        "collection_method": CHARGE,
        "created": now,
        "currency": currency,
        "customer": customer["id"],
        "customer_email": customer.get("email"),
        "customer_name": customer.get("name"),
        "discounts": [],
        "lines": [],
        "metadata": {},
        "parent": _parent(origin.subscription),
        "period_start": now,
        "period_end": now,
        **fields,
    }


def keep(shop: Shop, invoice: Document) -> Document:
    """Keep a draft with the lines that it has and report it; return it as it is kept."""
    recount(shop, invoice)
    Ledger(shop.account, shop.outbox, shop.base).add(invoice)
    return shop.account.get("invoice", invoice["id"])


def changed(shop: Shop, kept: Document, changes: Document) -> Document:
    """Change a draft, count it again, and report the update."""
    before = shown(kept, shop.base)
    kept.update(changes)
    if kept["status"] == DRAFT:
        recount(shop, kept)
    after = shown(kept, shop.base)
    previous = {name: value for name, value in before.items() if after[name] != value}
    if previous:
        shop.outbox.report("invoice.updated", after, previous)
    return after


def recount(shop: Shop, invoice: Document) -> None:
    """Work out discounts and totals of a draft from its lines."""
    lines = invoice["lines"]
    coupons = [discounts.coupon(shop, one) for one in invoice["discounts"]]
    eligible = [[_is_for(coupon, line) for line in lines] for coupon in coupons]
    tax = Decimal(invoice.get("_tax", 0))
    sums = totals([line["amount"] for line in lines], coupons, tax, eligible)
    belongs = {"invoice": invoice["id"]}
    invoice["lines"] = [
        {**line, "discount_amounts": _shares(sums, invoice["discounts"], place), **belongs}
        for place, line in enumerate(lines)
    ]
    start = shop.account.get("customer", invoice["customer"]).get("balance", 0)
    due = max(0, sums.total + start)
    used = zip(invoice["discounts"], sums.discounts, strict=True)
    invoice |= sums_of(sums) | {"starting_balance": start}
    invoice |= {"amount_due": due, "amount_remaining": due}
    invoice["total_discount_amounts"] = [{"amount": off, "discount": one} for one, off in used]


def line(
    amount: int, price: Document | None, quantity: int, parent: Document, **fields: Any
) -> Document:
    """Return a line of an invoice; `fields` at least currency and period."""
    return made(
        stripe.InvoiceLineItem,
        **{
            "id": new_id("il_"),
            "object": "line_item",
            "amount": amount,
            "discount_amounts": [],
            "discountable": True,
            "discounts": [],
            "livemode": False,
            "metadata": {},
            "parent": parent,
            "pretax_credit_amounts": [],
            "pricing": pricing(price),
            "quantity": quantity,
            "quantity_decimal": str(quantity),
            "subtotal": amount,
            "taxes": [],
            **fields,
        },
    )


def pricing(price: Document | None) -> Document | None:
    """Return what a line or an item says about its price."""
    if price is None:
        return None
    return {
        "price_details": {"price": price["id"], "product": price["product"]},
        "type": "price_details",
        "unit_amount_decimal": price["unit_amount_decimal"],
    }


def _parent(subscription: Document | None) -> Document | None:
    if subscription is None:
        return None
    details = {
        "metadata": dict(subscription["metadata"]),
        "subscription": subscription["id"],
        "subscription_proration_date": None,
    }
    return {
        "quote_details": None,
        "subscription_details": details,
        "type": "subscription_details",
    }


def _is_for(coupon: Document, line: Document) -> bool:
    """Whether a coupon takes off a line."""
    if not line["discountable"]:
        return False
    products = (coupon.get("applies_to") or {}).get("products")
    if products is None:
        return True
    details = (line["pricing"] or {}).get("price_details") or {}
    return details.get("product") in products


def _shares(sums: Totals, ids: list[str], place: int) -> list[Document]:
    shares = zip(ids, sums.shares, strict=True)
    return [{"amount": share[place], "discount": one} for one, share in shares]
