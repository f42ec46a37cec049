"""The fields that forms about billing share, as parts of requests of the API."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from dashboard import forms
from dashboard.billing import custom_plan
from dashboard.figures import number
from orchard.errors import InvalidInputs

type View = Mapping[str, Any]

#: How it is paid, in words.
WAYS = {
    "charge": "Card on file, else a link",
    "link": "Link to pay or confirm",
    "invoice": "Invoice",
    "nothing": "Bill nothing",
}
FIELDS = (
    *("coupon", "code", "way", "net_terms", "draft", "early", "prorate", "trial"),
    *("trial_length", "trial_unit", "trial_card", "reason", "reference", "key"),
)
TRIAL_UNITS = {"day": "days", "month": "months", "year": "years"}
FIRST = {
    **dict.fromkeys(FIELDS, ""),
    "way": "charge",
    "net_terms": "30",
    "prorate": "yes",
    "trial": "kept",
    "trial_unit": "day",
}
_PREFIX = "quantity_"


def ahead(plan: View) -> list[View]:
    """Return the items of a plan that are bought in advance."""
    return [one for one in plan["items"] if (one["price"] or {}).get("billing_method") == "prepaid"]


def quantity_names(plan: View) -> list[str]:
    """Return the names of the fields for quantities."""
    return [f"{_PREFIX}{one['feature_id']}" for one in ahead(plan)]


def first_quantities(plan: View, held: Mapping[str, Decimal]) -> dict[str, str]:
    """Return the quantities as a form is opened: those held, else what is included."""
    found = {}
    for item in ahead(plan):
        units = held.get(item["feature_id"], item["included"])
        found[f"{_PREFIX}{item['feature_id']}"] = number(units).replace(",", "")
    return found


def quantities(plan: View, values: View, before: View) -> list[dict[str, Any]]:
    """Return the quantities that differ from before, or were typed beside new items.

    Errors: `InvalidInputs`, beside the field.
    """
    asked = {name.removeprefix(_PREFIX): name for name in quantity_names(plan)}
    sold = custom_plan.sold_ahead(plan, values)
    asked = {
        one: name for one, name in asked.items() if one in sold and values[name] != before.get(name)
    }
    asked |= {one: name for one, name in sold.items() if name}
    return [
        {"feature_id": feature_id, "quantity": forms.number(values[name], name)}
        for feature_id, name in asked.items()
    ]


def discounts(values: View) -> list[dict[str, str]]:
    """Return the discounts that are chosen."""
    given = {"reward_id": values["coupon"], "promotion_code": values["code"]}
    return [{name: value} for name, value in given.items() if value]


def trial(plan: View, values: View) -> dict[str, Any]:
    """Return the trial that the customer is to have instead, as a part of `customize`."""
    if values["trial"] == "none" and plan.get("free_trial"):
        return {"free_trial": None}
    if values["trial"] != "own":
        return {}
    length = forms.number(values["trial_length"], "trial_length")
    if length != int(length):
        raise InvalidInputs("trial_length: must be a whole number")
    card = values["trial_card"] == "yes"
    unit = values["trial_unit"]
    own = {"duration_length": int(length), "duration_type": unit, "card_required": card}
    return {"free_trial": own}


def payment(values: View) -> dict[str, Any]:
    """Return how it is paid, apart from links."""
    given: dict[str, Any] = {}
    if values["prorate"] == "no":
        given["proration_behavior"] = "none"
    if values["way"] == "nothing":
        given["no_billing_changes"] = True
    elif values["way"] == "invoice":
        given["invoice_mode"] = _invoice(values)
    return given


def audit(values: View) -> dict[str, str]:
    """Return why it is done."""
    return {name: values[name] for name in ("reason", "reference") if values[name]}


def coupons(rewards: View) -> dict[str, str]:
    """Return the choices of coupons, by id."""
    return {one["id"]: one["name"] or one["id"] for one in rewards["coupons"]}


def _invoice(values: View) -> dict[str, Any]:
    mode: dict[str, Any] = {"enabled": True, "finalize": values["draft"] != "yes"}
    mode["enable_plan_immediately"] = values["early"] == "yes"
    days = forms.number(values["net_terms"] or "30", "net_terms")
    return {**mode, "net_terms_days": int(days)}
