"""Why a customer was blocked or charged: what is asked, and the answer as people read it."""

from collections.abc import Mapping
from typing import Any

from dashboard import forms
from dashboard.figures import number

type View = Mapping[str, Any]

#: The fields of the form: one of the first four, and what goes along with it.
FIELDS = ("feature", "check", "event", "key", "amount", "at")
_LIMITS = {
    "included": "Nothing beyond what is included",
    "max_purchase": "The most that may be bought beyond",
    "spend_limit": "The spend limit",
    "usage_limit": "A usage limit",
}


def is_asked(values: Mapping[str, str]) -> bool:
    """Whether the address asks for something."""
    return any(values[name] for name in FIELDS[:4])


def body(customer_id: str, values: Mapping[str, str]) -> dict[str, Any]:
    """Return the body of `balances.explain`; the most exact of what was typed counts.

    Errors: `InvalidInputs`.
    """
    asked: dict[str, Any] = {"customer_id": customer_id}
    if values["check"]:
        return asked | {"check_id": values["check"]}
    if values["event"]:
        at = {"timestamp": int(forms.number(values["at"], "at"))} if values["at"] else {}
        return asked | {"event_id": values["event"]} | at
    if values["key"]:
        return asked | {"idempotency_key": values["key"]}
    needed = forms.number(values["amount"], "amount") if values["amount"] else 1
    return asked | {"feature_id": values["feature"], "required_balance": needed}


def in_words(told: View, plans: Mapping[str, str]) -> dict[str, Any]:
    """Return the answer of `balances.explain`; `plans` are names by id."""
    return {
        "summary": told["summary"],
        "limit": _LIMITS.get(told.get("limit") or "", ""),
        "at": told.get("at"),
        "sources": [_source(one, plans) for one in told.get("sources", ())],
        "limits": [line for one in told.get("features", ()) for line in _limits(one)],
        "omitted": told.get("omitted", 0),
        "complete": told.get("complete", True),
    }


def _source(one: View, plans: Mapping[str, str]) -> dict[str, str]:
    plan_id = one["plan_id"]
    return {
        "position": str(one["position"]),
        "feature": one["feature_id"],
        "from": plans.get(plan_id, plan_id) if plan_id else "Granted to this customer",
        "entity": one["entity_id"] or "",
        "holds": "unlimited" if one["unlimited"] else _number(one["holds"]),
        "gives": _number(one["gives"]),
    }


def _limits(one: View) -> list[str]:
    """What holds for a feature beyond its balance, a sentence each."""
    feature, told = one["feature_id"], []
    if one["max_purchase"] is not None:
        told.append(f"{feature}: at most {number(one['max_purchase'])} beyond what is included")
    if one["spend_limit"] is not None:
        told.append(f"{feature}: a spend limit holds")
    for limit in one["usage_limits"] or ():
        if limit["enabled"] and limit["applies"]:
            most, used, left = (number(limit[name]) for name in ("limit", "used", "left"))
            interval = limit["interval"].replace("_", " ")
            told.append(f"{feature}: {most} each {interval}; {used} used, {left} left")
    return told


def _number(value: float | None) -> str:
    return "not known" if value is None else number(value)
