"""The items of a subscription: their prices and quantities, and the period that each is in."""

from typing import Any

import stripe

from local.stripe import periods, prices
from local.stripe.account import Account, Document, new_id
from local.stripe.coupons import merged
from local.stripe.failures import Refused, missing
from local.stripe.objects import made
from local.stripe.parameters import supported

_NEW = {"price", "price_data", "quantity", "metadata"}
_CHANGED = _NEW | {"id", "deleted"}
_MOST = 20


def new(account: Account, given: dict[str, Any], place: int) -> Document:
    """Return an item with its price; it has no period yet."""
    at = f"items[{place}]"
    supported(given, _NEW)
    item = made_of(account, recurring(account, given, at))
    item["metadata"] = merged(None, given.get("metadata", {}))
    item["quantity"] = _quantity(given, at)
    return item


def made_of(account: Account, price: Document) -> Document:
    """Return an item of this price; it has no period yet."""
    return made(
        stripe.SubscriptionItem,
        id=new_id("si_", 14),
        object="subscription_item",
        created=account.clock(),
        discounts=[],
        metadata={},
        price=dict(price),
        quantity=1,
        tax_rates=[],
    )


def recurring(account: Account, given: dict[str, Any], at: str) -> Document:
    """Return the price of an item; Stripe accepts only a recurring one here."""
    price = prices.chosen(account, given, at)
    if price["recurring"] is None:
        message = f"The price specified is set to `type=one_time` but {at} only accepts "
        raise Refused(message + "prices with `type=recurring`.", param=f"{at}[price]")
    return price


def all_new(account: Account, asked: list[dict[str, Any]]) -> list[Document]:
    """Return the items of a new subscription."""
    items = [new(account, one, place) for place, one in enumerate(asked)]
    check(items)
    return items


def changed(account: Account, kept: list[Document], asked: list[dict[str, Any]]) -> list[Document]:
    """Return the items after a change; what is not named stays as it is."""
    after = [dict(item) for item in kept]
    for place, one in enumerate(asked):
        supported(one, _CHANGED)
        if "id" not in one:
            after.append(new(account, one, place))
            continue
        found = next((item for item in after if item["id"] == one["id"]), None)
        if found is None:
            raise missing("subscription_item", one["id"], f"items[{place}][id]")
        if one.get("deleted"):
            after.remove(found)
        else:
            _apply(account, found, one, place)
    check(after)
    return after


def check(items: list[Document]) -> None:
    """Refuse items that can't be in one subscription."""
    if not items:
        message = "A subscription needs at least one item."
        raise Refused(message, code="parameter_missing", param="items")
    if len(items) > _MOST:
        raise Refused(f"A subscription has at most {_MOST} items.", param="items")
    if len({item["price"]["currency"] for item in items}) > 1:
        raise Refused("All items of a subscription need the same currency.", param="items")
    ids = [item["price"]["id"] for item in items]
    if len(set(ids)) < len(ids):
        message = "Cannot add multiple subscription items with the same price."
        raise Refused(message, param="items")


def place(item: Document, anchor: int, start: int, end: int) -> None:
    """Put an item into this period; `anchor`: from when its periods count."""
    item |= {"_anchor": anchor, "_interval": list(prices.interval(item["price"]))}
    item |= {"current_period_start": start, "current_period_end": end}


def begin(item: Document, anchor: int, start: int) -> None:
    """Put an item into the period that contains `start`; periods count from the anchor."""
    interval = prices.interval(item["price"])
    place(item, anchor, start, periods.around(anchor, interval, start).end)


def until(item: Document, start: int, end: int) -> None:
    """Put an item into a period that ends when a trial does; its cycle begins there."""
    place(item, end, start, end)


def is_placed(item: Document) -> bool:
    """Whether an item is in a period as long as its price says."""
    return bool(item.get("_interval") == list(prices.interval(item["price"])))


def renew(item: Document) -> None:
    """Put an item into its next period."""
    begin(item, item["_anchor"], item["current_period_end"])


def name(account: Account, item: Document) -> str:
    """Return what an invoice calls an item."""
    price = item["price"]
    product = account.get("product", price["product"])["name"]
    unit, count = prices.interval(price)
    each = f"every {count} {unit}s" if count > 1 else f"each {unit}"
    return f"{item['quantity']} x {product} ({each})"


def _apply(account: Account, item: Document, given: dict[str, Any], place: int) -> None:
    at = f"items[{place}]"
    if "price" in given or "price_data" in given:
        item["price"] = dict(recurring(account, given, at))
    if "quantity" in given:
        item["quantity"] = _quantity(given, at)
    if "metadata" in given:
        item["metadata"] = merged(item["metadata"], given["metadata"])


def _quantity(given: dict[str, Any], at: str) -> int:
    quantity: int = given.get("quantity", 1)
    if quantity < 0:
        raise Refused("Invalid non-negative integer", param=f"{at}[quantity]")
    return quantity
