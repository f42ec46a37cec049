"""What a Checkout session sells: its lines, what they come to, and what comes off."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, NamedTuple

import stripe

from local.stripe import coupons, prices
from local.stripe.account import Account, Document, new_id
from local.stripe.amounts import Totals, totals
from local.stripe.failures import Refused
from local.stripe.objects import made
from local.stripe.parameters import supported
from local.stripe.shop import Shop

_GIVEN = {"adjustable_quantity", "metadata", "price", "price_data", "quantity"}
_MOST_LINES, _MOST_QUANTITY, _USUAL_MAXIMUM = 100, 999_999, 99
_PRODUCT = {"description", "metadata", "name"}


class Off(NamedTuple):
    """What one discount takes off, in minor units, with its coupon."""

    coupon: Document
    amount: int


class Order(NamedTuple):
    """What a session comes to today; `lines` as Stripe shows them."""

    lines: list[Document]
    offs: list[Off]
    subtotal: int
    total: int


def new(shop: Shop, given: list[dict[str, Any]], mode: str) -> list[Document]:
    """Return the lines of a new session: id, price, quantity, bounds. Errors: `Refused`."""
    if not given or len(given) > _MOST_LINES:
        message = f"A session in {mode} mode needs 1 to {_MOST_LINES} line items."
        raise Refused(message, code="parameter_missing", param="line_items")
    lines = [_line(shop, one, f"line_items[{place}]") for place, one in enumerate(given)]
    sold = [shop.account.get("price", line["price"]) for line in lines]
    if len({price["currency"] for price in sold}) > 1:
        raise Refused("All line items need the same currency.", param="line_items")
    recurring = [price for price in sold if price["recurring"] is not None]
    if mode == "payment" and recurring:
        message = "You specified `payment` mode but passed a recurring price. "
        raise Refused(message + "Switch to `subscription` mode.", param="line_items")
    if mode == "subscription" and not recurring:
        message = "You must provide at least one recurring price in `subscription` mode."
        raise Refused(message, param="line_items")
    return lines


def order(account: Account, session: Document) -> Order:
    """Return what a session comes to as it stands."""
    lines = session["_lines"]
    sold = [account.get("price", line["price"]) for line in lines]
    amounts = [
        0 if session["_free"] and price["recurring"] else prices.cost(price, line["quantity"])
        for line, price in zip(lines, sold, strict=True)
    ]
    given = [coupon_of(account, one) for one in session["discounts"] or []]
    eligible = [[_is_for(coupon, price) for price in sold] for coupon in given]
    sums = totals(amounts, given, Decimal(0), eligible)
    shown = [
        _shown(account, line, price, _sums(sums, place, amounts[place]))
        for place, (line, price) in enumerate(zip(lines, sold, strict=True))
    ]
    offs = [Off(*one) for one in zip(given, sums.discounts, strict=True)]
    return Order(shown, offs, sums.subtotal, sums.total)


def coupon_of(account: Account, discount: Document) -> Document:
    """Return the coupon that a discount of a session gives, with `applies_to`."""
    code = discount["promotion_code"]
    if code is None:
        return coupons.held(account, discount["coupon"])
    return coupons.held(account, account.get("promotion_code", code)["promotion"]["coupon"])


def adjust(session: Document, quantities: dict[str, int]) -> None:
    """Change quantities by line id. Errors: `Refused` for one that may not be that."""
    known = {line["id"]: line for line in session["_lines"]}
    for line_id, quantity in quantities.items():
        line = known.get(line_id)
        if line is None:
            raise Refused(f"The session has no line {line_id}", param="quantities")
        bounds = line["adjustable_quantity"]
        if quantity == line["quantity"]:
            continue
        if bounds is None:
            raise Refused("The quantity of this line is fixed.", param="quantities")
        if not bounds["minimum"] <= quantity <= bounds["maximum"]:
            message = f"Choose a quantity from {bounds['minimum']} to {bounds['maximum']}."
            raise Refused(message, param="quantities")
        line["quantity"] = quantity


@contextmanager
def sellable(account: Account, lines: list[Document]) -> Iterator[None]:
    """Let prices be sold that a session was made with, although they are not any more."""
    archived = [
        price for line in lines if not (price := account.get("price", line["price"]))["active"]
    ]
    for price in archived:
        price["active"] = True
    try:
        yield
    finally:
        for price in archived:
            account.get("price", price["id"])["active"] = False


def _line(shop: Shop, given: dict[str, Any], at: str) -> Document:
    supported(given, _GIVEN)
    asked = given
    if "price_data" in given:
        asked = {**given, "price_data": _with_product(shop, given["price_data"], at)}
    price = prices.chosen(shop.account, asked, at)
    if Decimal(price["unit_amount_decimal"]) < 0:
        raise Refused("Invalid non-negative integer", param=f"{at}[price_data][unit_amount]")
    if "quantity" not in given:
        message = f"Quantity is required. Add `quantity` to `{at}`"
        raise Refused(message, code="parameter_missing", param=f"{at}[quantity]")
    line: Document = {
        "id": new_id("li_"),
        "price": price["id"],
        "quantity": given["quantity"],
        "adjustable_quantity": _bounds(given.get("adjustable_quantity"), at),
        "metadata": dict(given.get("metadata") or {}),
    }
    bounds = line["adjustable_quantity"] or {"minimum": 1, "maximum": _MOST_QUANTITY}
    if not bounds["minimum"] <= line["quantity"] <= bounds["maximum"]:
        message = f"Quantity must be from {bounds['minimum']} to {bounds['maximum']}."
        raise Refused(message, param=f"{at}[quantity]")
    return line


def _with_product(shop: Shop, given: dict[str, Any], at: str) -> dict[str, Any]:
    """The data of an inline price with the product that it brings along."""
    if ("product" in given) == ("product_data" in given):
        message = f"You must pass either {at}[price_data][product] or product_data."
        raise Refused(message, code="parameter_missing", param=f"{at}[price_data][product]")
    if "product" in given:
        return given
    data = given["product_data"]
    supported(data, _PRODUCT)
    now = shop.now()
    product = made(
        stripe.Product,
        id=new_id("prod_", 14),
        object="product",
        active=True,
        created=now,
        description=data.get("description"),
        images=[],
        livemode=False,
        marketing_features=[],
        metadata=dict(data.get("metadata") or {}),
        name=data["name"],
        type="service",
        updated=now,
    )
    shop.add("product", product)
    shop.report("product.created", product)
    rest = {name: value for name, value in given.items() if name != "product_data"}
    return {**rest, "product": product["id"]}


def _bounds(given: dict[str, Any] | None, at: str) -> Document | None:
    if given is None or not given["enabled"]:
        return None
    bounds = {
        "enabled": True,
        "minimum": given.get("minimum", 0),
        "maximum": given.get("maximum", _USUAL_MAXIMUM),
    }
    if not 0 <= bounds["minimum"] <= bounds["maximum"] <= _MOST_QUANTITY:
        message = f"Invalid bounds: from 0 to {_MOST_QUANTITY}, the minimum first"
        raise Refused(message, param=f"{at}[adjustable_quantity]")
    return bounds


def _is_for(coupon: Document, price: Document) -> bool:
    products = (coupon.get("applies_to") or {}).get("products")
    return products is None or price["product"] in products


def _sums(sums: Totals, place: int, amount: int) -> Document:
    off = sum(share[place] for share in sums.shares)
    return {
        "amount_discount": off,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount - off,
    }


def _shown(account: Account, line: Document, price: Document, sums: Document) -> Document:
    return made(
        stripe.LineItem,
        **sums,
        id=line["id"],
        object="item",
        adjustable_quantity=line["adjustable_quantity"],
        currency=price["currency"],
        description=account.get("product", price["product"])["name"],
        metadata=line["metadata"],
        price=price,
        quantity=line["quantity"],
    )
