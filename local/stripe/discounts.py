"""Discounts: coupons that a subscription or an invoice has, from when until when."""

from typing import Any

import stripe

from local.stripe import coupons, promotion_codes
from local.stripe.account import Document, new_id
from local.stripe.failures import Refused
from local.stripe.objects import made
from local.stripe.periods import later
from local.stripe.shop import Shop


def given(
    shop: Shop,
    asked: list[dict[str, Any]],
    owner: tuple[str, Document],
    *,
    currency: str,
    amount: int | None = None,
    promised: bool = False,
) -> list[str]:
    """Return the ids of the discounts that a call asks for on an invoice or a subscription.

    `{"discount": id}` keeps that one, `coupon` and `promotion_code` make new ones. `owner` is the
    kind and the object, which has an id and a customer; `amount` what it costs before discounts.
    `promised`: they were checked when they were promised. Errors: `Refused`, nothing changed.
    """
    wanted = (
        _named(shop, asked)
        if promised
        else check(shop, asked, owner[1]["customer"], currency, amount)
    )
    start = shop.now()
    return [
        one["discount"] if "discount" in one else _new(shop, one, coupon_id, owner, start)
        for one, coupon_id in zip(asked, wanted, strict=True)
    ]


def check(
    shop: Shop,
    asked: list[dict[str, Any]],
    customer: str,
    currency: str,
    amount: int | None = None,
) -> list[str]:
    """Return the coupons that discounts are of. Errors: `Refused` for one that can't be given."""
    wanted = _named(shop, asked)
    for one, coupon_id in zip(asked, wanted, strict=True):
        if "promotion_code" in one:
            code = one["promotion_code"]
            promotion_codes.usable(shop.account, code, customer, amount, currency)
        if "discount" not in one:
            coupons.usable(shop.account, coupon_id, currency)
    if len(set(wanted)) < len(wanted):
        raise Refused("You may not apply the same coupon twice.", param="discounts")
    return wanted


def _named(shop: Shop, asked: list[dict[str, Any]]) -> list[str]:
    return [_coupon_of(shop, one) for one in asked]


def coupon(shop: Shop, discount_id: str) -> Document:
    """Return the coupon of a discount, as it is kept."""
    discount = shop.account.get("discount", discount_id)
    return coupons.held(shop.account, discount["source"]["coupon"])


def report_given(shop: Shop, ids: list[str], before: list[str]) -> None:
    """Report what a subscription got and what it lost."""
    for discount_id in before:
        if discount_id not in ids:
            shop.report("customer.discount.deleted", shop.account.get("discount", discount_id))
    for discount_id in ids:
        if discount_id not in before:
            shop.report("customer.discount.created", shop.account.get("discount", discount_id))


def _coupon_of(shop: Shop, one: dict[str, Any]) -> str:
    named = [one[name] for name in ("coupon", "discount", "promotion_code") if name in one]
    if len(named) != 1:
        message = "You must pass one of coupon, discount or promotion_code."
        raise Refused(message, param="discounts")
    if "coupon" in one:
        return str(one["coupon"])
    if "discount" in one:
        kept = shop.account.get("discount", one["discount"], "discounts[0][discount]")
        return str(kept["source"]["coupon"])
    code = shop.account.get("promotion_code", one["promotion_code"], "promotion_code")
    return str(code["promotion"]["coupon"])


def _new(
    shop: Shop, one: dict[str, Any], coupon_id: str, owner: tuple[str, Document], start: int
) -> str:
    kept = coupons.held(shop.account, coupon_id)
    kind, owned = owner
    months = kept["duration_in_months"]
    discount = made(
        stripe.Discount,
        id=new_id("di_"),
        object="discount",
        customer=owned["customer"],
        end=later(start, "month", months) if months else None,
        promotion_code=one.get("promotion_code"),
        source={"coupon": coupon_id, "type": "coupon"},
        start=start,
    )
    discount[kind] = owned["id"]
    shop.add("discount", discount)
    coupons.redeemed(shop.account, coupon_id, one.get("promotion_code"))
    return str(discount["id"])
