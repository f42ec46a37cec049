"""Exact quantities: decimals with at most ten digits after the point, half to even."""

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal

ZERO = Decimal(0)
#: No quantity in a request may be larger than this, so that sums keep fitting a stored number.
LARGEST = Decimal(10) ** 15
#: Stands for "no bound" where a number is needed; tracked usage can never reach it.
UNBOUNDED = Decimal(10) ** 17

_PLACES = Decimal(1).scaleb(-10)
#: Wide enough for the sum of any two stored numbers: the default 28 digits would round.
_EXACT = Context(prec=38, rounding=ROUND_HALF_EVEN)


def exact(value: Decimal | int) -> Decimal:
    """Return `value` rounded to ten places, without trailing zeros or an exponent."""
    rounded = _EXACT.quantize(Decimal(value), _PLACES)
    plain = rounded.normalize(_EXACT)
    return plain if plain.as_tuple().exponent <= 0 else plain.quantize(Decimal(1))  # type: ignore[operator]  # never a special value


def total(values: Iterable[Decimal]) -> Decimal:
    """Return the exact sum of `values`."""
    return sum(values, ZERO)
