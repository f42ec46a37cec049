"""The form that attaches a plan: what is typed as `billing.attach`, and what its button says."""

from collections.abc import Mapping
from typing import Any

from dashboard import forms
from dashboard.billing import custom_plan
from dashboard.billing import fields as billing_fields
from dashboard.billing import words as billing_words
from orchard.contracts.billing.attach import AttachRequest
from orchard.contracts.request import parse, prepare
from orchard.errors import InvalidInputs

type View = Mapping[str, Any]

OPERATION = "billing.attach"
SCHEDULES = {
    "": "As usual",
    "immediate": "At once",
    "end_of_cycle": "From the next period",
}
_OWN = ("schedule", "ends_at", "short", "entity_id")

prepare(AttachRequest)


def names(plan: View) -> list[str]:
    """Return the names of the fields for a plan."""
    quantities = billing_fields.quantity_names(plan)
    return [*billing_fields.FIELDS, *_OWN, *quantities, *custom_plan.names(plan)]


def first(plan: View) -> dict[str, str]:
    """Return the form as it is opened."""
    return {
        **billing_fields.FIRST,
        **dict.fromkeys(_OWN, ""),
        **billing_fields.first_quantities(plan, {}),
        **custom_plan.first(plan),
        "key": forms.new_key(),
    }


def body(customer_id: str, plan: View, features: View, values: View) -> dict[str, Any]:
    """Return the body of `billing.attach` for what was typed.

    Errors: `InvalidInputs`, `Conflict`.
    """
    given: dict[str, Any] = {"customer_id": customer_id, "plan_id": plan["id"]}
    given["version"] = plan["version"]
    custom = custom_plan.customize(plan, features, values) | billing_fields.trial(plan, values)
    optional = {
        "customize": custom,
        "feature_quantities": billing_fields.quantities(plan, values, {}),
        "discounts": billing_fields.discounts(values),
        "plan_schedule": values["schedule"],
        "entity_id": values["entity_id"],
        **billing_fields.payment(values),
        **_link(values),
        **billing_fields.audit(values),
    }
    if values["ends_at"]:
        optional["ends_at"] = forms.moment(values["ends_at"], "ends_at")
    return given | {name: value for name, value in optional.items() if value}


def request(asked: View, features: View) -> AttachRequest:
    """Return the API's request. Errors: `InvalidInputs`, with the item named that it is about."""
    try:
        return parse(AttachRequest, dict(asked))
    except InvalidInputs as refused:
        told = custom_plan.explained(refused, asked.get("customize", {}), features)
        raise InvalidInputs(told) from None


def label(preview: View, values: View, now: int) -> str:
    """Return what the button does, by what the preview says."""
    page = preview["checkout_type"]
    if page is not None:
        return "Make a checkout link" if page == billing_words.CHECKOUT else "Make a link"
    if billing_words.waits(preview, now):
        return "Schedule change"
    if values["way"] == "invoice" and preview["total"]:
        return "Make a draft invoice" if values["draft"] == "yes" else "Send invoice"
    return "Charge customer" if preview["total"] > 0 else "Attach"


def _link(values: View) -> dict[str, Any]:
    """How the link is, if it comes to that: it lasts, unless the plan comes before it is paid."""
    if values["way"] not in ("charge", "link"):
        return {}
    mode = {"redirect_mode": "always"} if values["way"] == "link" else {}
    early = values["early"] == "yes"
    lasts = not early and values["short"] != "yes"
    return {**mode, "enable_plan_immediately": early, "long_lived_checkout": lasts}
