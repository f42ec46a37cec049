"""What a detail of a customer holds: in words, and as it is typed."""

import json
from typing import Any

from dashboard import forms
from orchard.contracts.numbers import plain
from orchard.errors import InvalidInputs
from orchard.triggers import http

#: What an entry of the metadata may be.
KINDS = {"text": "Text", "number": "Number", "switch": "Yes or no", "json": "JSON"}
_SWITCHES = {"yes": True, "true": True, "no": False, "false": False}


def in_words(held: Any) -> str:
    """Return what a field holds, as people read it."""
    if held is None:
        return ""
    if isinstance(held, bool):
        return "yes" if held else "no"
    return held if isinstance(held, str) else json.dumps(plain(held), ensure_ascii=False)


def kind_of(held: Any) -> str:
    """Return which of `KINDS` a value of the metadata is."""
    if isinstance(held, bool):
        return "switch"
    if isinstance(held, int | float):
        return "number"
    return "text" if held is None or isinstance(held, str) else "json"


def of_entry(kind: str, text: str) -> Any:
    """Return what was typed as a value of the metadata. Errors: `InvalidInputs`."""
    if kind == "number":
        return forms.number(text, "value")
    if kind != "json":
        return text
    found = http.json_value(text.encode())
    if found is None:
        raise InvalidInputs('value: must be JSON, such as ["north", 3] or {"seats": 5}')
    return found


def switch(text: str) -> bool:
    """Return what was typed as yes or no. Errors: `InvalidInputs`."""
    try:
        return _SWITCHES[text.lower()]
    except KeyError:
        raise InvalidInputs("value: must be yes or no") from None
