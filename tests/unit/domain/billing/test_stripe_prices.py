"""What of a plan exists at Stripe, and how it is found there."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.domain import money
from orchard.domain.billing import charging, stripe_prices
from orchard.domain.billing.lines import Sale, sum_of
from orchard.domain.billing.stripe_prices import PriceSpec, SubscriptionItem
from tests.unit.domain.billing.sold import (
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


def recurring(*args: Any, **named: Any) -> tuple[SubscriptionItem, ...]:
    return stripe_prices.subscription_items(bought(*args, **named), SALE)


def shapes(*items: SubscriptionItem) -> list[tuple[Decimal, int, str | None, int]]:
    return [
        (one.price.unit_amount, one.quantity, one.price.interval, one.price.interval_count)
        for one in items
    ]


def test_base_price_and_packs_recur() -> None:
    of = plan("pro", base("19.99"), prepaid(included=2, billing_units=Decimal(5)), metered())
    items = recurring(of, seats=12)
    assert shapes(*items) == [(1999, 1, "month", 1), (1000, 2, "month", 1)]
    assert [one.feature_id for one in items] == [None, "seats"]


def test_tiers_recur_as_the_amount_that_they_come_to() -> None:
    of = plan("pro", None, prepaid(**tiers((5, 10), ("inf", 5))))
    assert shapes(*recurring(of, seats=7)) == [(6000, 1, "month", 1)]


@pytest.mark.parametrize(
    "of",
    [
        plan("pro", None, metered()),
        plan("pro", None, prepaid()),
        plan("pro", base(5, "one_off"), metered()),
    ],
)
def test_what_is_billed_later_recurs_for_free(of: Any) -> None:
    assert shapes(*recurring(of)) == [(0, 1, "month", 1)]


def test_what_is_bought_once_does_not_recur() -> None:
    of = plan("pack", base(10, "one_off"), prepaid(interval="one_off"))
    assert recurring(of, seats=3) == ()
    items = stripe_prices.one_off_items(bought(of, seats=3), SALE)
    assert shapes(*items) == [(1000, 1, None, 1), (1000, 3, None, 1)]


def test_nothing_of_a_free_plan_is_sold() -> None:
    of = plan("free")
    assert (recurring(of), stripe_prices.products(of, SALE)) == ((), ())
    assert stripe_prices.standing_prices(of, SALE) == ()
    assert stripe_prices.product_ids(TENANT, of) == ()


@pytest.mark.parametrize(
    ("interval", "count", "expected"),
    [
        ("week", 2, ("week", 2)),
        ("month", 1, ("month", 1)),
        ("quarter", 2, ("month", 6)),
        ("semi_annual", 1, ("month", 6)),
        ("year", 3, ("year", 3)),
    ],
)
def test_intervals_are_those_of_stripe(
    interval: str, count: int, expected: tuple[str, int]
) -> None:
    (item,) = recurring(plan("pro", base(20, interval, interval_count=count)))
    assert (item.price.interval, item.price.interval_count) == expected


def test_a_price_may_cost_a_fraction_of_a_cent() -> None:
    (item,) = recurring(plan("pro", None, prepaid(amount="0.0015")), seats=1000)
    assert item.price.unit_amount == Decimal("0.15")


def test_yen_have_no_cents() -> None:
    yen = [{"currency": "jpy", "amount": Decimal(3000)}]
    of = bought(plan("pro", base(20, additional_currencies=yen)))
    (item,) = stripe_prices.subscription_items(of, Sale(TENANT, FEATURES, "jpy"))
    assert (item.price.unit_amount, item.price.currency) == (3000, "jpy")


def test_each_priced_feature_has_a_product() -> None:
    of = plan("pro", base(20), prepaid(), metered(), {"feature_id": "sso", "price": None})
    products = stripe_prices.products(of, SALE)
    assert [one.name for one in products] == ["Pro", "Pro - Seats", "Pro - Messages"]
    assert tuple(one.id for one in products) == stripe_prices.product_ids(TENANT, of)
    assert products[1].metadata == {"orchard_plan_id": "pro", "orchard_feature_id": "seats"}


def test_lines_are_of_the_products() -> None:
    of = plan("pro", base(20), prepaid())
    lines = charging.charges(bought(of, seats=1), SALE, START, lambda _price: MONTH)
    assert tuple(line.product for line in lines) == stripe_prices.product_ids(TENANT, of)


def test_standing_prices_are_those_that_will_be_sold_whatever_the_quantities() -> None:
    of = plan("pro", None, prepaid(included=2), prepaid("messages", 5, "one_off"), metered())
    standing = {one.lookup_key for one in stripe_prices.standing_prices(of, SALE)}
    some = bought(of, seats=9, messages=4)
    sold = (
        *stripe_prices.subscription_items(some, SALE),
        *stripe_prices.one_off_items(some, SALE),
        *recurring(of),
    )
    assert {one.price.lookup_key for one in sold} == standing


def test_tiers_are_no_standing_price() -> None:
    of = plan("pro", base(20), prepaid(**tiers((5, 10), ("inf", 5))))
    assert [one.unit_amount for one in stripe_prices.standing_prices(of, SALE)] == [2000]


def test_the_longest_interval_and_those_paid_in_advance() -> None:
    of = plan("pro", base(20), metered(interval="year"), prepaid(interval="quarter"))
    assert stripe_prices.largest_interval(of) == ("year", 1)
    assert stripe_prices.upfront_intervals(of) == {("month", 1), ("quarter", 1)}
    assert stripe_prices.largest_interval(plan("once", base(5, "one_off"))) is None


specs = st.builds(
    PriceSpec,
    product=st.sampled_from(["orchard_a", "orchard_b"]),
    currency=st.sampled_from(["usd", "eur"]),
    unit_amount=st.decimals(0, 30, places=1),
    interval=st.sampled_from([None, "month", "year"]),
    interval_count=st.integers(1, 3),
    metadata=st.just({}),
)


@given(specs, specs)
def test_prices_share_a_key_only_if_they_are_the_same(one: PriceSpec, other: PriceSpec) -> None:
    assert (one.lookup_key == other.lookup_key) == (one == other)


@given(
    st.decimals(0, 1000, places=2),
    st.decimals("0.0001", 100, places=4),
    st.integers(0, 400),
    st.integers(0, 20),
    st.integers(1, 7),
)
def test_stripe_renews_at_what_a_cycle_costs_here(
    amount: Decimal, each: Decimal, units: int, included: int, size: int
) -> None:
    item = prepaid(amount=each, included=included, billing_units=Decimal(size))
    some = bought(plan("pro", base(amount or 1), item), seats=units)
    whole = sum_of(charging.next_cycle(some, SALE, lambda _price: MONTH))
    renewed = sum(
        money.rounded(one.price.unit_amount / 100 * one.quantity, "usd")
        for one in stripe_prices.subscription_items(some, SALE)
    )
    assert renewed == whole
