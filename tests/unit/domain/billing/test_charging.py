"""What plans cost for the rest of a period, and what is given back of it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.domain import money
from orchard.domain.billing import charging
from orchard.domain.billing.lines import CHARGE, REFUND, LineItem, Period, Sale, sum_of
from orchard.errors import Invalid
from tests.unit.domain.billing.sold import (
    END,
    FEATURES,
    MONTH,
    SALE,
    START,
    TENANT,
    base,
    bought,
    metered,
    plan,
    prepaid,
    tiers,
)

DAY = 86_400_000


def month_of(_price: Mapping[str, Any]) -> Period:
    return MONTH


def charged(*args: Any, at: int = START, sale: Sale = SALE, **named: Any) -> tuple[LineItem, ...]:
    return charging.charges(bought(*args, **named), sale, at, month_of)


def refunded(*args: Any, at: int = START, **named: Any) -> tuple[LineItem, ...]:
    return charging.refunds(bought(*args, **named), SALE, at, month_of)


def texts(lines: tuple[LineItem, ...]) -> list[tuple[str, Decimal]]:
    return [(line.description, line.amount) for line in lines]


def test_a_base_price_is_a_line_of_the_plan() -> None:
    (line,) = charged(plan("pro", base(20)))
    assert line.description == "Pro - Base Price (from 1 Sep 2026 to 1 Oct 2026)"
    assert (line.kind, line.display_name, line.feature_id) == (CHARGE, "Pro", None)
    assert (line.amount, line.quantity, line.period) == (20, 1, MONTH)
    assert (line.plan_id, line.customer_plan_id) == ("pro", "cus_prod_1")


def test_what_is_included_of_prepaid_units_is_not_paid_for() -> None:
    (line,) = charged(plan("pro", None, prepaid(included=2)), seats=5)
    assert line.description == "Pro - 5 seats (from 1 Sep 2026 to 1 Oct 2026)"
    assert (line.display_name, line.feature_id) == ("Seats", "seats")
    assert (line.amount, line.quantity) == (30, 5)


@pytest.mark.parametrize(("asked", "amount"), [(101, 10), (200, 10), (201, 20), (1000, 90)])
def test_packs_are_whole(asked: int, amount: int) -> None:
    item = prepaid("messages", included=100, billing_units=Decimal(100))
    (line,) = charged(plan("pro", None, item), messages=asked)
    assert (line.amount, line.quantity) == (amount, asked)


@pytest.mark.parametrize("asked", [0, 99, 100])
def test_no_units_beyond_those_included_are_no_line(asked: int) -> None:
    item = prepaid("messages", included=100, billing_units=Decimal(100))
    assert charged(plan("pro", None, item), messages=asked) == ()


def test_usage_is_billed_when_it_is_known() -> None:
    assert texts(charged(plan("pro", base(20), metered()))) == [
        ("Pro - Base Price (from 1 Sep 2026 to 1 Oct 2026)", 20)
    ]


def test_the_entity_is_named_at_the_end() -> None:
    (line,) = charged(plan("pro", base(20)), "Acme")
    assert line.description == "Pro - Base Price (from 1 Sep 2026 to 1 Oct 2026) (Acme)"


@pytest.mark.parametrize(
    ("included", "asked", "amount"),
    [(100, 300, 20), (100, 600, 50), (100, 800, 60), (0, 600, 60), (0, 601, 65)],
)
def test_each_unit_costs_what_its_tier_says(included: int, asked: int, amount: int) -> None:
    graduated = tiers((600, 10), ("inf", 5), billing_units=Decimal(100))
    item = prepaid("messages", included=included, **graduated)
    (line,) = charged(plan("pro", None, item), messages=asked)
    assert line.amount == amount


@pytest.mark.parametrize(("asked", "amount"), [(10, 10), (50, 50), (51, "30.50"), (100, 55)])
def test_volume_is_billed_at_the_tier_it_reaches(asked: int, amount: Any) -> None:
    by_volume = tiers((50, 1), ("inf", "0.5", 5), tier_behavior="volume")
    (line,) = charged(plan("pro", None, prepaid("messages", **by_volume)), messages=asked)
    assert line.amount == Decimal(amount)


def test_a_rest_of_the_period_costs_its_share() -> None:
    of = plan("pro", base(30), prepaid())
    assert texts(charged(of, at=START + 10 * DAY, seats=3)) == [
        ("Pro - Base Price (from 11 Sep 2026 to 1 Oct 2026)", 20),
        ("Pro - 3 seats (from 11 Sep 2026 to 1 Oct 2026)", 20),
    ]


def test_what_is_bought_once_is_never_a_share() -> None:
    once = plan("pack", base(10, "one_off"), prepaid(amount=5, interval="one_off"))
    lines = charged(once, at=END - DAY, seats=2)
    assert texts(lines) == [("Pack - Base Price", 10), ("Pack - 2 seats", 10)]
    assert all(line.one_off and line.period is None for line in lines)
    assert refunded(once, at=START + DAY, seats=2) == ()


def test_unused_time_is_given_back() -> None:
    (line,) = refunded(plan("pro", base(20)), at=START + 15 * DAY)
    assert line.description == "Unused Pro - Base Price (from 16 Sep 2026 to 1 Oct 2026)"
    assert (line.kind, line.amount, line.paid_since) == (REFUND, -10, START)


@pytest.mark.parametrize("at", [END, END + DAY])
def test_after_the_period_nothing_is_left_of_it(at: int) -> None:
    assert sum_of(refunded(plan("pro", base(20)), at=at)) == 0


def test_an_unchanged_price_is_neither_credited_nor_charged() -> None:
    of = plan("pro", base(20), prepaid(included=2))
    at = START + 7 * DAY
    before, after = refunded(of, at=at, seats=5), charged(of, at=at, seats=10)
    lines = charging.netted(before, after)
    assert [line.feature_id for line in lines] == ["seats", "seats"]
    assert sum_of(lines) == sum_of((*before, *after))


def test_a_quantity_that_changes_is_credited_and_charged_anew() -> None:
    of = plan("pro", None, prepaid(included=2))
    lines = charging.netted(refunded(of, seats=5), charged(of, seats=10))
    assert texts(lines) == [
        ("Unused Pro - 5 seats (from 1 Sep 2026 to 1 Oct 2026)", -30),
        ("Pro - 10 seats (from 1 Sep 2026 to 1 Oct 2026)", 80),
    ]


def test_the_same_amount_for_another_time_is_another_price() -> None:
    year = Period(START, START + 365 * DAY)
    before = refunded(plan("pro", base(20)))
    yearly = charging.charges(
        bought(plan("pro", base(20, "year"))), SALE, START, lambda _price: year
    )
    assert len(charging.netted(before, yearly)) == 2
    once = charged(plan("pro", base(20, "one_off")))
    assert len(charging.netted(before, once)) == 2


def test_the_next_cycle_is_whole_and_has_nothing_that_was_bought_once() -> None:
    of = plan("pro", base(20), prepaid("messages", 5, "one_off"), prepaid(), metered())
    lines = charging.next_cycle(bought(of, seats=2, messages=9), SALE, month_of)
    assert texts(lines) == [
        ("Pro - Base Price (from 1 Sep 2026 to 1 Oct 2026)", 20),
        ("Pro - 2 seats (from 1 Sep 2026 to 1 Oct 2026)", 20),
    ]


def test_a_price_in_another_currency_is_the_one_that_is_billed() -> None:
    euros = [{"currency": "eur", "amount": Decimal("18.5")}]
    of = plan("pro", base(20, additional_currencies=euros))
    (line,) = charged(of, sale=Sale(TENANT, FEATURES, "eur"))
    assert line.amount == Decimal("18.5")


def test_tiers_have_amounts_of_their_own_in_another_currency() -> None:
    def reached(to: Any, amount: Any, flat: Any) -> dict[str, Any]:
        yen = {"currency": "jpy", "amount": Decimal(amount), "flat_amount": Decimal(flat)}
        return {**tiers((to, 1, 2))["tiers"][0], "additional_currencies": [yen]}

    by_volume: dict[str, Any] = {"tiers": [reached(10, 150, 300), reached("inf", 100, 500)]}
    item = prepaid(tier_behavior="volume", **by_volume)
    (line,) = charged(plan("pro", None, item), sale=Sale(TENANT, FEATURES, "jpy"), seats=20)
    assert line.amount == 2500


@pytest.mark.parametrize(
    "of", [plan("pro", base(20)), plan("pro", None, prepaid(**tiers((5, 1), ("inf", 2))))]
)
def test_dollars_are_never_taken_for_yen(of: Any) -> None:
    with pytest.raises(Invalid, match="jpy") as refused:
        charged(of, sale=Sale(TENANT, FEATURES, "jpy"), seats=3)
    assert refused.value.code == "currency_mismatch"


amounts = st.decimals(0, 100_000, places=2)
moments = st.integers(START, END)


@given(amounts, st.integers(0, 500), moments)
def test_a_refund_is_the_opposite_of_the_charge(amount: Decimal, units: int, at: int) -> None:
    of = plan("pro", base(amount), prepaid(amount="0.333", included=3))
    given_back, paid = refunded(of, at=at, seats=units), charged(of, at=at, seats=units)
    assert [-line.amount for line in given_back] == [line.amount for line in paid]
    assert charging.netted(given_back, paid) == ()


@given(amounts)
def test_the_whole_period_costs_the_whole_price(amount: Decimal) -> None:
    assert sum_of(charged(plan("pro", base(amount)))) == amount
    assert sum_of(charged(plan("pro", base(amount)), at=START - DAY)) == amount


@given(amounts, moments)
def test_what_was_used_and_what_is_given_back_is_the_price(amount: Decimal, at: int) -> None:
    left = sum_of(charged(plan("pro", base(amount)), at=at))
    assert 0 <= left <= amount
    used = amount * (at - START) / (END - START)
    assert abs(amount - left - used) <= Decimal("0.005")


@given(amounts, moments, moments)
def test_later_never_costs_more(amount: Decimal, one: int, other: int) -> None:
    of = plan("pro", base(amount))
    early, late = (sum_of(charged(of, at=at)) for at in sorted((one, other)))
    assert late <= early


@given(st.decimals("0.0000000001", 1000, places=10), moments, st.sampled_from(["usd", "jpy"]))
def test_lines_are_whole_minor_units(amount: Decimal, at: int, currency: str) -> None:
    others = [{"currency": "jpy", "amount": amount}]
    of = plan("pro", base(amount, additional_currencies=others))
    for line in charged(of, at=at, sale=Sale(TENANT, FEATURES, currency)):
        assert line.amount == money.rounded(line.amount, currency)
