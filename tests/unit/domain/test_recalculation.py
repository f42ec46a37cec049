"""Levelling rows, and bearing the usage of rows that are removed."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.domain import recalculation
from orchard.domain.row import Row, Rows
from tests.unit.domain.rows import (
    START,
    a_row,
    carried,
    held,
    in_order,
    lifetime,
    metered,
    monthly,
    of,
    rows_of,
    shown,
)


def levelled(*rows: Row) -> Rows:
    return rows_of(recalculation.levelled(of(in_order(*rows))))


@pytest.mark.parametrize(
    ("rows", "after"),
    [
        # What one owes is taken from what the other has left.
        ((monthly(100, balance=-30), lifetime(50)), {"monthly": 0, "lifetime": 20}),
        ((lifetime(50, balance=-10), monthly(100)), {"monthly": 40, "lifetime": 50}),
        # Only as much as there is: the rest is overage of the first.
        ((monthly(100, balance=-80), lifetime(50)), {"monthly": -30, "lifetime": 0}),
        ((metered(10, balance=-9), monthly(5, id="free")), {"free": -4, "metered": 0}),
        # Edited grants end, what they gave stays in the sum.
        (
            (monthly(100, adjustment=20, balance=-30), lifetime(50)),
            {"monthly": 0, "lifetime": 20},
        ),
        # What was given above the grants stays as well.
        ((monthly(10, balance=90), lifetime(5, balance=-1)), {"monthly": 84, "lifetime": 5}),
    ],
)
def test_the_rows_are_used_anew_in_their_order(
    rows: tuple[Row, ...], after: dict[str, int]
) -> None:
    assert held(levelled(*rows)) == after
    assert [row.adjustment for row in levelled(*rows)] == [0] * len(rows)


@pytest.mark.parametrize(
    "rows",
    [
        (),
        (lifetime(50, balance=10), monthly(100, adjustment=9, balance=0)),
        (lifetime(50, balance=-10), monthly(100, adjustment=9, balance=0)),
        (lifetime(50, balance=-10, adjustment=3),),
    ],
)
def test_rows_that_need_no_levelling_stay_as_they_are(rows: tuple[Row, ...]) -> None:
    assert levelled(*rows) == in_order(*rows)


def test_what_was_carried_over_is_left_alone() -> None:
    rollovers = (carried(7, None),)

    (first, _second) = levelled(monthly(10, balance=-3, rollovers=rollovers), lifetime(5))

    assert first.rollovers == rollovers


@given(balances=st.lists(st.integers(-50, 80), max_size=4))
def test_levelling_keeps_the_sum_and_is_done_once(balances: list[int]) -> None:
    rows = in_order(*(lifetime(30, id=f"r{n}", balance=left) for n, left in enumerate(balances)))

    once = levelled(*rows)

    assert sum(held(once).values()) == sum(balances)
    assert levelled(*once) == once
    signs = {row.balance > 0 for row in once if row.balance}
    assert len(signs) <= 1


def test_the_rest_bears_what_removed_rows_used() -> None:
    survivors = of((lifetime(200, id="b"),))
    removed = of((lifetime(100, id="a", balance=60),))

    after = rows_of(recalculation.charged(survivors, removed))

    assert held(after) == {"b": 160}
    assert (shown(after).granted, shown(after).usage) == (200, 40)


@pytest.mark.parametrize(
    ("used", "after"), [(130, {"b": 70, "c": 50}), (270, {"b": -20, "c": 0}), (-10, {"b": 210})]
)
def test_usage_that_is_borne_may_overdraw_the_first(used: int, after: dict[str, int]) -> None:
    survivors = of(in_order(lifetime(200, id="b"), lifetime(50, id="c", created_at=START + 1)))
    removed = of((lifetime(300, id="a", balance=300 - used),))

    assert held(rows_of(recalculation.charged(survivors, removed))) == {"c": 50} | after


def test_usage_of_an_edited_grant_is_counted_against_it() -> None:
    removed = of((lifetime(100, id="a", adjustment=50, balance=110),))

    after = recalculation.charged(of((lifetime(200, id="b"),)), removed)

    assert held(rows_of(after)) == {"b": 160}


def test_without_any_other_the_first_row_stays_to_bear_it() -> None:
    removed = of(
        in_order(
            monthly(100, balance=60, rollovers=(carried(5, None),)),
            lifetime(50, balance=-10),
        )
    )

    (kept,) = rows_of(recalculation.carrier(removed))

    assert (kept.id, kept.balance, kept.included, kept.usage) == ("monthly", -100, 0, 100)
    assert (kept.next_reset_at, kept.rollovers) == (None, ())
    seen = shown((kept,))
    assert (seen.granted, seen.remaining, seen.usage) == (0, 0, Decimal(100))


def test_a_row_bought_ahead_grants_nothing_either_once_it_only_bears() -> None:
    (kept,) = rows_of(recalculation.carrier(of((a_row(0, prepaid=30, balance=10),))))

    assert (kept.ceiling, kept.balance) == (0, -20)
