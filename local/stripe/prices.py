"""Prices: create, retrieve, update, list; prices that are given inline; what a quantity costs."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import stripe
from stripe import params

from local.stripe.account import Account, Document, new_id
from local.stripe.coupons import merged
from local.stripe.failures import Refused
from local.stripe.listing import created_within, newest_first, page
from local.stripe.objects import made
from local.stripe.parameters import supported
from local.stripe.routes import Call, Route

_AMOUNTS = {"unit_amount", "unit_amount_decimal"}
_PLAIN = {"active", "nickname", "tax_behavior"}
_CREATED = (
    _AMOUNTS
    | _PLAIN
    | {"billing_scheme", "currency", "lookup_key", "metadata", "product", "recurring"}
    | {"transfer_lookup_key", "expand"}
)
_INLINE = _AMOUNTS | {"currency", "product", "recurring", "tax_behavior"}
#: Stripe's bounds of what one may cost: minor units, and places of a fraction of one.
_MOST = 99_999_999
_MOST_PLACES = 12
_MOST_KEYS = 10


def create(call: Call) -> Document:
    """Create a price. Errors: 400 for a lookup key that another active price has."""
    given = call.params
    supported(given, _CREATED)
    if given.get("billing_scheme", "per_unit") != "per_unit":
        raise Refused("The double does not support tiered prices", param="billing_scheme")
    price = _new(call.account, given)
    price |= {name: given[name] for name in _PLAIN & given.keys()}
    price["metadata"] = merged(None, given.get("metadata", {}))
    _take_key(call, price)
    call.shop.add("price", price)
    call.shop.report("price.created", price)
    return price


def retrieve(call: Call) -> Document:
    """Return a price."""
    supported(call.params, {"expand"})
    return call.account.get("price", call.ids["id"])


def update(call: Call) -> Document:
    """Change what may change: whether it is sold, its names and metadata."""
    given = call.params
    supported(given, _PLAIN | {"lookup_key", "metadata", "transfer_lookup_key", "expand"})
    price = call.account.get("price", call.ids["id"])
    changes = {name: given[name] for name in _PLAIN & given.keys()}
    if "metadata" in given:
        changes["metadata"] = merged(price["metadata"], given["metadata"])
    changes["lookup_key"] = _take_key(call, dict(price))
    return call.shop.change(price, changes, "price.updated")


def list_(call: Call) -> Document:
    """List prices, newest first: by lookup keys, product, currency, kind, sold or not."""
    given = call.params
    same = {"active", "currency", "product", "type"}
    paging = {"created", "limit", "starting_after", "ending_before", "expand"}
    supported(given, same | paging | {"lookup_keys"})
    keys = given.get("lookup_keys")
    if keys is not None and len(keys) > _MOST_KEYS:
        message = f"You may ask for at most {_MOST_KEYS} lookup_keys"
        raise Refused(message, param="lookup_keys")
    found = [
        one
        for one in call.account.objects("price").values()
        if all(one[name] == given[name] for name in same & given.keys())
        and (keys is None or one["lookup_key"] in keys)
        and created_within(one, given.get("created"))
    ]
    return page(newest_first(found), given, "/v1/prices")


def inline(account: Account, given: Document, param: str = "price_data") -> Document:
    """Keep the price that a call gives inline; it is not sold again."""
    supported(given, _INLINE)
    price = _new(account, given, param) | {"active": False}
    account.objects("price")[price["id"]] = price
    return price


def chosen(account: Account, given: Document, at: str) -> Document:
    """Return the price that an item names with `price` or brings along as `price_data`."""
    if ("price" in given) == ("price_data" in given):
        message = f"You must pass either {at}[price] or {at}[price_data]."
        raise Refused(message, code="parameter_missing", param=f"{at}[price]")
    if "price_data" in given:
        return inline(account, given["price_data"], f"{at}[price_data]")
    price = account.get("price", given["price"], f"{at}[price]")
    if not price["active"]:
        message = f"The price specified is inactive. This field only accepts active prices: {at}"
        raise Refused(message, param=f"{at}[price]")
    return price


def cost(price: Document, quantity: int) -> int:
    """Return what a quantity costs, in minor units."""
    whole = Decimal(price["unit_amount_decimal"]) * quantity
    return int(whole.quantize(Decimal(1), ROUND_HALF_UP))


def interval(price: Document) -> tuple[str, int]:
    """Return how long a price's period is: a unit and how many of them."""
    return price["recurring"]["interval"], price["recurring"]["interval_count"]


def _new(account: Account, given: Document, param: str = "") -> Document:
    account.get("product", given.get("product", ""), f"{param}[product]" if param else "product")
    each = _each(given, param)
    return made(
        stripe.Price,
        id=new_id("price_"),
        object="price",
        active=True,
        billing_scheme="per_unit",
        created=account.clock(),
        currency=_currency(given["currency"]),
        livemode=False,
        metadata={},
        product=given["product"],
        recurring=_recurring(given["recurring"]) if "recurring" in given else None,
        tax_behavior=given.get("tax_behavior", "unspecified"),
        type="recurring" if "recurring" in given else "one_time",
        unit_amount=int(each) if each == each.to_integral_value() else None,
        unit_amount_decimal=f"{each.normalize():f}",
    )


def _each(given: Document, param: str) -> Decimal:
    """What one costs; only an inline price that is charged once may be a credit."""
    if len(_AMOUNTS & given.keys()) != 1:
        message = "You must pass either unit_amount or unit_amount_decimal."
        raise Refused(message, code="parameter_missing", param="unit_amount")
    each = Decimal(given["unit_amount"] if "unit_amount" in given else given["unit_amount_decimal"])
    places = each.normalize().as_tuple().exponent
    if not each.is_finite() or (isinstance(places, int) and places < -_MOST_PLACES):
        raise Refused("Invalid decimal: unit_amount_decimal", param="unit_amount_decimal")
    credit = bool(param) and "recurring" not in given
    if (each < 0 and not credit) or abs(each) > _MOST:
        raise Refused(f"Invalid non-negative integer: {each}", param="unit_amount")
    return each


def _recurring(given: dict[str, Any]) -> Document:
    supported(given, {"interval", "interval_count", "usage_type"})
    count = given.get("interval_count", 1)
    if given["interval"] not in {"day", "week", "month", "year"} or count < 1:
        raise Refused("Invalid recurring interval", param="recurring[interval]")
    if given.get("usage_type", "licensed") != "licensed":
        raise Refused("The double does not support metered prices", param="recurring[usage_type]")
    return {
        "interval": given["interval"],
        "interval_count": count,
        "meter": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    }


def _currency(text: str) -> str:
    if not (len(text) == len("usd") and text.isascii() and text.isalpha()):
        raise Refused(f"Invalid currency: {text}", param="currency")
    return text.lower()


def _take_key(call: Call, price: Document) -> str | None:
    """Give a price its lookup key, taken from another only when the call says so."""
    key: str | None = call.params.get("lookup_key", price["lookup_key"])
    price["lookup_key"] = key
    if "lookup_key" not in call.params or key is None:
        return key
    for other in call.account.objects("price").values():
        if other["lookup_key"] != key or other["id"] == price["id"]:
            continue
        if call.params.get("transfer_lookup_key"):
            call.shop.change(other, {"lookup_key": None}, "price.updated")
        elif other["active"]:
            message = f"A price (`{other['id']}`) already uses that lookup key."
            raise Refused(message, code="resource_already_exists", param="lookup_key")
    return key


ROUTES = [
    Route("POST", "/v1/prices", create, params.PriceCreateParams),
    Route("GET", "/v1/prices", list_, params.PriceListParams),
    Route("GET", "/v1/prices/{id}", retrieve, params.PriceRetrieveParams),
    Route("POST", "/v1/prices/{id}", update, params.PriceUpdateParams),
]
