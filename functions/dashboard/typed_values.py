"""Values as people type them: days, and amounts such as 10k."""

import re
from datetime import UTC, datetime
from decimal import Decimal

from orchard.errors import InvalidInputs

_AMOUNT = re.compile(
    r"(-?(?:[0-9]{1,3}(?:[, ][0-9]{3})+|[0-9]+)(?:\.[0-9]+)?) ?([kmb]?)", re.IGNORECASE
)
_TIMES = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9}
_LONGEST = 40


def day(text: str, called: str) -> int:
    """Return when a day begins, in UTC milliseconds. Errors: `InvalidInputs`."""
    try:
        began = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise InvalidInputs(f"{called} must be a day such as 2026-09-30") from None
    return max(0, int(began.timestamp()) * 1000)


def amount(text: str) -> Decimal:
    """Return an amount: `1,500`, `10k`, `1.5M`. Errors: `InvalidInputs`."""
    found = _AMOUNT.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        raise InvalidInputs("The amount must be a number such as 100, 10k or 1.5M")
    digits = found[1].replace(",", "").replace(" ", "")
    return Decimal(digits) * _TIMES[found[2].lower()]
