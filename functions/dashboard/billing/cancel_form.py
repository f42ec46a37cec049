"""The forms that end a plan or let it go on: what is chosen as `billing.update`."""

from collections.abc import Mapping
from typing import Any

from dashboard import forms
from dashboard.billing import fields as billing_fields
from orchard.contracts.billing.update import UpdateRequest
from orchard.contracts.request import parse

type View = Mapping[str, Any]

FIELDS = ("when", "money", "silent", "reason", "reference", "key")
WHEN = {"end": "At the end of the period", "now": "Now"}
#: What becomes of the money for the rest of the period, if it ends now.
MONEY = {
    "credit": "Credit the rest of the period",
    "none": "Credit nothing",
    "prorated": "Pay back what is unused",
    "full": "Pay back the last payment",
}
_ACTIONS = {"end": "cancel_end_of_cycle", "now": "cancel_immediately"}
_MONEY = {
    "credit": {},
    "none": {"proration_behavior": "none"},
    "prorated": {"refund_last_payment": "prorated"},
    "full": {"refund_last_payment": "full"},
}


def first(when: str) -> dict[str, str]:
    """Return the form as it is opened."""
    return forms.typed({"when": when, "money": "credit", "key": forms.new_key()}, FIELDS)


def ending(named: View, values: View) -> dict[str, Any]:
    """Return the body of `billing.update` that ends a plan."""
    given = {**named, "cancel_action": _ACTIONS.get(values["when"], values["when"])}
    if values["when"] == "now":
        given |= _MONEY.get(values["money"], {})
    return given | _silent(values) | billing_fields.audit(values)


def going_on(named: View, values: View) -> dict[str, Any]:
    """Return the body of `billing.update` that takes the end of a plan back."""
    return {**named, "cancel_action": "uncancel"} | _silent(values) | billing_fields.audit(values)


def request(asked: View) -> UpdateRequest:
    """Return the API's request. Errors: `InvalidInputs`."""
    return parse(UpdateRequest, dict(asked))


def label(values: View) -> str:
    """Return what the button does."""
    return "End it now" if values["when"] == "now" else "End it with the period"


def _silent(values: View) -> dict[str, Any]:
    return {"no_billing_changes": True} if values["silent"] == "yes" else {}
