"""The rewards of a customer: its coupons, what one more would do, and those there are to choose."""

from collections.abc import Iterable, Mapping
from typing import Any

from dashboard import forms, terminal
from dashboard.customer.tabs import Place
from dashboard.figures import moment, money, number
from dashboard.frame.visits import Visit
from orchard.contracts.coupons import AddCouponRequest, RemoveCouponRequest
from orchard.contracts.request import parse, prepare
from orchard.errors import InvalidInputs
from orchard.usecases import coupon_previews, naming, rewards
from orchard.usecases.naming import Names

type View = Mapping[str, Any]

FIELDS = ("reward", "code", "reason", "reference")
_BETWEEN = ":"
_PASSED_OVER = {
    "own_discounts": "has discounts of its own, which never add up with this",
    "other_currency": "is billed in another currency",
    "change_scheduled": "another plan follows, with the discounts of today",
    "ends": "ends before it renews",
    "coupon_ends": "renews after the coupon ends",
    "other_subscription": "renews later than the one that gets it",
}

prepare(AddCouponRequest)
prepare(RemoveCouponRequest)


def shown(visitor: Visit, place: Place, _customer: View) -> dict[str, Any]:
    """Return what the tab of rewards shows. Errors: `CustomerNotFound`."""
    held = coupon_previews.held(visitor.session, place.customer_id)
    known = {one["id"]: one for one in rewards.every(visitor.session)["coupons"]}
    names = naming.names(visitor.session)
    return {
        "coupons": [_row(one, known.get(one["coupon"]["id"]), names) for one in held["coupons"]],
        "discounts": [_discount(one) for one in held["discounts"]],
        "stripe_error": held["error"],
    }


def choices(visitor: Visit) -> dict[str, str]:
    """Return the rewards to choose from, in words: coupons, and each code of a feature grant."""
    known, names = rewards.every(visitor.session), naming.names(visitor.session)
    coupons = {one["id"]: f"{one['name']}: {_terms(one)}" for one in known["coupons"]}
    grants = {
        f"{one['id']}{_BETWEEN}{code['code']}": f"{one['name']}: {_granted(one, names)}, code "
        f"{code['code']}"
        for one in known["feature_grants"]
        for code in one["promo_codes"]
    }
    return coupons | grants


def body(visitor: Visit, customer_id: str, values: View) -> dict[str, Any]:
    """Return the body of `coupons.add` for what was chosen. Errors: `InvalidInputs`."""
    if bool(values["reward"]) == bool(values["code"]):
        raise InvalidInputs("code: choose a reward, or type a code")
    coupon_id, _, code = values["reward"].partition(_BETWEEN)
    if values["code"]:
        coupon_id, code = _spelled(visitor, values["code"])
    given = {"coupon_id": coupon_id, "promo_code": code}
    given |= {name: values[name] for name in ("reason", "reference")}
    return {"customer_id": customer_id} | {name: text for name, text in given.items() if text}


def request(asked: View) -> AddCouponRequest:
    """Return the API's request. Errors: `InvalidInputs`."""
    return parse(AddCouponRequest, dict(asked))


def added_in_words(told: View, asked: View) -> dict[str, Any]:
    """Return what adding does, as people read it."""
    shows = told.get("shows")
    return {
        "wrong": "",
        "curl": terminal.curl("coupons.add", asked),
        "features": "" if shows else "What it grants is added to the balances at once.",
        "where": where(shows) if shows else [],
        "invoices": list(_changed(told)),
    }


def removed_in_words(told: View, asked: View) -> dict[str, Any]:
    """Return what removing does, as people read it."""
    return {
        "curl": terminal.curl("coupons.remove", asked),
        "off": [one["subscription_id"] for one in told["subscriptions"]],
        "invoices": list(_changed(told)),
    }


def where(shows: View) -> list[str]:
    """Return where a coupon shows, sentence by sentence."""
    until = "" if shows["until"] is None else f" until {moment(shows['until'])}"
    bought = [f"What the customer buys{until} has it"] if shows["checkout"] else []
    on = [
        f"The invoice of {moment(one['at'])} has it ({one['subscription_id']})"
        for one in shows["subscriptions"]
    ]
    over = [
        f"{one['subscription_id']} goes without: it {_PASSED_OVER[one['reason']]}"
        for one in shows["passed_over"]
    ]
    return [*bought, *on, *over]


def _spelled(visitor: Visit, text: str) -> tuple[str, str]:
    """The coupon, and the code of a feature grant, that a text names: a code, or a coupon's id."""
    known = rewards.every(visitor.session)
    for kind, needs_code in (("coupons", False), ("feature_grants", True)):
        for one in known[kind]:
            for code in one["promo_codes"]:
                if code["code"].lower() == text.lower():
                    return one["id"], code["code"] if needs_code else ""
    return text, ""


def _row(one: View, reward: View | None, names: Names) -> dict[str, Any]:
    coupon = one["coupon"]
    shows = one["shows"]
    return {
        "id": coupon["id"],
        "name": coupon["name"] or coupon["id"],
        "worth": _worth(coupon),
        "lasts": _lasts(coupon, one["is_used_up"]),
        "until": shows["until"],
        "for": _applies(one["is_for_all"], reward, names),
        "where": where(shows),
        "added_at": one["added_at"],
        "change_id": one["change_id"],
    }


def _worth(coupon: View) -> str:
    if coupon["percent_off"] is not None:
        return f"{number(coupon['percent_off'])} % off"
    return f"{money(coupon['amount_off'], coupon['currency'])} off"


def _lasts(coupon: View, is_used_up: bool) -> str:  # noqa: FBT001 - a fact of the coupon
    """How often a coupon is still worth something."""
    if coupon["duration"] == "once":
        return "used up" if is_used_up else "one invoice"
    months = coupon["duration_in_months"]
    return "every invoice" if months is None else f"every invoice for {number(months)} months"


def _applies(is_for_all: bool, reward: View | None, names: Names) -> str:  # noqa: FBT001 - likewise
    if is_for_all:
        return "Everything"
    plan_ids = reward and reward.get("plan_ids")
    return ", ".join(map(names.plan, plan_ids)) if plan_ids else "Some products at Stripe"


def _discount(one: View) -> dict[str, Any]:
    is_percent = one["type"] == "percentage_discount"
    value = one["discount_value"]
    end = one["end"]
    return {
        "name": one["name"],
        "worth": f"{number(value)} % off" if is_percent else f"{money(value, one['currency'])} off",
        "subscription_id": one["subscription_id"],
        "until": None if end is None else end * 1000,
    }


def _terms(coupon: View) -> str:
    is_percent = coupon["type"] == "percentage_discount"
    worth = f"{number(coupon['value'])} %" if is_percent else number(coupon["value"])
    duration = coupon["duration"]
    lasting = {"one_off": "for one invoice", "forever": "for good"}
    for_ = lasting.get(duration["type"], f"for {duration['length']} months")
    return f"{worth} off {for_}"


def _granted(grant: View, names: Names) -> str:
    return ", ".join(
        f"{number(one['included'])} {names.feature(one['feature_id'])}"
        if one["included"] is not None
        else names.feature(one["feature_id"])
        for one in grant["grants"]
    )


def _changed(told: View) -> Iterable[str]:
    """What becomes of the next invoices: `01 Oct 2026: 16.00 USD instead of 20.00 USD`."""
    after = {(one["invoice_at"], *one["plan_ids"]): one for one in told["after"]}
    for one in told["before"]:
        then = after.get((one["invoice_at"], *one["plan_ids"]))
        total = 0 if then is None else then["total"]
        was, now = money(one["total"], one["currency"]), money(total, one["currency"])
        told_at = moment(one["invoice_at"])
        yield f"{told_at}: {now}, unchanged" if was == now else f"{told_at}: {now} instead of {was}"


def first() -> dict[str, str]:
    """Return the form as it is opened."""
    return forms.typed({}, FIELDS) | {"key": forms.new_key()}
