"""Coupons and promotion codes at Stripe, in our terms.

A coupon is worth something for subscriptions, Checkout sessions and invoices that name it; a
promotion code is a word for a coupon, with conditions of its own.
"""

from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal
from typing import Any, NamedTuple, cast

from orchard.domain import money
from orchard.domain.billing.coupons import Coupon
from orchard.errors import StripeFailed, StripeMissing
from orchard.gateways.stripe_connection import connected

type Document = Mapping[str, Any]

_EXPANDED = ["applies_to"]
_EXPANDED_CODES = ["data.promotion.coupon.applies_to"]
#: So many codes, used up ones included, may spell the same, and so many invoices are looked at.
_MOST = 100
_REST_OF = "orchard_rest_of"


class FoundCoupon(NamedTuple):
    """A coupon with what we or others noted on it."""

    coupon: Coupon
    metadata: Mapping[str, str]


class PromotionCode(NamedTuple):
    """A promotion code. `minimum` is an amount before discounts of the currency beside it."""

    id: str
    code: str
    active: bool
    coupon: Coupon
    stripe_customer: str | None = None
    max_redemptions: int | None = None
    times_redeemed: int = 0
    first_time: bool = False
    minimum: Decimal | None = None
    minimum_currency: str | None = None
    metadata: Mapping[str, str] = {}

    @property
    def is_exhausted(self) -> bool:
        """Whether it was used as often as it may be."""
        return self.max_redemptions is not None and self.times_redeemed >= self.max_redemptions


def coupon(environment: str, coupon_id: str) -> FoundCoupon | None:
    """Return a coupon as it is now, None when Stripe has none with this id."""
    try:
        with connected(environment) as client:
            found = client.v1.coupons.retrieve(coupon_id, {"expand": _EXPANDED}).to_dict()
    except StripeMissing:
        return None
    return FoundCoupon(read_coupon(found), found.get("metadata") or {})


def create_coupon(
    environment: str, coupon: Coupon, metadata: Mapping[str, str], key: str
) -> FoundCoupon:
    """Make a coupon; the same key and data give the same one again.

    Errors: `StripeFailed`, for an id that is taken as well.
    """
    asked: Any = {**_terms(coupon), "metadata": dict(metadata), "expand": _EXPANDED}
    with connected(environment) as client:
        made = client.v1.coupons.create(asked, {"idempotency_key": key}).to_dict()
    return FoundCoupon(read_coupon(made), made.get("metadata") or {})


def ensure_rest(environment: str, rest: Coupon, whole_id: str) -> None:
    """Let there be a coupon for what is left of another one, by whose id it goes here."""
    try:
        create_coupon(environment, rest, {_REST_OF: whole_id}, f"orchard:coupon:{rest.id}")
    except StripeFailed as refused:
        if not is_taken(refused):
            raise


def rename_coupon(environment: str, coupon: Coupon) -> None:
    """Give a coupon another name: all else of it never changes."""
    with connected(environment) as client:
        client.v1.coupons.update(coupon.id, {"name": coupon.name or ""})


def delete_coupon(environment: str, coupon_id: str) -> None:
    """Remove a coupon, and with it its codes; who has it keeps it. One that is gone is fine."""
    with suppress(StripeMissing), connected(environment) as client:
        client.v1.coupons.delete(coupon_id)


def codes_spelled(environment: str, code: str) -> tuple[PromotionCode, ...]:
    """Return the codes that spell so, in upper or lower case, the active one first."""
    found = _codes(environment, {"code": code})
    return tuple(sorted(found, key=lambda one: not one.active))


def codes_of(environment: str, coupon_id: str) -> tuple[PromotionCode, ...]:
    """Return the codes of a coupon, those that are not active any more included, newest first."""
    return _codes(environment, {"coupon": coupon_id})


def create_code(
    environment: str,
    coupon_id: str,
    code: str,
    *,
    uses: int | None,
    first_time: bool,
    metadata: Mapping[str, str],
    key: str,
) -> str:
    """Make a code for a coupon; return its id. Errors: `StripeFailed` where it is in use."""
    asked: Any = {
        "promotion": {"type": "coupon", "coupon": coupon_id},
        "code": code,
        "metadata": dict(metadata),
    }
    if uses is not None:
        asked["max_redemptions"] = uses
    if first_time:
        asked["restrictions"] = {"first_time_transaction": True}
    with connected(environment) as client:
        return client.v1.promotion_codes.create(asked, {"idempotency_key": key}).id


def deactivate_code(environment: str, code_id: str) -> None:
    """Let a code be used no more; one that can't be any more is fine."""
    with suppress(StripeMissing), connected(environment) as client:
        client.v1.promotion_codes.update(code_id, {"active": False})


def use_up(environment: str, invoice_id: str, discounts: list[dict[str, str]], key: str) -> None:
    """Let Stripe count discounts as used on a draft; nothing is taken off its lines by that.

    Errors: `StripeFailed` for what others used up meanwhile.
    """
    asked: Any = {"discounts": discounts}
    with connected(environment) as client:
        client.v1.invoices.update(invoice_id, asked, {"idempotency_key": key})


def has_paid(environment: str, stripe_id: str) -> bool:
    """Whether a customer ever paid an invoice of more than nothing."""
    with connected(environment) as client:
        found = client.v1.invoices.list({"customer": stripe_id, "status": "paid", "limit": _MOST})
    return any(one.amount_paid > 0 for one in found.data)


def is_taken(failed: StripeFailed) -> bool:
    """Whether Stripe refused to make something because its id or code is in use."""
    return "already exists" in failed.message


def read_coupon(found: Document) -> Coupon:
    """Return a coupon of Stripe in our terms; what is left of one is known by the id of that."""
    percent, off, currency = (found.get(name) for name in ("percent_off", "amount_off", "currency"))
    return Coupon(
        id=(found.get("metadata") or {}).get(_REST_OF) or found["id"],
        name=found.get("name"),
        percent_off=None if percent is None else Decimal(str(percent)),
        amount_off=None if off is None else money.major(off, currency or money.MAIN_CURRENCY),
        currency=None if off is None else currency,
        duration=found["duration"],
        months=found.get("duration_in_months"),
        products=tuple((found.get("applies_to") or {}).get("products") or ()),
        is_valid=bool(found.get("valid", True)),
    )


def _codes(environment: str, filters: Mapping[str, str]) -> tuple[PromotionCode, ...]:
    asked: Any = {**filters, "limit": _MOST, "expand": _EXPANDED_CODES}
    with connected(environment) as client:
        found = client.v1.promotion_codes.list(asked)
    read = (one.to_dict() for one in found.data)
    return tuple(_code(one) for one in read if isinstance(_coupon_of(one), Mapping))


def _coupon_of(found: Document) -> Any:
    return (found.get("promotion") or {}).get("coupon")


def _code(found: Document) -> PromotionCode:
    limits = found.get("restrictions") or {}
    least, currency = limits.get("minimum_amount"), limits.get("minimum_amount_currency")
    return PromotionCode(
        id=found["id"],
        code=found["code"],
        active=found["active"],
        coupon=read_coupon(_coupon_of(found)),
        stripe_customer=_id(found.get("customer")),
        max_redemptions=found.get("max_redemptions"),
        times_redeemed=found.get("times_redeemed") or 0,
        first_time=bool(limits.get("first_time_transaction")),
        minimum=None if least is None else money.major(least, str(currency)),
        minimum_currency=currency,
        metadata=found.get("metadata") or {},
    )


def _terms(coupon: Coupon) -> dict[str, Any]:
    terms: dict[str, Any] = {"id": coupon.id, "duration": coupon.duration}
    if coupon.name:
        terms["name"] = coupon.name
    if coupon.percent_off is not None:
        terms["percent_off"] = float(coupon.percent_off)
    if coupon.amount_off is not None and coupon.currency is not None:
        terms["amount_off"] = money.minor(coupon.amount_off, coupon.currency)
        terms["currency"] = coupon.currency
    if coupon.months is not None:
        terms["duration_in_months"] = coupon.months
    if coupon.products:
        terms["applies_to"] = {"products": list(coupon.products)}
    return terms


def _id(value: Any) -> str | None:
    return value["id"] if isinstance(value, Mapping) else cast("str | None", value)
