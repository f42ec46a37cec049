"""Products and prices at Stripe, found by what they are and made where they are missing.

Nothing has to be written down here: a product has an id of ours, a price a lookup key. Whoever is
interrupted leaves what the next one finds; of two at once one makes what the other finds.
"""

import hashlib
import os
from collections.abc import Iterable, Sequence
from itertools import batched
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

from orchard.domain.billing.stripe_prices import PriceSpec, ProductSpec
from orchard.errors import StripeFailed, StripeMissing
from orchard.gateways.stripe_connection import connected

if TYPE_CHECKING:
    from stripe import Price, RequestOptions, StripeClient

#: So many are looked up in one request: Stripe's own limits.
_KEYS, _IDS = 10, 100


class _Account(NamedTuple):
    """What was found at an account: ids of prices by lookup key, and products that are sold."""

    environment: str
    prices: dict[str, str]
    products: set[str]


#: By connection: another secret key may be that of another account.
_known: "WeakKeyDictionary[StripeClient, _Account]" = WeakKeyDictionary()


def is_connected(environment: str) -> bool:
    """Whether there is a secret key for `sandbox` or `live`. Errors: `Unavailable`."""
    from orchard.gateways import secrets  # noqa: PLC0415 - most plans have no price

    return "STRIPE_PARAMETER_PATH" in os.environ and secrets.secret_key(environment) is not None


def ensure(
    environment: str, products: Iterable[ProductSpec], prices: Iterable[PriceSpec]
) -> dict[str, str]:
    """Return the ids of prices by lookup key; they and the products are there and sold then.

    What is missing is made, what was archived is sold again. If nothing is missing that takes two
    requests, or none when this process asked before. Errors: `StripeFailed` and the like.
    """
    account, wanted = _account(environment), {one.lookup_key: one for one in prices}
    asked = [one for one in wanted.values() if one.lookup_key not in account.prices]
    archived = _look_up(account, asked)
    _sell(account, [one for one in products if one.id not in account.products])
    for price in asked:
        if price.lookup_key in archived:
            _reactivate(account, price, archived[price.lookup_key])
        elif price.lookup_key not in account.prices:
            _make_price(account, price)
    return {key: account.prices[key] for key in wanted}


def rename(environment: str, products: Iterable[ProductSpec]) -> None:
    """Give products the names that they should have; those not made yet get theirs when they are.

    Errors: `StripeFailed` and the like.
    """
    wanted = {one.id: one.name for one in products}
    for some in batched(wanted, _IDS, strict=False):
        with connected(environment) as client:
            found = client.v1.products.list({"ids": list(some), "limit": _IDS}).data
            for one in found:
                if one.name != wanted[one.id]:
                    client.v1.products.update(one.id, {"name": wanted[one.id]})


def forget() -> bool:
    """Drop what was found, for when Stripe does not know it any more; whether there was any."""
    was_known = any(one.prices or one.products for one in _known.values())
    _known.clear()
    return was_known


def _account(environment: str) -> _Account:
    with connected(environment) as client:
        return _known.setdefault(client, _Account(environment, {}, set()))


def _look_up(account: _Account, prices: Iterable[PriceSpec]) -> dict[str, str]:
    """Remember the prices that are sold; return the ids of those that were archived."""
    archived: dict[str, str] = {}
    for some in batched(prices, _KEYS, strict=False):
        for price in _listed(account, [one.lookup_key for one in some]):
            ids = account.prices if price.active else archived
            ids[str(price.lookup_key)] = price.id
    return {key: price_id for key, price_id in archived.items() if key not in account.prices}


def _listed(account: _Account, keys: Sequence[str]) -> list["Price"]:
    with connected(account.environment) as client:
        return client.v1.prices.list({"lookup_keys": list(keys), "limit": _IDS}).data


def _reactivate(account: _Account, price: PriceSpec, price_id: str) -> None:
    with connected(account.environment) as client:
        client.v1.prices.update(price_id, {"active": True})
    account.prices[price.lookup_key] = price_id


def _sell(account: _Account, products: Sequence[ProductSpec]) -> None:
    """Let products be there and on sale."""
    for some in batched(products, _IDS, strict=False):
        with connected(account.environment) as client:
            listed = client.v1.products.list({"ids": [one.id for one in some], "limit": _IDS}).data
        active = {one.id: one.active for one in listed}
        for product in some:
            if product.id not in active:
                _make_product(account, product)
            elif not active[product.id]:
                _resell(account, product)
            account.products.add(product.id)


def _make_product(account: _Account, product: ProductSpec) -> None:
    params: Any = {
        "id": product.id,
        "name": product.name,
        "metadata": dict(product.metadata),
    }
    try:
        with connected(account.environment) as client:
            client.v1.products.create(params)
    except StripeFailed as refused:
        # A rival may have made it a moment ago.
        try:
            _resell(account, product)
        except StripeMissing:
            raise refused from None


def _resell(account: _Account, product: ProductSpec) -> None:
    with connected(account.environment) as client:
        client.v1.products.update(product.id, {"active": True})


def _make_price(account: _Account, price: PriceSpec) -> None:
    params: Any = {
        "product": price.product,
        "currency": price.currency,
        "unit_amount_decimal": f"{price.unit_amount.normalize():f}",
        "lookup_key": price.lookup_key,
        "metadata": dict(price.metadata),
    }
    if price.interval is not None:
        params["recurring"] = {
            "interval": price.interval,
            "interval_count": price.interval_count,
        }
    # Stripe refuses a key that comes again with other data.
    digest = hashlib.sha256(repr(sorted(params.items())).encode()).hexdigest()
    options: RequestOptions = {"idempotency_key": f"orchard:{price.lookup_key}:{digest[:16]}"}
    try:
        with connected(account.environment) as client:
            made = client.v1.prices.create(params, options)
        account.prices[price.lookup_key] = made.id
    except StripeFailed:
        # A rival may have made it a moment ago.
        _look_up(account, [price])
        if price.lookup_key not in account.prices:
            raise
