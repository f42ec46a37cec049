"""Checkout sessions in Stripe's own parameters."""

from collections.abc import Mapping
from typing import Any

from orchard.domain.billing.coupons import Coupon
from orchard.domain.billing.order import Checkout, Order
from orchard.domain.interval import DAY_MS
from orchard.gateways import stripe_coupons
from orchard.usecases.billing.orders import settings
from orchard.usecases.billing.purchases.discounting import as_parameters

#: A session can be paid for an hour.
OPEN_MS = 3_600_000
#: Stripe wants the end of a trial to be two days away when the session is made, with some slack;
#: shorter ones are told in days.
_SHORTEST_TRIAL_MS, _TRIAL_SLACK_MS = 2 * DAY_MS, 600_000
#: Where the buyer goes afterwards if nobody says.
_SUCCESS_URL = "https://stripe.com"
_MOST_UNITS = 999_999
#: Stripe's limit for the name of a coupon.
_LONGEST_NAME = 40
#: Settings of a session that callers may add to, but not replace.
_OURS = {"customer", "mode", "line_items", "discounts", "allow_promotion_codes"}


def parameters(environment: str, order: Order, step: Checkout) -> dict[str, Any]:
    """Return the parameters of a session; the caller's own are merged in where they don't clash."""
    params: dict[str, Any] = {
        "customer": order.stripe_id,
        "mode": step.mode,
        "success_url": step.success_url or _SUCCESS_URL,
        "expires_at": (order.created_at + OPEN_MS) // 1000,
        "metadata": settings.metadata(order),
    }
    if step.mode == "setup":
        # What can be saved depends on it.
        params["currency"] = order.currency
    else:
        params |= _sold(environment, order, step)
    extra = {name: value for name, value in step.extra.items() if name not in _OURS}
    return _merged(extra, params)


def _sold(environment: str, order: Order, step: Checkout) -> dict[str, Any]:
    found = settings.ids_of(environment, step.goods)
    lines = []
    for item, shown in zip(step.goods.items, settings.items(found, step.goods.items), strict=True):
        # The amount of several discounts is for these quantities.
        if item.price.product in step.adjustable and not (is_merged(step) and step.merged):
            bounds = {"enabled": True, "minimum": 0, "maximum": _MOST_UNITS}
            shown = {**shown, "adjustable_quantity": bounds}  # noqa: PLW2901 - the same line
        lines.append(shown)
    params: dict[str, Any] = {"line_items": lines}
    discounts = _shown(environment, order, step)
    if discounts:
        params["discounts"] = discounts
    elif not step.discounts:
        params["allow_promotion_codes"] = True
    if step.mode == "payment":
        noted = {"metadata": settings.metadata(order)}
        params["invoice_creation"] = {"enabled": True, "invoice_data": noted}
        params["payment_intent_data"] = {"setup_future_usage": "off_session"}
        return params
    data: dict[str, Any] = {
        "metadata": settings.metadata(order),
        "billing_mode": {"type": "flexible"},
    }
    if step.trial_end is not None:
        data |= _trial(order.created_at, step.trial_end)
        data["trial_settings"] = {"end_behavior": {"missing_payment_method": "cancel"}}
    return {**params, "subscription_data": data}


def _shown(environment: str, order: Order, step: Checkout) -> list[dict[str, str]]:
    """The discount of a page. Of several, what they take off together, as one of this order's."""
    if not is_merged(step):
        return as_parameters(step.discounts)
    if step.merged <= 0:
        return []
    names = [one.coupon.name or one.coupon.id for one in step.discounts]
    coupon = Coupon(
        id=f"orchard_{order.id}",
        name=" + ".join(names)[:_LONGEST_NAME],
        amount_off=step.merged,
        currency=order.currency,
    )
    key = f"orchard:{order.id}:coupon"
    made = stripe_coupons.create_coupon(environment, coupon, settings.metadata(order), key)
    return [{"coupon": made.coupon.id}]


def is_merged(step: Checkout) -> bool:
    """Whether the page shows several discounts as one."""
    return len(step.discounts) > 1


def _trial(now: int, end: int) -> dict[str, int]:
    if end - now >= _SHORTEST_TRIAL_MS:
        return {"trial_end": (end + _TRIAL_SLACK_MS) // 1000}
    return {"trial_period_days": max(1, -(-(end - now) // DAY_MS))}


def _merged(given: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, Any]:
    """The caller's settings under ours; maps are merged, anything else is ours."""
    found = dict(given)
    for name, value in ours.items():
        both = isinstance(value, dict) and isinstance(found.get(name), Mapping)
        found[name] = _merged(found[name], value) if both else value
    return found
