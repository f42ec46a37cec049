"""The form that grants a balance apart from any plan, and the one that takes such a grant away."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from dashboard import forms, terminal
from dashboard.customer import balance_edit
from dashboard.figures import moment, number
from orchard.contracts.editing import DeleteBalanceRequest
from orchard.contracts.granting import CreateBalanceRequest
from orchard.contracts.request import parse, prepare
from orchard.errors import InvalidInputs, OrchardError

type View = Mapping[str, Any]

FIELDS = (
    *("feature", "amount", "unlimited", "every", "next_reset_at", "expires_at"),
    *("rollover", "name", "reason", "reference"),
)
#: How often a grant starts anew.
RHYTHMS = {
    "": "Never",
    "day": "Every day",
    "week": "Every week",
    "month": "Every month",
    "quarter": "Every quarter",
    "semi_annual": "Every half year",
    "year": "Every year",
}
_FLAG = "boolean"
_NAMES = {
    "feature_id": "feature",
    "included_grant": "amount",
    "reset": "every",
    "balance_id": "name",
    "rollover.length": "rollover",
}

prepare(CreateBalanceRequest)
prepare(DeleteBalanceRequest)


def first(feature_id: str) -> dict[str, str]:
    """Return the form as it is opened."""
    return forms.typed({"feature": feature_id}, FIELDS) | {"key": forms.new_key()}


def choices(known: list[dict[str, Any]]) -> dict[str, str]:
    """Return the features to choose from, by name; what is on or off says so."""
    shown = {one["id"]: one["name"] or one["id"] for one in known if not one.get("archived")}
    flags = {one["id"] for one in known if one["type"] == _FLAG}
    told = {name: f"{word} (on or off)" if name in flags else word for name, word in shown.items()}
    return dict(sorted(told.items(), key=lambda item: item[1].casefold()))


def body(customer_id: str, values: View) -> dict[str, Any]:
    """Return the body of `balances.create` for what was typed. Errors: `InvalidInputs`."""
    if not values["feature"]:
        raise InvalidInputs("feature: choose one")
    if values["every"] and values["expires_at"] and not values["next_reset_at"]:
        raise InvalidInputs("next_reset_at: say when it resets first, as it expires")
    given: dict[str, Any] = {
        "feature_id": values["feature"],
        "included_grant": forms.number(values["amount"], "amount") if values["amount"] else None,
        "unlimited": True if values["unlimited"] else None,
        "reset": {"interval": values["every"]} if values["every"] else None,
        "rollover": {"length": _months(values["rollover"])} if values["rollover"] else None,
        "balance_id": values["name"],
        "reason": values["reason"],
        "reference": values["reference"],
    }
    for name in ("next_reset_at", "expires_at"):
        given[name] = forms.moment(values[name], name) if values[name] else None
    return {"customer_id": customer_id} | {
        name: value for name, value in given.items() if value not in (None, "")
    }


def request(asked: View) -> CreateBalanceRequest:
    """Return the API's request. Errors: `InvalidInputs`."""
    return parse(CreateBalanceRequest, dict(asked))


def wrong(error: OrchardError) -> forms.Wrong:
    """Return what is wrong, beside the field that the form has for it."""
    named, _, rest = error.message.partition(": ")
    field = _NAMES.get(named, named)
    return forms.wrong(InvalidInputs(f"{field}: {rest}" if rest else error.message), FIELDS)


def in_words(customer: View, asked: View, names: Mapping[str, str]) -> dict[str, Any]:
    """Return what a grant does, as people read it."""
    held = customer["balances"].get(asked["feature_id"])
    reset = asked.get("reset")
    return {
        "wrong": "",
        "feature": names.get(asked["feature_id"], asked["feature_id"]),
        "before": "nothing" if held is None else balance_edit.now(held),
        "after": _after(held, asked),
        "resets": RHYTHMS[reset["interval"]].lower() if reset else "never",
        "expires": moment(asked["expires_at"]) if "expires_at" in asked else "",
        "curl": terminal.curl("balances.create", asked),
    }


def removal(customer_id: str, feature_id: str, source: str, causes: View) -> dict[str, Any]:
    """Return the body of `balances.delete` for one source."""
    given = {name: text for name, text in causes.items() if text}
    named = {"customer_id": customer_id, "feature_id": feature_id, "balance_id": source}
    return named | given


def removal_request(asked: View) -> DeleteBalanceRequest:
    """Return the API's request. Errors: `InvalidInputs`."""
    return parse(DeleteBalanceRequest, dict(asked))


def _after(held: View | None, asked: View) -> str:
    if asked.get("unlimited") or (held is not None and held["unlimited"]):
        return "unlimited"
    if "included_grant" not in asked:
        return "switched on"
    more: Decimal = asked["included_grant"]
    if held is None:
        return f"{number(more)} of {number(more)} left"
    left = balance_edit.signed(held) + more
    granted = number(Decimal(str(held["granted"])) + more)
    return f"{number(left)} of {granted} left" if left >= 0 else f"{number(-left)} over {granted}"


def _months(text: str) -> int:
    months = forms.number(text, "rollover")
    if months != months.to_integral_value():
        raise InvalidInputs("rollover: must be a whole number of months")
    return int(months)
