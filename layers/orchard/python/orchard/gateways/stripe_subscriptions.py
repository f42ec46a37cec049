"""Subscriptions at Stripe: read in our terms, begun, arranged and ended.

Whatever makes something takes a key: the same key makes the same thing, once.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from orchard.domain.billing.coupons import Discount
from orchard.domain.billing.lines import Period
from orchard.domain.billing.subscription import Item, Subscription
from orchard.errors import StripeMissing
from orchard.gateways import stripe_coupons
from orchard.gateways.stripe_connection import connected, keyed

type Document = Mapping[str, Any]

EXPANDED = ["discounts.source.coupon.applies_to"]
#: So many subscriptions of a customer are looked at.
_MOST = 100


def get(environment: str, subscription_id: str) -> Subscription | None:
    """Return a subscription as it is now, None when Stripe has none with this id."""
    try:
        with connected(environment) as client:
            found = client.v1.subscriptions.retrieve(subscription_id, {"expand": EXPANDED})
    except StripeMissing:
        return None
    return read(found.to_dict())


def of_customer(environment: str, stripe_id: str) -> tuple[Subscription, ...]:
    """Return the subscriptions of a customer that are not over, the newest first."""
    with connected(environment) as client:
        found = client.v1.subscriptions.list(
            {
                "customer": stripe_id,
                "limit": _MOST,
                # No more levels are shown of a list: which products a coupon is for is left out.
                "expand": ["data.discounts.source.coupon"],
            }
        )
    return tuple(read(one.to_dict()) for one in found.data)


def begin(environment: str, params: Mapping[str, Any], key: str) -> Subscription:
    """Begin a subscription with Stripe's own parameters."""
    with connected(environment) as client:
        asked: Any = {**params, "expand": EXPANDED}
        return read(client.v1.subscriptions.create(asked, {"idempotency_key": key}).to_dict())


def change(
    environment: str, subscription_id: str, params: Mapping[str, Any], key: str
) -> Subscription:
    """Change a subscription with Stripe's own parameters, which may follow from what it was."""
    with connected(environment) as client:
        asked: Any = {**params, "expand": EXPANDED}
        changed = client.v1.subscriptions.update(subscription_id, asked, keyed(key, params))
        return read(changed.to_dict())


def end(environment: str, subscription_id: str, key: str) -> None:
    """End a subscription at once, without crediting or billing; one that is over is fine."""
    found = get(environment, subscription_id)
    if found is None or found.is_over:
        return
    try:
        with connected(environment) as client:
            client.v1.subscriptions.cancel(
                subscription_id, {"prorate": False, "invoice_now": False}, {"idempotency_key": key}
            )
    except StripeMissing:
        # What is over can't be ended; an answer that is lost lets the call come again.
        after = get(environment, subscription_id)
        if after is not None and not after.is_over:
            raise


def schedule(
    environment: str, subscription: Subscription, phases: list[dict[str, Any]], key: str
) -> str:
    """Let a subscription go through phases, the present one first; return the schedule's id."""
    with connected(environment) as client:
        if subscription.schedule_id is not None:
            made = client.v1.subscription_schedules.retrieve(subscription.schedule_id)
        else:
            made = client.v1.subscription_schedules.create(
                {"from_subscription": subscription.id}, {"idempotency_key": f"{key}:schedule"}
            )
        current = made.to_dict()["current_phase"]
        present: Any = {**phases[0], "start_date": current["start_date"]}
        asked: Any = {
            "phases": [present, *phases[1:]],
            "end_behavior": "release",
            "proration_behavior": "none",
        }
        # What is there by now may be something else than when it was tried before.
        options = keyed(f"{key}:phases", asked)
        client.v1.subscription_schedules.update(made.id, asked, options)
        return made.id


def release(environment: str, schedule_id: str) -> None:
    """Take back what was planned for a subscription; what is taken back already is fine."""
    with connected(environment) as client:
        found = client.v1.subscription_schedules.retrieve(schedule_id)
        if found.status in ("active", "not_started"):
            client.v1.subscription_schedules.release(schedule_id)


def read(found: Document) -> Subscription:
    """Return a subscription of Stripe in our terms."""
    items = found["items"]["data"]
    return Subscription(
        id=found["id"],
        customer=_id(found["customer"]),
        status=found["status"],
        currency=found["currency"],
        items=tuple(_item(one) for one in items),
        discounts=tuple(_discounts(found.get("discounts") or ())),
        trial_end=_milliseconds(found.get("trial_end")),
        cancel_at=_milliseconds(found.get("cancel_at")),
        canceled_at=_milliseconds(found.get("canceled_at")),
        ended_at=_milliseconds(found.get("ended_at")),
        schedule_id=_id_or_none(found.get("schedule")),
        latest_invoice_id=_id_or_none(found.get("latest_invoice")),
        created_at=found["created"] * 1000,
        anchor=found["billing_cycle_anchor"] * 1000,
        metadata=tuple(sorted((found.get("metadata") or {}).items())),
        unit_amounts=tuple((one["id"], _unit_amount(one["price"])) for one in items),
    )


def _discount(found: Document) -> Discount | None:
    """Return a discount that is shown whole, with its coupon; None for any other."""
    coupon = (found.get("source") or {}).get("coupon")
    if not isinstance(coupon, Mapping):
        return None
    return Discount(
        coupon=stripe_coupons.read_coupon(coupon),
        id=found["id"],
        promotion_code_id=_id_or_none(found.get("promotion_code")),
        started_at=_milliseconds(found["start"]),
        ends_at=_milliseconds(found.get("end")),
    )


def _discounts(found: Iterable[Any]) -> Iterable[Discount]:
    read_ones = (_discount(one) for one in found if isinstance(one, Mapping))
    return (one for one in read_ones if one is not None)


def _item(found: Document) -> Item:
    price = found["price"]
    recurring = price.get("recurring") or {}
    start, end = found["current_period_start"], found["current_period_end"]
    return Item(
        id=found["id"],
        price_id=price["id"],
        lookup_key=price.get("lookup_key"),
        product=_id(price["product"]),
        quantity=int(found.get("quantity") or 0),
        period=Period(start * 1000, end * 1000),
        interval=recurring.get("interval", "month"),
        interval_count=int(recurring.get("interval_count", 1)),
    )


def _unit_amount(price: Document) -> Decimal:
    return Decimal(str(price.get("unit_amount_decimal") or price.get("unit_amount") or 0))


def _id(value: Any) -> str:
    return str(value["id"] if isinstance(value, Mapping) else value)


def _id_or_none(value: Any) -> str | None:
    return None if value is None else _id(value)


def _milliseconds(seconds: int | None) -> int | None:
    return None if seconds is None else seconds * 1000
