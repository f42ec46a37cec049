"""How much can be billed at once: Stripe takes eight digits of minor units, or a few more."""

from collections.abc import Iterable
from decimal import Decimal

from orchard.domain import money
from orchard.errors import Invalid

_MOST = 99_999_999
_MORE = {"idr": 999_999_999_999}


def check(amounts: Iterable[Decimal], currency: str) -> None:
    """Refuse amounts, in major units, that are too large. Errors: `Invalid`."""
    most = money.major(_MORE.get(currency, _MOST), currency)
    largest = max((abs(one) for one in amounts), default=most)
    if largest > most:
        told = f"{largest} {currency} is too much for one invoice"
        raise Invalid(f"{told}: Stripe bills at most {most} at once", "amount_too_large")
