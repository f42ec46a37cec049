"""Documents that callers send and only callers read back, kept as JSON text.

DynamoDB refuses some of what JSON may hold (numbers of more than 38 digits, deep nesting, large
exponents); text holds it all. Numbers are doubles, as they are for the clients that sent them.
"""

import json
from decimal import Decimal
from typing import Any


def dump(document: Any) -> str:
    """Return a document as text."""
    return json.dumps(document, default=_number, ensure_ascii=False, separators=(",", ":"))


def load(text: str) -> Any:
    """Return the document in a text."""
    return json.loads(text)


def _number(value: object) -> int | float:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
