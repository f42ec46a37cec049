"""Coupons: create, retrieve, update, delete, list; whether they hold; how often they were used."""

import stripe
from stripe import params

from local.stripe.account import Account, Document, new_id
from local.stripe.failures import Refused
from local.stripe.listing import created_within, newest_first, page
from local.stripe.objects import made
from local.stripe.parameters import supported
from local.stripe.routes import Call, Route

_LONGEST_NAME = 40
_GIVEN = {
    "amount_off",
    "currency",
    "duration",
    "duration_in_months",
    "max_redemptions",
    "percent_off",
    "redeem_by",
}


def create(call: Call) -> Document:
    """Create a coupon. Errors: 400 for a contradiction, `resource_already_exists` for its id."""
    given = call.params
    supported(given, _GIVEN | {"id", "name", "metadata", "applies_to", "expand"})
    _check(given, call.account)
    coupon_id = given.get("id") or new_id("", 8)
    if coupon_id in call.account.objects("coupon"):
        raise Refused("Coupon already exists.", code="resource_already_exists", param="id")
    coupon = made(
        stripe.Coupon,
        **{
            "duration": "once",
            **{name: given[name] for name in _GIVEN & given.keys()},
            "id": coupon_id,
            "object": "coupon",
            "created": call.account.clock(),
            "currency": given["currency"].lower() if "currency" in given else None,
            "livemode": False,
            "metadata": dict(given.get("metadata") or {}),
            "name": given.get("name"),
            "times_redeemed": 0,
            "valid": True,
        },
    )
    if "applies_to" in given:
        coupon["applies_to"] = {"products": given["applies_to"]["products"]}
    call.account.objects("coupon")[coupon_id] = coupon
    call.outbox.report("coupon.created", shown(coupon))
    return shown(aged(coupon, call.account))


def retrieve(call: Call) -> Document:
    """Return a coupon; expand `applies_to` to see the products it is for."""
    supported(call.params, {"expand"})
    return shown(aged(call.account.get("coupon", call.ids["id"], "coupon"), call.account))


def update(call: Call) -> Document:
    """Change name or metadata; all else of a coupon is fixed."""
    supported(call.params, {"name", "metadata", "expand"})
    coupon = call.account.get("coupon", call.ids["id"], "coupon")
    _check_name(call.params)
    if "name" in call.params:
        coupon["name"] = call.params["name"] or None
    if "metadata" in call.params:
        coupon["metadata"] = merged(coupon["metadata"], call.params["metadata"])
    call.outbox.report("coupon.updated", shown(coupon))
    return shown(aged(coupon, call.account))


def delete(call: Call) -> Document:
    """Delete a coupon: nobody gets it any more, who has it keeps it."""
    coupon = call.account.get("coupon", call.ids["id"], "coupon")
    del call.account.objects("coupon")[coupon["id"]]
    call.account.objects("deleted_coupon")[coupon["id"]] = coupon
    for code in call.account.objects("promotion_code").values():
        if code["promotion"]["coupon"] == coupon["id"]:
            code["active"] = False
    trace = {"id": coupon["id"], "object": "coupon", "deleted": True}
    call.outbox.report("coupon.deleted", shown(coupon))
    return trace


def list_(call: Call) -> Document:
    """List coupons, newest first."""
    supported(call.params, {"created", "limit", "starting_after", "ending_before", "expand"})
    found = [
        shown(aged(one, call.account))
        for one in call.account.objects("coupon").values()
        if created_within(one, call.params.get("created"))
    ]
    return page(newest_first(found), call.params, "/v1/coupons")


def shown(coupon: Document) -> Document:
    """Return a coupon as Stripe sends it: `applies_to` only when it is expanded."""
    return {name: value for name, value in coupon.items() if name != "applies_to"}


def held(account: Account, coupon_id: str) -> Document:
    """Return the coupon of a discount, also one that was deleted since, with `applies_to`."""
    deleted = account.objects("deleted_coupon").get(coupon_id)
    return account.objects("coupon").get(coupon_id) or deleted or account.get("coupon", coupon_id)


def usable(account: Account, coupon_id: str, currency: str | None = None) -> Document:
    """Return a coupon that may be given now. Errors: `Refused` when it is spent or expired."""
    coupon = aged(account.get("coupon", coupon_id, "coupon"), account)
    if not coupon["valid"]:
        code = "coupon_expired"
        raise Refused(f"Coupon expired: {coupon_id}", code=code, param="coupon")
    if None not in (currency, coupon["currency"]) and coupon["currency"] != currency:
        message = f"The coupon {coupon_id} is in {coupon['currency']} and can't be used with "
        raise Refused(f"{message}{currency}.", param="coupon")
    return coupon


def redeemed(account: Account, coupon_id: str, promotion_code: str | None = None) -> None:
    """Count that a coupon was given to a customer, by its promotion code if there was one."""
    coupon = account.get("coupon", coupon_id, "coupon")
    coupon["times_redeemed"] += 1
    aged(coupon, account)
    if promotion_code is not None:
        code = account.get("promotion_code", promotion_code, "promotion_code")
        code["times_redeemed"] += 1


def aged(coupon: Document, account: Account) -> Document:
    """Note what time and use did to a coupon, and return it."""
    spent = coupon["max_redemptions"] is not None and (
        coupon["times_redeemed"] >= coupon["max_redemptions"]
    )
    late = coupon["redeem_by"] is not None and account.clock() > coupon["redeem_by"]
    coupon["valid"] = not (spent or late)
    return coupon


def merged(metadata: dict[str, str] | None, given: dict[str, str] | str) -> dict[str, str]:
    """Return metadata after a change: an empty text removes a key, an empty change all."""
    if not isinstance(given, dict):
        return {}
    return {name: text for name, text in {**(metadata or {}), **given}.items() if text}


def _check(given: Document, account: Account) -> None:
    _check_name(given)
    if ("percent_off" in given) == ("amount_off" in given):
        raise Refused("You must pass either percent_off or amount_off.", param="percent_off")
    if "percent_off" in given and not 0 < given["percent_off"] <= 100:
        raise Refused("Invalid percent_off: must be above 0 and at most 100", param="percent_off")
    _check_amount(given)
    if (given.get("duration") == "repeating") != ("duration_in_months" in given):
        message = "duration_in_months is for coupons whose duration is repeating, and needed there."
        raise Refused(message, param="duration_in_months")
    if given.get("duration", "once") not in {"once", "repeating", "forever"}:
        raise Refused("Invalid duration", param="duration")
    if given.get("redeem_by", account.clock() + 1) <= account.clock():
        raise Refused("Invalid timestamp: must be in the future.", param="redeem_by")
    if given.get("max_redemptions", 1) < 1:
        raise Refused("Invalid positive integer: max_redemptions", param="max_redemptions")


def _check_amount(given: Document) -> None:
    if "amount_off" not in given:
        if "currency" in given:
            raise Refused("currency is for coupons with amount_off.", param="currency")
        return
    if "currency" not in given:
        message = "Missing required param: currency."
        raise Refused(message, code="parameter_missing", param="currency")
    if given["amount_off"] < 1:
        raise Refused("Invalid positive integer: amount_off", param="amount_off")


def _check_name(given: Document) -> None:
    if len(given.get("name", "")) > _LONGEST_NAME:
        message = f"Invalid string: must be at most {_LONGEST_NAME} characters"
        raise Refused(message, param="name")


ROUTES = [
    Route("POST", "/v1/coupons", create, params.CouponCreateParams),
    Route("GET", "/v1/coupons", list_, params.CouponListParams),
    Route("GET", "/v1/coupons/{id}", retrieve, params.CouponRetrieveParams),
    Route("POST", "/v1/coupons/{id}", update, params.CouponUpdateParams),
    Route("DELETE", "/v1/coupons/{id}", delete, params.CouponDeleteParams),
]
