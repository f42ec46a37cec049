"""Numbers on the wire: JSON numbers, whole ones without a fraction."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any


def number(value: Decimal) -> int | float:
    """Return the JSON number nearest to an exact one: an int when whole, else a double.

    Clients read doubles; the exact value stays in the table.
    """
    return int(value) if value == value.to_integral_value() else float(value)


def optional(value: Decimal | None) -> int | float | None:
    """Return the JSON number, or null."""
    return None if value is None else number(value)


def plain(value: Any) -> Any:
    """Return a stored document with its decimals as JSON numbers."""
    if isinstance(value, Decimal):
        return number(value)
    if isinstance(value, Mapping):
        return {name: plain(inner) for name, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, list | tuple) else value
