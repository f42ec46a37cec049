"""The texts of plans."""

from decimal import Decimal
from typing import Any

import pytest

from orchard.domain import plan_display
from orchard.domain.catalog import BOOLEAN, METERED, Feature

MESSAGES = Feature("messages", "Messages", METERED, consumable=True, created_at=0)
CALLS = MESSAGES._replace(name="API calls")
ENTRIES = MESSAGES._replace(name="Entries")
ACCESS = MESSAGES._replace(name="Access")
NAMED = MESSAGES._replace(settings={"display": {"singular": "text", "plural": "texts"}})
SSO = Feature("sso", "single sign-on", BOOLEAN, consumable=False, created_at=0)


def item(included: str = "0", price: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return {"included": Decimal(included), "unlimited": False, "price": price, **fields}


def price(amount: str = "1", **fields: Any) -> dict[str, Any]:
    return {"amount": Decimal(amount), "interval": "month", "billing_units": Decimal(1), **fields}


def tiers(*rows: tuple[str, str]) -> dict[str, Any]:
    listed = [{"amount": Decimal(one), "flat_amount": Decimal(fee)} for one, fee in rows]
    return {"tiers": listed, "billing_units": Decimal(1)}


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("20", "$20"),
        ("20.00", "$20"),
        ("1E+3", "$1,000"),
        ("0.1", "$0.10"),
        ("1234.5", "$1,234.50"),
        ("0.0005", "$0.0005"),
        ("0", "$0"),
    ],
)
def test_money_has_cents_only_when_it_needs_them(amount: str, text: str) -> None:
    assert plan_display.money(Decimal(amount)) == text


@pytest.mark.parametrize(
    ("interval", "count", "text"),
    [
        ("month", 1, "per month"),
        ("month", 3, "per 3 months"),
        ("semi_annual", 1, "per half year"),
        ("semi_annual", 2, "per 2 half years"),
        ("one_off", 1, "one-off"),
    ],
)
def test_a_base_price_names_its_interval(interval: str, count: int, text: str) -> None:
    shown = plan_display.price(
        {"amount": Decimal(20), "interval": interval, "interval_count": Decimal(count)}
    )

    assert shown == {"primary_text": "$20", "secondary_text": text}


@pytest.mark.parametrize(
    ("one", "feature", "text"),
    [
        (item("500"), MESSAGES, "500 Messages"),
        (item("1"), MESSAGES, "1 Message"),
        (item("1"), ENTRIES, "1 Entry"),
        (item("1"), ACCESS, "1 Access"),
        (item("12500.5"), MESSAGES, "12,500.5 Messages"),
        (item("0"), MESSAGES, "Messages"),
        (item("500"), NAMED, "500 Texts"),
        (item("1"), NAMED, "1 Text"),
        (item("500"), CALLS, "500 API calls"),
        (item("0", unlimited=True), MESSAGES, "Unlimited messages"),
        (item("0"), SSO, "Single sign-on"),
    ],
)
def test_an_item_says_how_much_it_gives(one: dict[str, Any], feature: Feature, text: str) -> None:
    assert plan_display.item(one, feature) == {"primary_text": text}


@pytest.mark.parametrize(
    ("cost", "feature", "text"),
    [
        (price("10"), MESSAGES, "$10 per message"),
        (price("10"), NAMED, "$10 per text"),
        (price("0.5", billing_units=Decimal(1000)), MESSAGES, "$0.50 per 1,000 messages"),
        (tiers(("2", "0"), ("1", "0")), MESSAGES, "$2 - $1 per message"),
        (tiers(("2", "0"), ("2", "0")), MESSAGES, "$2 per message"),
        (tiers(("2", "0")), CALLS, "$2 per API call"),
        (tiers(("0", "10"), ("0", "15")), MESSAGES, "$10 - $15 per message"),
    ],
)
def test_an_item_says_what_more_of_it_costs(
    cost: dict[str, Any], feature: Feature, text: str
) -> None:
    amount, _, unit = text.partition(" per ")
    alone = plan_display.item(item(price=cost), feature)
    beside = plan_display.item(item("5", cost), feature)

    assert alone == {"primary_text": amount, "secondary_text": f"per {unit}"}
    assert beside["secondary_text"] == f"then {text}"
