"""Invoice items: what is billed besides a subscription's prices, also less than nothing."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import stripe
from stripe import params

from local.stripe import bills, prices
from local.stripe.account import Document, new_id
from local.stripe.coupons import merged
from local.stripe.failures import Refused, missing
from local.stripe.invoices import DRAFT
from local.stripe.listing import created_within, newest_first, page
from local.stripe.objects import made
from local.stripe.parameters import supported
from local.stripe.routes import Call, Route
from local.stripe.shop import Shop
from local.stripe.standing import ENDED, subscription_of

_PRICED = {"amount", "price_data", "pricing", "unit_amount_decimal"}
_CREATED = _PRICED | {
    *("currency", "customer", "description", "discountable", "invoice", "metadata"),
    *("period", "quantity", "subscription", "expand"),
}


def create(call: Call) -> Document:
    """Create an item on a draft, or one that waits for the next invoice."""
    given = call.params
    supported(given, _CREATED)
    if "customer" not in given:
        message = "Missing required param: customer."
        raise Refused(message, code="parameter_missing", param="customer")
    invoice = _draft(call, given)
    item = new(call.shop, given["customer"], given, _subscription(call, given, invoice))
    if invoice is not None and invoice["currency"] != item["currency"]:
        message = f"The invoice is in {invoice['currency']}, the item in {item['currency']}."
        raise Refused(message, param="currency")
    keep(call.shop, item)
    if invoice is not None:
        item["invoice"] = invoice["id"]
    call.shop.report("invoiceitem.created", item)
    if invoice is not None:
        lines = [*invoice["lines"], line(item)]
        bills.changed(call.shop, invoice, {"lines": lines})
    return item


def retrieve(call: Call) -> Document:
    """Return an item."""
    supported(call.params, {"expand"})
    return call.account.get("invoiceitem", call.ids["id"])


def delete(call: Call) -> Document:
    """Delete an item that is not on a final invoice."""
    item = call.account.get("invoiceitem", call.ids["id"])
    if item["invoice"] is not None:
        invoice = call.account.get("invoice", item["invoice"])
        _refuse_final(invoice)
        lines = [one for one in invoice["lines"] if _item_of(one) != item["id"]]
        bills.changed(call.shop, invoice, {"lines": lines})
    del call.account.objects("invoiceitem")[item["id"]]
    call.shop.report("invoiceitem.deleted", item)
    return {"id": item["id"], "object": "invoiceitem", "deleted": True}


def list_(call: Call) -> Document:
    """List items, newest first: of a customer, of an invoice, waiting or not."""
    given = call.params
    same = {"customer", "invoice"}
    paging = {"created", "limit", "starting_after", "ending_before", "expand"}
    supported(given, same | paging | {"pending"})
    pending = given.get("pending")
    found = [
        one
        for one in call.account.objects("invoiceitem").values()
        if all(one[name] == given[name] for name in same & given.keys())
        and pending in (None, one["invoice"] is None)
        and created_within({"created": one["date"]}, given.get("created"))
    ]
    aged = newest_first([{**one, "created": one["date"]} for one in found])
    whole = [call.account.get("invoiceitem", one["id"]) for one in aged]
    return page(whole, given, "/v1/invoiceitems")


def new(shop: Shop, customer_id: str, given: dict[str, Any], subscription: str | None) -> Document:
    """Return an item that is not kept yet. Errors: `Refused`."""
    if shop.account.get("customer", customer_id, "customer").get("deleted"):
        raise missing("customer", customer_id, "customer")
    now = shop.now()
    period = given.get("period") or {"start": now, "end": now}
    if period["end"] < period["start"]:
        raise Refused("The period ends before it begins.", param="period[end]")
    amount, currency, price = _priced(shop, given)
    quantity = given.get("quantity", 1)
    item = made(
        stripe.InvoiceItem,
        id=new_id("ii_"),
        object="invoiceitem",
        amount=amount,
        currency=currency,
        customer=customer_id,
        date=now,
        description=given.get("description") or _name(shop, price),
        discountable=given.get("discountable", amount >= 0),
        discounts=[],
        livemode=False,
        metadata=merged(None, given.get("metadata", {})),
        net_amount=amount,
        parent=_parent(subscription),
        period={"start": period["start"], "end": period["end"]},
        pricing=bills.pricing(price),
        proration=False,
        quantity=quantity,
        quantity_decimal=str(quantity),
        tax_rates=[],
    )
    if price is None and "unit_amount_decimal" in given:
        each = str(given["unit_amount_decimal"])
        item["pricing"] = {"price_details": None, "type": "price_details"}
        item["pricing"]["unit_amount_decimal"] = each
    return item


def keep(shop: Shop, item: Document) -> Document:
    """Keep an item."""
    return shop.add("invoiceitem", item)


def line(item: Document) -> Document:
    """Return the line of an invoice that an item becomes."""
    details = {
        "invoice_item": item["id"],
        "proration": False,
        "proration_details": {"credited_items": None},
        "subscription": _subscription_of(item),
    }
    parent = {
        "invoice_item_details": details,
        "subscription_item_details": None,
        "type": "invoice_item_details",
    }
    same = ("currency", "description", "discountable", "metadata", "period", "pricing")
    fields = {name: item[name] for name in same}
    return bills.line(item["amount"], None, item["quantity"], parent, **fields)


def take_pending(
    shop: Shop, customer_id: str, currency: str, subscription: str | None
) -> list[Document]:
    """Return the customer's items that wait for an invoice of this subscription, or of none."""
    return [
        one
        for one in shop.account.objects("invoiceitem").values()
        if one["invoice"] is None
        and (one["customer"], one["currency"]) == (customer_id, currency)
        and _subscription_of(one) in (None, subscription)
    ]


def put(invoice: Document, items: list[Document]) -> None:
    """Put items on a draft that is being made."""
    for item in items:
        item["invoice"] = invoice["id"]
        invoice["lines"].append(line(item))


def _priced(shop: Shop, given: dict[str, Any]) -> tuple[int, str, Document | None]:
    """What an item costs, in which currency, by which price."""
    if len(_PRICED & given.keys()) != 1:
        message = "You must pass one of amount, price_data, pricing or unit_amount_decimal."
        raise Refused(message, code="parameter_missing", param="amount")
    quantity = given.get("quantity", 1)
    if quantity < 0:
        raise Refused("Invalid non-negative integer: quantity", param="quantity")
    if "price_data" in given or "pricing" in given:
        price = _price(shop, given)
        if price["recurring"] is not None:
            message = f"The price {price['id']} is recurring; an item needs one of type one_time."
            raise Refused(message, param="price")
        return prices.cost(price, quantity), price["currency"], price
    if "currency" not in given or ("amount" in given and "quantity" in given):
        message = "An amount needs a currency and has no quantity."
        raise Refused(message, code="parameter_missing", param="currency")
    each = Decimal(given.get("amount", given.get("unit_amount_decimal", 0)))
    whole = (each * quantity).quantize(Decimal(1), ROUND_HALF_UP)
    return int(whole), given["currency"].lower(), None


def _price(shop: Shop, given: dict[str, Any]) -> Document:
    named = given.get("pricing", {})
    return prices.chosen(shop.account, named or {"price_data": given["price_data"]}, "pricing")


def _name(shop: Shop, price: Document | None) -> str | None:
    return None if price is None else shop.account.get("product", price["product"])["name"]


def _parent(subscription: str | None) -> Document | None:
    if subscription is None:
        return None
    details = {"subscription": subscription, "subscription_item": None}
    return {"subscription_details": details, "type": "subscription_details"}


def _subscription_of(item: Document) -> str | None:
    parent = item["parent"]
    return None if parent is None else str(parent["subscription_details"]["subscription"])


def _draft(call: Call, given: Document) -> Document | None:
    if "invoice" not in given:
        return None
    invoice = call.account.get("invoice", given["invoice"], "invoice")
    _refuse_final(invoice)
    if invoice["customer"] != given["customer"]:
        raise Refused("The invoice is another customer's.", param="invoice")
    return invoice


def _refuse_final(invoice: Document) -> None:
    if invoice["status"] != DRAFT:
        message = "This invoice is no longer editable: it is "
        raise Refused(message + invoice["status"], code="invoice_not_editable", param="invoice")


def _subscription(call: Call, given: Document, invoice: Document | None) -> str | None:
    if "subscription" not in given:
        return None if invoice is None else subscription_of(invoice)
    kept = call.account.get("subscription", given["subscription"], "subscription")
    if kept["customer"] != given["customer"] or kept["status"] in ENDED:
        message = "The subscription has ended or is another customer's."
        raise Refused(message, param="subscription")
    return str(kept["id"])


def _item_of(line: Document) -> str | None:
    details = line["parent"]["invoice_item_details"]
    return None if details is None else str(details["invoice_item"])


ROUTES = [
    Route("POST", "/v1/invoiceitems", create, params.InvoiceItemCreateParams),
    Route("GET", "/v1/invoiceitems", list_, params.InvoiceItemListParams),
    Route("GET", "/v1/invoiceitems/{id}", retrieve, params.InvoiceItemRetrieveParams),
    Route("DELETE", "/v1/invoiceitems/{id}", delete, params.InvoiceItemDeleteParams),
]
