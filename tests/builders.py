"""Data for tests, made through the public operations."""

from collections.abc import Mapping
from typing import Any

from tests.conftest import Call


def a_feature(call: Call, feature_id: str = "messages", **fields: Any) -> None:
    """A consumable metered feature, unless the fields say otherwise."""
    body = {"feature_id": feature_id, "name": feature_id.title(), "type": "metered", **fields}
    if body["type"] == "metered":
        body.setdefault("consumable", True)
    answered = call("features.create", body)
    assert answered.status == 200, answered


def a_plan(call: Call, plan_id: str = "free", *items: Mapping[str, Any], **fields: Any) -> None:
    """A plan; without items it gives 100 messages a month."""
    given = list(items) or [monthly("messages", 100)]
    answered = call(
        "plans.create", {"plan_id": plan_id, "name": plan_id.title(), "items": given, **fields}
    )
    assert answered.status == 200, answered


def monthly(feature_id: str, included: float) -> dict[str, Any]:
    return {"feature_id": feature_id, "included": included, "reset": {"interval": "month"}}


def lifetime(feature_id: str, included: float) -> dict[str, Any]:
    return {"feature_id": feature_id, "included": included}


def a_customer(call: Call, customer_id: str = "user_1", **fields: Any) -> dict[str, Any]:
    answered = call("customers.get_or_create", {"customer_id": customer_id, **fields})
    assert answered.status == 200, answered
    body: dict[str, Any] = answered.body
    return body


def a_grant(call: Call, amount: float, feature_id: str = "messages", **fields: Any) -> None:
    body = {"customer_id": "user_1", "feature_id": feature_id, "included_grant": amount, **fields}
    answered = call("balances.create", body)
    assert answered.status == 200, answered


def balance(call: Call, feature_id: str = "messages", customer_id: str = "user_1") -> Any:
    """The balance that a check shows."""
    answered = call("balances.check", {"customer_id": customer_id, "feature_id": feature_id})
    assert answered.status == 200, answered
    return answered.body["balance"]


def left(call: Call, feature_id: str = "messages") -> tuple[float, float]:
    """Remaining and usage, as the tables of the specification write them."""
    shown = balance(call, feature_id)
    return shown["remaining"], shown["usage"]
