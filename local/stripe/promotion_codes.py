"""Promotion codes: words that customers type to get a coupon, and whom they are for."""

import re
import secrets
import string

import stripe
from stripe import params

from local.stripe import coupons
from local.stripe.account import Account, Document, new_id
from local.stripe.failures import Refused
from local.stripe.listing import created_within, newest_first, page
from local.stripe.objects import made
from local.stripe.parameters import supported
from local.stripe.routes import Call, Route

_CODE = re.compile(r"[A-Za-z0-9_-]{1,500}")
_SIGNS = string.ascii_uppercase + string.digits
_PLAIN = {"customer", "expires_at", "max_redemptions"}
_RESTRICTIONS = {"first_time_transaction", "minimum_amount", "minimum_amount_currency"}
_LIMITS = "restrictions"
_FIRST = "promotion_code_customer_not_first_time"


def create(call: Call) -> Document:
    """Create a code; of the active ones no other may be the same, whatever its letters' case."""
    given, account = call.params, call.account
    supported(given, _PLAIN | {"active", "code", "metadata", "promotion", _LIMITS, "expand"})
    coupon_id = given["promotion"].get("coupon")
    if coupon_id is None:
        message = "Missing required param: promotion[coupon]."
        raise Refused(message, code="parameter_missing", param="promotion[coupon]")
    coupons.usable(account, coupon_id)
    if "customer" in given:
        account.get("customer", given["customer"], "customer")
    code = given.get("code") or "".join(secrets.choice(_SIGNS) for _ in range(8))
    _check(account, given, code)
    made_code = made(
        stripe.PromotionCode,
        **{name: given[name] for name in _PLAIN & given.keys()},
        id=new_id("promo_"),
        object="promotion_code",
        active=given.get("active", True),
        code=code,
        created=account.clock(),
        livemode=False,
        metadata=dict(given.get("metadata") or {}),
        promotion={"coupon": coupon_id, "type": "coupon"},
        restrictions={
            "first_time_transaction": False,
            "minimum_amount": None,
            "minimum_amount_currency": None,
            **given.get(_LIMITS, {}),
        },
        times_redeemed=0,
    )
    account.objects("promotion_code")[made_code["id"]] = made_code
    call.outbox.report("promotion_code.created", made_code)
    return shown(account, made_code)


def retrieve(call: Call) -> Document:
    """Return a promotion code."""
    supported(call.params, {"expand"})
    return shown(call.account, call.account.get("promotion_code", call.ids["id"]))


def update(call: Call) -> Document:
    """Switch a code on or off, or change its metadata."""
    supported(call.params, {"active", "metadata", "expand"})
    kept = call.account.get("promotion_code", call.ids["id"])
    if call.params.get("active") and not kept["active"]:
        coupons.usable(call.account, kept["promotion"]["coupon"])
        _refuse_twin(call.account, kept["code"])
    before = {name: kept[name] for name in call.params.keys() & {"active", "metadata"}}
    kept["active"] = call.params.get("active", kept["active"])
    if "metadata" in call.params:
        kept["metadata"] = coupons.merged(kept["metadata"], call.params["metadata"])
    previous = {name: value for name, value in before.items() if kept[name] != value}
    if previous:
        call.outbox.report("promotion_code.updated", kept, previous)
    return shown(call.account, kept)


def list_(call: Call) -> Document:
    """List codes, newest first: of a code in any case, a coupon, a customer, active or not."""
    paging = {"created", "limit", "starting_after", "ending_before", "expand"}
    supported(call.params, paging | {"active", "code", "coupon", "customer"})
    found = [
        one
        for kept in call.account.objects("promotion_code").values()
        if _fits(one := shown(call.account, kept), call.params)
    ]
    return page(newest_first(found), call.params, "/v1/promotion_codes")


def shown(account: Account, kept: Document) -> Document:
    """Return a code as it is now: active only while it can be used."""
    return {**kept, "active": kept["active"] and _lasts(account, kept)}


def usable(
    account: Account, code_id: str, customer: str | None, amount: int | None, currency: str
) -> Document:
    """Return a code that a customer may use for an amount before discounts.

    `amount` is in minor units, None where nothing is known of it. Errors: `Refused`, with the
    reason, for anyone whom the code is not for.
    """
    code = shown(account, account.get("promotion_code", code_id, "promotion_code"))
    if not code["active"]:
        raise _refusal(code, "has expired or is not active", "promotion_code_expired")
    if code["customer"] not in (None, customer):
        raise _refusal(code, "is for another customer")
    limits = code[_LIMITS]
    if limits["first_time_transaction"] and customer and _has_paid(account, customer):
        raise _refusal(code, "is for the first payment of a customer", _FIRST)
    least, of = limits["minimum_amount"], limits["minimum_amount_currency"]
    if least is not None and amount is not None and (currency != of or amount < least):
        raise _refusal(code, "needs a larger amount")
    coupons.usable(account, code["promotion"]["coupon"], currency)
    return code


def of_word(account: Account, word: str) -> Document:
    """Return the active code that somebody typed. Errors: `Refused` when there is none."""
    for kept in account.objects("promotion_code").values():
        if kept["code"].lower() == word.strip().lower() and shown(account, kept)["active"]:
            return kept
    raise Refused(f"This code is invalid: {word}", param="promotion_code")


def _refusal(code: Document, reason: str, machine: str | None = None) -> Refused:
    return Refused(f"The promotion code {code['code']} {reason}.", code=machine, param="discounts")


def _has_paid(account: Account, customer: str) -> bool:
    kept = account.objects("invoice").values()
    paid = any(
        one["customer"] == customer and one["status"] == "paid" and one["amount_paid"]
        for one in kept
    )
    intents = account.objects("payment_intent").values()
    return paid or any(
        one["customer"] == customer and one["status"] == "succeeded" for one in intents
    )


def _lasts(account: Account, kept: Document) -> bool:
    coupon = account.objects("coupon").get(kept["promotion"]["coupon"])
    if coupon is None or not coupons.aged(coupon, account)["valid"]:
        return False
    most, end = kept["max_redemptions"], kept["expires_at"]
    return (most is None or kept["times_redeemed"] < most) and (
        end is None or account.clock() < end
    )


def _fits(one: Document, wanted: Document) -> bool:
    return (
        wanted.get("active") in (None, one["active"])
        and str(wanted.get("code", one["code"])).lower() == one["code"].lower()
        and wanted.get("coupon") in (None, one["promotion"]["coupon"])
        and wanted.get("customer") in (None, one["customer"])
        and created_within(one, wanted.get("created"))
    )


def _check(account: Account, given: Document, code: str) -> None:
    if not _CODE.fullmatch(code):
        message = "A code has letters, digits, - and _ only"
        raise Refused(message, param="code")
    if given.get("max_redemptions", 1) < 1:
        raise Refused("Invalid positive integer: max_redemptions", param="max_redemptions")
    if given.get("expires_at", account.clock() + 1) <= account.clock():
        raise Refused("Invalid timestamp: must be in the future.", param="expires_at")
    limits = given.get(_LIMITS, {})
    supported(limits, _RESTRICTIONS)
    if ("minimum_amount" in limits) != ("minimum_amount_currency" in limits):
        message = "minimum_amount and minimum_amount_currency go together."
        raise Refused(message, param="restrictions[minimum_amount]")
    if given.get("active", True):
        _refuse_twin(account, code)


def _refuse_twin(account: Account, code: str) -> None:
    for kept in account.objects("promotion_code").values():
        if kept["code"].lower() == code.lower() and shown(account, kept)["active"]:
            message = f"An active promotion code with `code: {code}` already exists."
            raise Refused(message, code="resource_already_exists", param="code")


ROUTES = [
    Route("POST", "/v1/promotion_codes", create, params.PromotionCodeCreateParams),
    Route("GET", "/v1/promotion_codes", list_, params.PromotionCodeListParams),
    Route("GET", "/v1/promotion_codes/{id}", retrieve, params.PromotionCodeRetrieveParams),
    Route("POST", "/v1/promotion_codes/{id}", update, params.PromotionCodeUpdateParams),
]
