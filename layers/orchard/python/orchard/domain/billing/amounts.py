"""What a part of a price comes to in the currency in which something is sold."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from orchard.domain.money import MAIN_CURRENCY
from orchard.domain.quantity import ZERO
from orchard.errors import Invalid


def amount(part: Mapping[str, Any], currency: str, name: str = "amount") -> Decimal:
    """Return an amount of a price or of a tier, in major units of the currency.

    What costs nothing costs nothing in any. Errors: `Invalid` `currency_mismatch` when there is
    no price in the currency: 20 dollars are not 20 yen.
    """
    main = Decimal(part.get(name) or ZERO)
    if not main or currency.lower() == MAIN_CURRENCY:
        return main
    others = part.get("additional_currencies") or ()
    named = (one.get(name) for one in others if one["currency"].lower() == currency.lower())
    found = next((one for one in named if one is not None), None)
    if found is None:
        raise Invalid(f"The plan has a price that has no {name} in {currency}", "currency_mismatch")
    return Decimal(found)
