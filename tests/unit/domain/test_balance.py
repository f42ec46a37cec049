"""One balance item: what a bare counter may decide, and what it leaves pending."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.domain import balance
from orchard.domain.balance import NEVER
from orchard.domain.holding import NO_CONTROLS, Controls, Holding, SpendLimit, UsageLimit
from orchard.domain.quantity import UNBOUNDED, ZERO
from orchard.domain.row import ALLOCATED, Row
from tests.unit.domain.rows import (
    DAY,
    START,
    a_row,
    carried,
    held,
    in_order,
    lifetime,
    metered,
    monthly,
)

MOULD = monthly(50, id="each", entity_feature_id="seats")
SPENDING = Controls(spend_limit=SpendLimit(Decimal(3)))


def daily(most: int, used: int = 0) -> Controls:
    limit = UsageLimit(Decimal(most), "day", used=Decimal(used), resets_at=START + DAY)
    return Controls(usage_limits=(limit,))


@pytest.mark.parametrize(
    ("rows", "controls", "room"),
    [
        ((metered(5),), SPENDING, 8),
        ((metered(5, 2),), SPENDING, 7),
        ((metered(5, balance=-2),), SPENDING, 1),
        ((metered(5),), SPENDING._replace(overage_allowed=False), 5),
        ((lifetime(5),), SPENDING, 5),
        ((lifetime(5),), SPENDING._replace(overage_allowed=True), 8),
        ((lifetime(5),), Controls(overage_allowed=True), UNBOUNDED),
        ((lifetime(5),), daily(10, 7), 3),
        ((lifetime(2),), daily(10, 7), 2),
        ((metered(5),), daily(10, 7), 3),
        ((a_row(0, unlimited=True),), daily(10, 7), UNBOUNDED),
        ((lifetime(5), MOULD), NO_CONTROLS, 5),
        ((), SPENDING, 0),
    ],
)
def test_the_room_of_a_balance_under_its_controls(
    rows: tuple[Row, ...], controls: Controls, room: int
) -> None:
    assert balance.room(Holding(in_order(*rows), controls)) == room


@pytest.mark.parametrize(
    ("holding", "plain"),
    [
        (Holding((lifetime(5),)), True),
        (Holding((lifetime(5),), spread=True), True),
        (Holding((metered(5),), SPENDING), True),
        (Holding((lifetime(5),), daily(3)), True),
        (Holding((a_row(0, unlimited=True),)), True),
        # Nothing to take from, or more to look at than one balance.
        (Holding(), False),
        (Holding((lifetime(5), MOULD)), False),
        (Holding((metered(5),), SPENDING, spread=True), False),
        (Holding((a_row(5, overage=ALLOCATED),)), False),
        (Holding((a_row(boolean=True),)), False),
    ],
)
def test_when_a_counter_alone_decides(holding: Holding, plain: bool) -> None:  # noqa: FBT001 - a case
    assert balance.counter(holding).plain is plain


@pytest.mark.parametrize(
    ("rows", "controls", "reserve"),
    [
        ((lifetime(5),), NO_CONTROLS, 0),
        ((metered(5, 7),), NO_CONTROLS, 7),
        ((metered(5, 7, balance=-2), lifetime(4)), NO_CONTROLS, 5),
        ((metered(5, 7, rollovers=(carried(2, None),)),), SPENDING, 3),
        # A limit on the use leaves no overage to reserve when it ends before the balance does.
        ((metered(5, 7),), daily(4), 0),
        ((a_row(0, unlimited=True),), NO_CONTROLS, 0),
    ],
)
def test_the_part_of_the_room_that_is_overage(
    rows: tuple[Row, ...], controls: Controls, reserve: int
) -> None:
    assert balance.reserve(Holding(in_order(*rows), controls)) == reserve


def test_a_balance_is_due_when_a_row_changes_or_a_window_closes() -> None:
    row = monthly(5, expires_at=START + 9 * DAY)

    assert balance.due_at(Holding((row,))) == START + 9 * DAY
    assert balance.due_at(Holding((row,), daily(3))) == START + DAY
    assert balance.due_at(Holding((MOULD,))) == MOULD.next_reset_at
    assert balance.due_at(Holding((lifetime(5),))) == NEVER


def test_what_is_pending_fills_rows_and_windows() -> None:
    holding = Holding(in_order(monthly(5), lifetime(9), MOULD), daily(20, 2))

    after = balance.settled(holding, Decimal(8))

    assert held(after.rows) == {"monthly": 0, "each": 50, "lifetime": 6}
    assert after.controls.usage_limits[0].used == 10
    assert balance.settled(holding, ZERO) is holding


@given(
    balances=st.lists(st.tuples(st.integers(-9, 20), st.none() | st.integers(0, 9)), max_size=3),
    spend=st.none() | st.integers(0, 12),
    most=st.none() | st.integers(0, 40),
    used=st.lists(st.integers(1, 9), max_size=4),
)
def test_headroom_falls_by_exactly_what_is_counted(
    balances: list[tuple[int, int | None]], spend: int | None, most: int | None, used: list[int]
) -> None:
    """So a counter needs no look at the rows, however much of it is pending."""
    rows = (
        metered(9, cap, id=f"r{n}", balance=left)
        if cap is not None
        else lifetime(9, id=f"r{n}", balance=left)
        for n, (left, cap) in enumerate(balances)
    )
    limits = () if most is None else daily(most).usage_limits
    spending = None if spend is None else SpendLimit(Decimal(spend))
    holding = Holding(in_order(*rows), Controls(spend_limit=spending, usage_limits=limits))
    headroom = balance.room(holding)

    pending = Decimal(0)
    for value in used:
        if value <= headroom - pending:
            pending += value

    assert balance.room(balance.settled(holding, pending)) == headroom - pending
