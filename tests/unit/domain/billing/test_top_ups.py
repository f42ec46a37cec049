"""When more is bought by itself, how much, and where it goes."""

from decimal import Decimal
from typing import Any

import pytest

from orchard.domain.billing import stocks, top_ups
from orchard.domain.billing.stocks import Stock
from orchard.domain.billing.top_ups import Record, Rule
from orchard.domain.holding import Holding, Place
from orchard.domain.row import PRICED, Row

NOW = 1_788_220_800_000
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
RULE = Rule(Decimal(20), Decimal(100))
LIMITED = RULE._replace(limit=Decimal(2), interval="day")
STOCK = Stock("cus_prod_1", "credits", Decimal(100))
PREPAID = {"billing_method": "prepaid", "interval": "one_off", "amount": Decimal(10)}


def row(name: str, balance: int, **fields: Any) -> Row:
    return Row(id=name, created_at=NOW, balance=Decimal(balance), **fields)


PACKS = row("packs", 5, customer_plan_id="cus_prod_1", price=PREPAID, prepaid=Decimal(50))


def after(*rows: Row, units: int = 100) -> dict[str, tuple[Decimal, Decimal]]:
    """The balance of each row after a purchase, and how much of it was bought."""
    stock = STOCK._replace(units=Decimal(units))
    place = Place("credits")
    held = stocks.stocked({place: Holding(rows)}, [stock], NOW)[place]
    return {one.id: (one.balance, one.prepaid) for one in held.rows}


@pytest.mark.parametrize(
    ("rows", "is_low"),
    [
        ((row("a", 21),), False),
        ((row("a", 20),), True),
        ((row("a", 30), row("b", -10)), True),
        ((row("a", 30), row("b", -9)), False),
        ((row("a", 0, unlimited=True),), False),
        ((), False),
    ],
)
def test_little_is_what_the_threshold_says_with_what_is_owed(
    rows: tuple[Row, ...], *, is_low: bool
) -> None:
    assert top_ups.is_low(Holding(rows), Decimal(20)) is is_low


@pytest.mark.parametrize(
    ("entry", "found"),
    [
        ({"feature_id": "credits", "enabled": True}, RULE),
        ({"feature_id": "credits", "enabled": False}, None),
        ({"feature_id": "credits"}, None),
        ({"feature_id": "messages", "enabled": True}, None),
    ],
)
def test_only_an_enabled_entry_of_the_feature_counts(
    entry: dict[str, Any], found: Rule | None
) -> None:
    entries = [{**entry, "threshold": Decimal(20), "quantity": Decimal(100)}]
    assert top_ups.rule({"auto_topups": entries}, "credits") == found
    assert top_ups.rule({}, "credits") is None


@pytest.mark.parametrize(
    ("known", "rule", "is_free"),
    [
        (Record("credits"), RULE, True),
        (Record("credits", made=9, resets_at=NOW + 1), RULE, True),
        (Record("credits", made=1, resets_at=NOW + 1), LIMITED, True),
        (Record("credits", made=2, resets_at=NOW + 1), LIMITED, False),
        (Record("credits", made=2, resets_at=NOW), LIMITED, True),
        (Record("credits", attempts=(NOW - 9 * MINUTE,)), RULE, True),
        (Record("credits", attempts=(NOW - 9 * MINUTE, NOW)), RULE, False),
        (Record("credits", attempts=(NOW - 10 * MINUTE, NOW)), RULE, True),
        (Record("credits", failed_at=NOW - HOUR + 1), RULE, False),
        (Record("credits", failed_at=NOW - HOUR), RULE, True),
    ],
)
def test_limits_stand_in_the_way(known: Record, rule: Rule, *, is_free: bool) -> None:
    assert (top_ups.obstacle(known, rule, NOW) is None) is is_free


def test_a_use_is_acted_on_once_and_a_later_denial_again() -> None:
    known = top_ups.attempted(Record("credits"), NOW, 7)
    assert known.knows(7, NOW)
    assert known.knows(0, NOW - 1)
    assert not known.knows(8, NOW)
    assert not known.knows(0, NOW + 1)


def test_the_first_purchase_of_a_window_begins_it() -> None:
    stock = STOCK._replace(interval="day")
    first = top_ups.bought(Record("credits", failed_at=NOW), stock, NOW)
    second = top_ups.bought(first, stock, NOW + HOUR)
    third = top_ups.bought(second, stock, NOW + DAY)

    assert [(one.made, one.resets_at) for one in (first, second, third)] == [
        (1, NOW + DAY),
        (2, NOW + DAY),
        (1, NOW + 2 * DAY),
    ]
    assert (third.failed_at, third.version) == (None, 3)
    assert top_ups.bought(Record("credits"), STOCK, NOW).resets_at == 0


def test_what_others_owe_is_paid_first_but_not_for_entities_seats_or_purchases() -> None:
    metered = row("metered", -30, overage=PRICED, billed=True)
    seat = metered._replace(id="seat", continuous=True, proration={"on_increase": "prorate"})
    entity = row("entity", -30, entity_id="e1")
    other = row("other", -30, customer_plan_id="cus_prod_2", price=PREPAID)
    found = after(metered, PACKS, seat, entity, other)

    assert found["packs"] == (75, 150)
    assert found["metered"] == (0, 0)
    assert {found[name][0] for name in ("seat", "entity", "other")} == {-30}
    assert after(metered, PACKS, units=20) == {"metered": (-10, 0), "packs": (5, 70)}


def test_what_was_paid_for_is_there_even_if_the_plan_is_gone() -> None:
    assert sorted(after(row("free", 3)).values()) == [(3, 0), (100, 100)]
