"""The form for a new customer: its fields as the API's request, its errors beside the fields."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from orchard.contracts.customers import GetOrCreateCustomerRequest
from orchard.contracts.request import parse, prepare
from orchard.errors import InvalidInputs, OrchardError
from orchard.triggers import http

FIELDS = ("name", "customer_id", "email", "fingerprint", "metadata")

prepare(GetOrCreateCustomerRequest)


class Wrong(NamedTuple):
    """What is wrong with a form, and with which of its fields ("" if with none alone)."""

    message: str = ""
    field: str = ""


def typed(fields: Mapping[str, str]) -> dict[str, str]:
    """Return what was typed, each field of the form once."""
    return {name: fields.get(name, "").strip() for name in FIELDS}


def request(values: Mapping[str, str]) -> GetOrCreateCustomerRequest:
    """Return the API's request for what was typed. Errors: `InvalidInputs`."""
    given: dict[str, Any] = {name: text for name, text in values.items() if text}
    given.setdefault("customer_id", None)
    if "metadata" in given:
        given["metadata"] = _object(given["metadata"])
    return parse(GetOrCreateCustomerRequest, given)


def wrong(error: OrchardError) -> Wrong:
    """Return what to say of an error, and where."""
    field, _, rest = error.message.partition(": ")
    if field.partition(".")[0] in FIELDS:
        return Wrong(rest[:1].upper() + rest[1:], field.partition(".")[0])
    return Wrong(error.message)


def _object(text: str) -> Any:
    found = http.json_value(text.encode())
    if not isinstance(found, dict):
        raise InvalidInputs('metadata: must be a JSON object, such as {"team": "north"}')
    return found
