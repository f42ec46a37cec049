"""The form that changes a plan that is held: what is typed as `billing.update`."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from dashboard import forms
from dashboard.billing import custom_plan
from dashboard.billing import fields as billing_fields
from orchard.contracts.billing.update import UpdateRequest
from orchard.contracts.request import parse, prepare
from orchard.errors import InvalidInputs

type View = Mapping[str, Any]

OPERATION = "billing.update"
NOTHING = "There is nothing to change yet"
_OWN = ("restart",)

prepare(UpdateRequest)


def names(plan: View) -> list[str]:
    """Return the names of the fields for a plan."""
    quantities = billing_fields.quantity_names(plan)
    return [*billing_fields.FIELDS, *_OWN, *quantities, *custom_plan.names(plan)]


def first(plan: View, held: Mapping[str, Decimal]) -> dict[str, str]:
    """Return the form as it is opened; `held` are the units bought in advance, by feature."""
    return {
        **billing_fields.FIRST,
        **dict.fromkeys(_OWN, ""),
        **billing_fields.first_quantities(plan, held),
        **custom_plan.first(plan),
        "key": forms.new_key(),
    }


def body(
    named: View, plan: View, features: View, values: View, before: View, *, is_other: bool
) -> dict[str, Any]:
    """Return the body of `billing.update` for what was typed.

    `named` says which plan of whom it is about; `before` are the quantities that are held; with
    `is_other` the version is another than the one held. Errors: `InvalidInputs`, `Conflict`.
    """
    custom = custom_plan.customize(plan, features, values) | billing_fields.trial(plan, values)
    optional = {
        "version": plan["version"] if is_other else None,
        "customize": custom,
        "feature_quantities": billing_fields.quantities(plan, values, before),
        "discounts": billing_fields.discounts(values),
        "billing_cycle_anchor": "now" if values["restart"] == "yes" else "",
    }
    changed = {name: value for name, value in optional.items() if value}
    if not changed:
        raise InvalidInputs(NOTHING)
    return {**named, **changed, **billing_fields.payment(values), **billing_fields.audit(values)}


def request(asked: View, features: View) -> UpdateRequest:
    """Return the API's request. Errors: `InvalidInputs`, with the item named that it is about."""
    try:
        return parse(UpdateRequest, dict(asked))
    except InvalidInputs as refused:
        told = custom_plan.explained(refused, asked.get("customize", {}), features)
        raise InvalidInputs(told) from None


def label(preview: View, values: View) -> str:
    """Return what the button does, by what the preview says."""
    if values["way"] == "invoice" and preview["total"] > 0:
        return "Make a draft invoice" if values["draft"] == "yes" else "Send invoice"
    return "Charge customer" if preview["total"] > 0 else "Update"
