"""Minor units of a payment processor and major units of people."""

import pytest

from orchard.domain import money


@pytest.mark.parametrize(
    ("minor", "currency", "major"),
    [
        (1999, "usd", "19.99"),
        (1999, "USD", "19.99"),
        (-5, "eur", "-0.05"),
        (0, "gbp", "0.00"),
        (1999, "jpy", "1999"),
        (1999, "krw", "1999"),
        (1990, "kwd", "1.990"),
        (99_999_999_999_999, "usd", "999999999999.99"),
    ],
)
def test_an_amount_has_as_many_decimals_as_its_currency(
    minor: int, currency: str, major: str
) -> None:
    assert str(money.major(minor, currency)) == major
