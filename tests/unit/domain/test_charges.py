"""What usage beyond the balance comes to."""

from decimal import Decimal
from typing import Any

import pytest

from orchard.domain import charges
from orchard.domain.row import PRICED, Row

TIERS = [
    {"to": Decimal(100), "amount": Decimal("0.10")},
    {"to": Decimal(1000), "amount": Decimal("0.05")},
    {"to": "inf", "amount": Decimal("0.01")},
]


def price(amount: str | None = None, **fields: Any) -> dict[str, Any]:
    billed = {"billing_method": "usage_based", "interval": "month", **fields}
    return billed if amount is None else {**billed, "amount": Decimal(amount)}


def overdrawn(by: str, amount: str = "0.10", row_id: str = "row", **fields: Any) -> Row:
    given = {"overage": PRICED, "price": price(amount), **fields}
    return Row(id=row_id, created_at=0, balance=-Decimal(by), **given)


@pytest.mark.parametrize(
    ("quantity", "of", "cost"),
    [
        ("0", price("0.5"), "0"),
        ("20", price("0.5"), "10"),
        ("150.5", price("0.10"), "15.10"),
        ("101", price("2", billing_units=Decimal(100)), "4"),
        ("100", price("2", billing_units=Decimal(100)), "2"),
        ("100", price(tiers=TIERS), "10"),
        ("101", price(tiers=TIERS), "10.05"),
        ("1500", price(tiers=TIERS), "60"),
        ("1001", price(tiers=TIERS, billing_units=Decimal(10)), "5.51"),
    ],
)
def test_a_quantity_is_billed_in_whole_units_each_at_its_tier(
    quantity: str, of: dict[str, Any], cost: str
) -> None:
    assert charges.of_usage(of, Decimal(quantity)) == Decimal(cost)


def test_what_is_not_overdrawn_or_has_no_price_costs_nothing() -> None:
    rows = [
        overdrawn("-5"),
        overdrawn("50", overage="none", row_id="free"),
        Row(id="allocated", created_at=0, balance=Decimal(-3), overage="allocated"),
    ]
    assert charges.of_rows(rows, "usd") == 0


def test_slices_of_one_row_are_billed_together_and_rows_apart() -> None:
    slices = [overdrawn("0.5", entity_id=name, entity_feature_id="seats") for name in ("a", "b")]
    assert charges.of_rows(slices, "usd") == Decimal("0.10")
    rows = [overdrawn("0.5", row_id=name) for name in ("a", "b")]
    assert charges.of_rows(rows, "usd") == Decimal("0.20")


def test_an_amount_is_rounded_to_what_its_currency_has() -> None:
    assert charges.of_rows([overdrawn("1", "0.005")], "usd") == Decimal("0.01")
    yen = price("9", additional_currencies=[{"currency": "jpy", "amount": Decimal("0.5")}])
    assert charges.of_rows([overdrawn("3", price=yen)], "jpy") == 2
