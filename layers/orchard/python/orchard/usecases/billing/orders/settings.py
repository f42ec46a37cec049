"""What steps of an order are in Stripe's own parameters."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from orchard.domain.billing.order import Arrange, Bill, Goods, Order, Plan, Subscribe
from orchard.domain.billing.stripe_prices import PriceSpec, ProductSpec, SubscriptionItem
from orchard.domain.billing.subscription import Subscription
from orchard.gateways import stripe_catalog
from orchard.usecases.billing.purchases.discounting import as_parameters

ORDER = "orchard_order_id"
#: The last arrangement that was made of a subscription, by its idempotency key.
_ARRANGED, _REPLACED = "orchard_arranged", "orchard_replaced"
#: What other software that reads this account goes by.
_MANAGED = {"autumn_managed": "true"}


def metadata(order: Order) -> dict[str, str]:
    """Return what is noted at every object that an order makes."""
    return {**order.metadata, **_MANAGED, ORDER: order.id}


def ensure(
    environment: str, products: Iterable[ProductSpec], prices: Iterable[PriceSpec]
) -> dict[str, str]:
    """Return the ids of prices by lookup key; what is missing at Stripe is made."""
    return stripe_catalog.ensure(environment, products, prices)


def ids_of(environment: str, *goods: Goods) -> dict[str, str]:
    """Return the ids of the prices of goods by lookup key."""
    products = {one.id: one for some in goods for one in some.products}
    prices = {one.price.lookup_key: one.price for some in goods for one in some.items}
    return ensure(environment, products.values(), prices.values())


def items(found: Mapping[str, str], sold: Iterable[SubscriptionItem]) -> list[dict[str, Any]]:
    """Return items in Stripe's form; `found` has the ids of their prices."""
    return [{"price": found[one.price.lookup_key], "quantity": one.quantity} for one in sold]


def subscription(environment: str, order: Order, step: Subscribe) -> dict[str, Any]:
    """Return the parameters of a new subscription."""
    found = ids_of(environment, step.goods, step.once)
    params: dict[str, Any] = {
        "customer": order.stripe_id,
        "items": items(found, step.goods.items),
        "metadata": metadata(order),
        "billing_mode": {"type": "flexible"},
        "payment_behavior": "allow_incomplete" if step.has_card else "default_incomplete",
        "off_session": step.has_card,
    }
    if step.once.items:
        params["add_invoice_items"] = items(found, step.once.items)
    if step.discounts:
        params["discounts"] = as_parameters(step.discounts)
    if step.days_until_due is not None:
        del params["payment_behavior"], params["off_session"]
        params |= {"collection_method": "send_invoice", "days_until_due": step.days_until_due}
    if step.backdated_to is not None:
        params["backdate_start_date"] = step.backdated_to // 1000
    ends = {"trial_end": step.trial_end, "cancel_at": step.cancel_at}
    params |= {name: at // 1000 for name, at in ends.items() if at is not None}
    if step.trial_end is not None and not step.has_card:
        params["trial_settings"] = {"end_behavior": {"missing_payment_method": "cancel"}}
        params["payment_behavior"] = "allow_incomplete"
        del params["off_session"]
    return params


def invoice(order: Order, step: Bill) -> dict[str, Any]:
    """Return the parameters of an invoice without lines."""
    params: dict[str, Any] = {
        "customer": order.stripe_id,
        "currency": order.currency,
        "metadata": metadata(order),
        # A discount is in the lines already.
        "discounts": "",
    }
    if step.subscription_id is not None:
        params["subscription"] = step.subscription_id
    if step.days_until_due is not None:
        params |= {"collection_method": "send_invoice", "days_until_due": step.days_until_due}
    return params


def is_arranged(found: Subscription, key: str) -> bool:
    """Whether a subscription was arranged under this key, in a try that was broken off."""
    return (_ARRANGED, key) in found.metadata


def replaced(found: Subscription) -> str | None:
    """Return the schedule that a subscription had when it was arranged."""
    return dict(found.metadata).get(_REPLACED)


def arrangement(environment: str, found: Subscription, step: Arrange, key: str) -> dict[str, Any]:
    """Return what has to change of a subscription; the key is noted at it along with that.

    After a crash what is asked for can't be told from what is there: a cycle may begin anew twice.
    """
    changes = _item_changes(found, ids_of(environment, step.goods), step.goods)
    params: dict[str, Any] = {"items": changes} if changes else {}
    if step.discounts is not None and step.discounts != found.discounts:
        params["discounts"] = as_parameters(step.discounts) or ""
    if found.cancel_at is not None:
        # What was planned is planned anew if it still holds.
        params["cancel_at"] = ""
    if step.trial_end is not None:
        params["trial_end"] = step.trial_end // 1000 or "now"
    elif step.restart:
        params["billing_cycle_anchor"] = {"type": "now"}
    elif _joins_at_another_interval(found, step.goods):
        # An item that recurs otherwise would begin all cycles anew.
        params["billing_cycle_anchor"] = {"type": "unchanged"}
    if step.restart:
        params["payment_behavior"] = "error_if_incomplete"
    noted = {_ARRANGED: key, _REPLACED: found.schedule_id or ""}
    return {**params, "proration_behavior": "none", "metadata": noted}


def _joins_at_another_interval(found: Subscription, goods: Goods) -> bool:
    """Whether a subscription gets items that recur at an interval that it does not have."""
    there = {(one.interval, one.interval_count) for one in found.items}
    wanted = {(one.price.interval, one.price.interval_count) for one in goods.items}
    return not there >= wanted


def _item_changes(
    found: Subscription, prices: Mapping[str, str], goods: Goods
) -> list[dict[str, Any]]:
    target = {prices[one.price.lookup_key]: one.quantity for one in goods.items}
    held = {one.price_id: one for one in found.items}
    changes: list[dict[str, Any]] = []
    for price_id, quantity in target.items():
        if price_id not in held:
            changes.append({"price": price_id, "quantity": quantity})
        elif held[price_id].quantity != quantity:
            changes.append({"id": held[price_id].id, "quantity": quantity})
    gone = (one for one in found.items if one.price_id not in target)
    return [*changes, *({"id": one.id, "deleted": True} for one in gone)]


def phases(environment: str, found: Subscription, step: Plan) -> list[dict[str, Any]]:
    """Return the phases of a subscription that changes at the end of its cycle."""
    goods = step.goods or Goods()
    prices = ids_of(environment, goods)
    kept = as_parameters(found.discounts)
    discounts = {"discounts": kept} if kept else {}
    present = [{"price": one.price_id, "quantity": one.quantity} for one in found.items]
    return [
        {"items": present, "end_date": step.at // 1000, **discounts, "proration_behavior": "none"},
        {"items": items(prices, goods.items), **discounts, "proration_behavior": "none"},
    ]


def digest(value: object) -> str:
    """Return a short text that differs for different values."""
    return hashlib.sha256(repr(value).encode()).hexdigest()[:32]
