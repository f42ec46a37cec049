"""Numbers, money and times as people read them."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from orchard.domain.money import decimals

_LONGER = {"semi_annual": "half year", "one_off": ""}


def number(value: float | Decimal) -> str:
    """Return a number with separators: `12,345.5`."""
    told = exact(value)
    whole = told == told.to_integral_value()
    return f"{told:,.0f}" if whole else f"{told.normalize():,f}"


def exact(value: float | Decimal) -> Decimal:
    """Return a number of the API to reckon with: differences of floats are not what they seem."""
    return Decimal(str(value))


def money(amount: float, currency: str | None) -> str:
    """Return an amount in major units with its currency: `1,200.00 USD`."""
    if currency is None:
        return number(amount)
    return f"{exact(amount):,.{decimals(currency)}f} {currency.upper()}"


def moment(time: int) -> str:
    """Return a time in UTC milliseconds as it is shown."""
    return datetime.fromtimestamp(time / 1000, UTC).strftime("%d %b %Y, %H:%M UTC")


def rhythm(reset: dict[str, Any] | None) -> str:
    """Return how often a source starts anew: `every 3 months`; "" if it never does."""
    if reset is None:
        return ""
    count = reset.get("interval_count", 1)
    unit = _LONGER.get(reset["interval"], reset["interval"])
    if not unit:
        return ""
    return f"every {unit}" if count == 1 else f"every {count} {unit}s"
