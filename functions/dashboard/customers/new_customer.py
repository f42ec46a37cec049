"""The form for a new customer: its fields as the API's request."""

from collections.abc import Mapping
from typing import Any

from dashboard import forms, terminal
from orchard.contracts.customers import GetOrCreateCustomerRequest
from orchard.contracts.request import parse, prepare

FIELDS = ("name", "customer_id", "email", "fingerprint", "metadata", "reason", "reference")

prepare(GetOrCreateCustomerRequest)


def first() -> dict[str, str]:
    """Return the form as it is opened."""
    return forms.typed({}, FIELDS) | {"key": forms.new_key()}


def body(values: Mapping[str, str]) -> dict[str, Any]:
    """Return the body of `customers.get_or_create` for what was typed. Errors: `InvalidInputs`."""
    given: dict[str, Any] = {name: values[name] for name in FIELDS if values[name]}
    given.setdefault("customer_id", None)
    if "metadata" in given:
        given["metadata"] = forms.json_object(given["metadata"], "metadata")
    return given


def request(asked: Mapping[str, Any]) -> GetOrCreateCustomerRequest:
    """Return the API's request. Errors: `InvalidInputs`."""
    return parse(GetOrCreateCustomerRequest, {**asked, "with_autumn_id": True})


def called(asked: Mapping[str, Any]) -> str:
    """Return what people call the customer."""
    return str(asked.get("name") or asked["customer_id"] or asked.get("email") or "")


def curl(asked: Mapping[str, Any]) -> str:
    """Return the same call for a terminal."""
    return terminal.curl("customers.get_or_create", asked)
