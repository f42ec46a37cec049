"""Taking usage and giving it back: order, limits, and what each source paid."""

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.domain import balance, deduction
from orchard.domain.balance import NEVER
from orchard.domain.holding import Holding
from orchard.domain.quantity import UNBOUNDED, ZERO, exact, total
from orchard.domain.row import ALLOCATED, NO_OVERAGE, PRICED, Row, Rows, deduction_order, ordered
from orchard.domain.sources import Overage
from orchard.domain.summary import Seen, flag, summary
from tests.unit.domain.rows import (
    DAY,
    HERE,
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
    used,
)

CAP, REJECT, OVERFLOW = Overage.CAP, Overage.REJECT, Overage.OVERFLOW


def track(rows: Rows, *values: int | str, overage: Overage = CAP) -> Rows:
    for value in values:
        rows = used(rows, value, overage).rows
    return rows


def totals(rows: Rows) -> tuple[Decimal, Decimal]:
    """Remaining and usage."""
    found = shown(rows)
    return found.remaining, found.usage


def seats(granted: int, **fields: Any) -> Row:
    given = {"id": "seats", "overage": ALLOCATED, "overage_limit": None, "continuous": True}
    return a_row(granted, **{**given, **fields})


def test_usage_fills_what_is_there_and_the_rest_is_dropped() -> None:
    taken = used((lifetime(100),), 130, CAP)

    assert (held(taken.rows), taken.left) == ({"lifetime": 0}, Decimal(30))


@pytest.mark.parametrize(
    ("value", "remaining"), [("1", "99"), ("23.47", "76.53"), ("0.0000000001", "99.9999999999")]
)
def test_fractions_are_exact(value: str, remaining: str) -> None:
    assert totals(track((lifetime(100),), value)) == (Decimal(remaining), Decimal(value))


def test_many_small_uses_do_not_drift() -> None:
    rows = track((lifetime(100),), *["0.1", "0.2"] * 100)

    assert totals(rows) == (Decimal(70), Decimal(30))


@pytest.mark.parametrize(
    ("values", "after"),
    [((30,), (70, 30)), ((30, -10), (80, 20)), ((30, -10, -50), (100, 0)), (("-37.89",), (100, 0))],
)
def test_refunds_stop_at_what_was_granted(values: Any, after: tuple[int, int]) -> None:
    rows = track((monthly(100),), *values)

    assert totals(rows) == after


def test_a_refund_that_finds_no_place_moves_nothing() -> None:
    rows = (monthly(100),)

    taken = used(rows, "-37.89", CAP)

    assert taken.movements == ()
    assert taken.left == Decimal("37.89")


@pytest.mark.parametrize(
    ("values", "remaining", "usage"),
    [((8,), 0, 8), ((8, -2), 0, 6), ((8, -2, -2), 1, 4), ((8, -2, -2, -20), 5, 0)],
)
def test_free_seats_may_be_overdrawn_and_are_refilled(
    values: tuple[int, ...], remaining: int, usage: int
) -> None:
    assert totals(track((seats(5),), *values)) == (remaining, usage)


def test_refunds_stop_at_an_edited_grant() -> None:
    rows = (a_row(5, adjustment=5, balance=10),)

    assert totals(track(rows, 5, -100)) == (10, 0)


@pytest.mark.parametrize(
    ("start", "values", "after"),
    [
        # Two lifetime rows: the sooner to expire pays.
        (
            [
                lifetime(100, id="late", expires_at=START + 365 * DAY),
                lifetime(100, id="soon", created_at=START + 1, expires_at=START + 30 * DAY),
            ],
            [60],
            {"soon": 40, "late": 100},
        ),
        # A monthly plan before a lifetime add-on.
        (
            [monthly(500), lifetime(200, add_on=True)],
            [100, 450],
            {"monthly": 0, "lifetime": 150},
        ),
        # Pay per use: its included part by its interval, what goes beyond it last of all.
        ([metered(500), lifetime(200)], [100], {"metered": 400, "lifetime": 200}),
        ([metered(500), lifetime(200)], [100, 500], {"metered": 0, "lifetime": 100}),
        ([metered(500), lifetime(200)], [100, 500, 200], {"metered": -100, "lifetime": 0}),
        # Two plans of one interval: the older first.
        (
            [monthly(500, id="new", created_at=START + 1), monthly(1000, id="old")],
            [500, 800],
            {"old": 0, "new": 200},
        ),
        # A free plan before an add-on with a price.
        (
            [metered(500, add_on=True), monthly(1000, created_at=START + 1)],
            [500, 700],
            {"monthly": 0, "metered": 300},
        ),
        ([metered(500), monthly(1000, id="free")], [1700], {"free": 0, "metered": -200}),
        # Three products.
        (
            [lifetime(200), monthly(50, id="pro", created_at=START + 1), monthly(100)],
            [120],
            {"monthly": 0, "pro": 30, "lifetime": 200},
        ),
        # Hourly before lifetime.
        (
            [lifetime(20), a_row(5, id="hourly", interval="hour")],
            [8],
            {"hourly": 0, "lifetime": 17},
        ),
        # A plan before a standalone grant.
        (
            [lifetime(50), monthly(10, plan_id="pro")],
            [15, 30],
            {"monthly": 0, "lifetime": 15},
        ),
    ],
)
def test_stacked_sources_pay_in_order(
    start: list[Row], values: list[int], after: dict[str, int]
) -> None:
    assert held(track(in_order(*start), *values)) == after


ORDER = [
    a_row(boolean=True),
    a_row(unlimited=True),
    a_row(interval="minute"),
    a_row(interval="hour"),
    a_row(interval="hour", interval_count=23),
    a_row(interval="day"),
    a_row(interval="week"),
    a_row(interval="day", interval_count=29),
    a_row(interval="month", expires_at=START + DAY),
    a_row(interval="month", expires_at=START + 2 * DAY),
    a_row(interval="month"),
    a_row(interval="month", created_at=START + 1),
    a_row(interval="month", overage=PRICED),
    a_row(interval="month", add_on=True),
    a_row(interval="month", add_on=True, overage=PRICED),
    a_row(interval="quarter"),
    a_row(interval="semi_annual"),
    a_row(interval="year"),
    a_row(expires_at=START + DAY),
    a_row(),
    a_row(id="row2"),
    a_row(overage=ALLOCATED),
    a_row(add_on=True),
]


def test_the_order_of_sources_follows_its_keys() -> None:
    assert ordered(tuple(reversed(ORDER))) == tuple(ORDER)
    assert all(deduction_order(one) < deduction_order(next_) for one, next_ in pairwise(ORDER))


@pytest.mark.parametrize(
    ("start", "value", "overage", "after", "left"),
    [
        # Pay per use 500 without a cap, 600 used, beside lifetime 200.
        ([metered(500, balance=-100), lifetime(200)], 150, CAP, [-100, 50], 0),
        ([metered(500, balance=-100), lifetime(50)], 100, CAP, [-150, 0], 0),
        # All drained, then a refund: overdrawn first, then the first in order.
        (
            [monthly(100, balance=0), metered(30, balance=-10), lifetime(50, balance=0)],
            -20,
            CAP,
            [10, 0, 0],
            0,
        ),
        # Prepaid 600 and pay per use 200 with 25 beyond.
        ([monthly(0, prepaid=600), metered(200, 25)], 830, CAP, [0, -25], 5),
        ([monthly(0, prepaid=600), metered(200, 25)], 830, OVERFLOW, [-30, 0], 0),
        ([monthly(0, prepaid=600), metered(200, 25)], 830, REJECT, [0, -25], 5),
        # A limit that is used up in part.
        ([metered(5, 5)], 7, REJECT, [-2], 0),
        ([metered(5, 5, balance=-2)], 4, CAP, [-5], 1),
        ([metered(5, 5, balance=-9)], 4, CAP, [-9], 4),
        # Seats are refused whole when all or nothing is asked.
        ([seats(5)], 6, REJECT, [0], 1),
        ([seats(5)], 5, REJECT, [0], 0),
        ([seats(5, balance=-3)], 1, REJECT, [-3], 1),
        # Overflow: the first row goes below zero, a refund above its grant.
        ([lifetime(100)], 150, OVERFLOW, [-50], 0),
        ([lifetime(100, balance=-50)], 10, CAP, [-50], 10),
        ([lifetime(100, balance=70)], -50, OVERFLOW, [120], 0),
        ([monthly(9, balance=-4), lifetime(5, balance=-1)], -10, OVERFLOW, [5, 0], 0),
        # Nothing to take, nowhere to take it from.
        ([lifetime(100)], 0, CAP, [100], 0),
        ([], 5, CAP, [], 5),
        ([], -5, CAP, [], 5),
    ],
)
def test_usage_beyond_the_balance(
    start: list[Row], value: int, overage: Overage, after: list[int], left: int
) -> None:
    taken = used(in_order(*start), value, overage)

    assert [row.balance for row in taken.rows] == after
    assert taken.left == Decimal(left)


def test_an_unlimited_source_takes_everything_and_gives_it_back() -> None:
    rows = in_order(lifetime(100), a_row(0, id="free", unlimited=True), monthly(5))

    after = track(rows, 30, "0.5", overage=REJECT)

    assert held(after) == {"free": Decimal("-30.5"), "monthly": 5, "lifetime": 100}
    assert shown(after).usage == Decimal("30.5")
    assert (shown(after).granted, shown(after).remaining) == (ZERO, ZERO)
    assert held(track(after, -40))["free"] == Decimal("9.5")


def test_a_flag_takes_no_usage() -> None:
    rows = in_order(a_row(0, boolean=True))

    taken = used(rows, 5, REJECT)

    assert (taken.rows, taken.movements) == (rows, ())
    assert flag(rows) == rows[0]
    assert flag(()) is None
    assert summary(Seen(rows)) is None


def test_rollovers_pay_first_the_soonest_to_expire_before_all() -> None:
    rows = in_order(
        monthly(
            100,
            rollovers=(carried(100, START + 60 * DAY), carried(100, START + 30 * DAY)),
        ),
        lifetime(7, rollovers=(carried(5, None), carried(4, START + 45 * DAY))),
    )

    (first, second) = track(rows, 252)

    assert [(one.balance, one.usage) for one in first.rollovers] == [(0, 100), (0, 100)]
    assert [(one.balance, one.usage) for one in second.rollovers] == [(0, 5), (0, 4)]
    assert (first.balance, second.balance) == (57, 7)
    paid = {one.balance_id: one.value for one in deduction.movements(rows, (first, second), HERE)}
    assert paid == {
        f"roll_{START + 60 * DAY}": 100,
        f"roll_{START + 30 * DAY}": 100,
        "roll_None": 5,
        f"roll_{START + 45 * DAY}": 4,
        "monthly": 43,
    }


def test_refunds_do_not_go_back_into_rollovers() -> None:
    rows = (monthly(100, rollovers=(carried(30, None),)),)

    (row,) = track(rows, 50, -40)

    assert (row.rollovers[0].balance, row.balance) == (0, 100)


def test_movements_tell_who_paid_and_who_got_back() -> None:
    before = in_order(monthly(10, balance=4), lifetime(10, balance=7))
    after = (before[0]._replace(balance=Decimal(9)), before[1]._replace(balance=Decimal(1)))

    moved = deduction.movements(before, (*after, a_row(id="new")), HERE)

    assert [(one.balance_id, one.row, one.value, one.place) for one in moved] == [
        ("monthly", after[0], -5, HERE),
        ("lifetime", after[1], 6, HERE),
    ]


@pytest.mark.parametrize(
    ("rows", "room"),
    [
        ((), ZERO),
        ((lifetime(100, balance="12.5"),), Decimal("12.5")),
        ((lifetime(100, balance=-5), monthly(7)), Decimal(7)),
        ((monthly(5, rollovers=(carried(3, None),)),), Decimal(8)),
        ((metered(5, 20),), Decimal(25)),
        ((metered(5, 20, balance=-8),), Decimal(12)),
        ((metered(5, 20, balance=-30),), ZERO),
        ((metered(5),), UNBOUNDED),
        ((metered(5), metered(5, id="second")), UNBOUNDED),
        ((seats(5),), UNBOUNDED),
        ((a_row(0, unlimited=True, balance=-900),), UNBOUNDED),
    ],
)
def test_room_is_what_can_be_taken_before_usage_is_capped(rows: Rows, room: Decimal) -> None:
    assert deduction.room(of(rows)) == room


def test_the_counter_of_a_balance() -> None:
    rows = (monthly(10, rollovers=(carried(3, START + 9 * DAY),)),)

    def figures(*rows: Row) -> tuple[Decimal, int, bool]:
        counter = balance.counter(Holding(rows))
        return counter.headroom, counter.due_at, counter.plain

    assert figures(*rows) == (Decimal(13), START + 9 * DAY, True)
    assert figures(lifetime(4)) == (Decimal(4), NEVER, True)
    assert figures() == (ZERO, NEVER, False)
    assert not balance.counter(Holding((seats(5),))).plain
    assert not balance.counter(Holding((a_row(boolean=True),))).plain


def test_a_standalone_grant_that_is_used_up_is_not_shown() -> None:
    assert summary(Seen((lifetime(5, balance=0),))) is None
    assert summary(Seen((lifetime(5, balance=-1),))) is not None
    assert summary(Seen((lifetime(5, balance=0, plan_id="pro"),))) is not None


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ((lifetime(5), monthly(5)), None),
        ((metered(100, 300), lifetime(1000)), 300),
        ((metered(100, 300), metered(100, 200, id="second")), 500),
        ((metered(100, 300), metered(100, id="second")), None),
    ],
)
def test_what_may_be_bought_beyond_the_balance(rows: Rows, expected: int | None) -> None:
    assert shown(rows).max_purchase == expected


AMOUNTS = st.integers(-(10**6), 10**6).map(lambda thousandths: exact(Decimal(thousandths) / 1000))
POSITIVE = AMOUNTS.map(abs)


@st.composite
def any_row(draw: st.DrawFn) -> Row:
    granted = draw(POSITIVE)
    fields: dict[str, Any] = {
        "id": f"row{draw(st.integers(0, 10**9))}",
        "balance": draw(AMOUNTS),
        "adjustment": draw(AMOUNTS),
        "created_at": START + draw(st.integers(0, 9)),
        "overage": draw(st.sampled_from([NO_OVERAGE, NO_OVERAGE, PRICED, ALLOCATED])),
        "overage_limit": draw(st.none() | POSITIVE),
        "unlimited": draw(st.integers(0, 9)) == 0,
        "interval": draw(st.sampled_from(["one_off", "day", "month"])),
        "rollovers": tuple(
            carried(draw(POSITIVE), draw(st.none() | st.just(START + days * DAY)))
            for days in range(draw(st.integers(0, 3)))
        ),
    }
    fields["rollovers"] = tuple(
        one._replace(id=f"roll{index}") for index, one in enumerate(fields["rollovers"])
    )
    return a_row(granted, **fields)


any_rows = st.lists(any_row(), max_size=4, unique_by=lambda row: row.id).map(
    lambda rows: in_order(*rows)
)


def all_held(rows: Rows) -> Decimal:
    return total(row.balance for row in rows) + total(
        one.balance for row in rows for one in row.rollovers
    )


@given(rows=any_rows, amount=AMOUNTS, overage=st.sampled_from(Overage))
def test_what_is_taken_and_what_is_left_over_make_up_the_amount(
    rows: Rows, amount: Decimal, overage: Overage
) -> None:
    before = of(rows, overage=overage)

    sources, left = deduction.apply(before, amount, overage)

    after = rows_of(sources)
    taken = all_held(rows) - all_held(after)
    assert taken == (amount - left if amount >= 0 else amount + left)
    assert total(one.value for one in deduction.paid(before, sources)) == taken
    assert deduction.movements(rows, after, HERE) == deduction.paid(before, sources)
    assert 0 <= left <= abs(amount)


@given(rows=any_rows, amount=POSITIVE, overage=st.sampled_from([CAP, REJECT]))
def test_nobody_goes_further_below_zero_than_it_may(
    rows: Rows, amount: Decimal, overage: Overage
) -> None:
    after, _left = deduction.take(of(rows, overage=overage), amount, overage)

    for was, now in zip(rows, rows_of(after), strict=True):
        free = now.unlimited or (now.overage_limit is None and now.overage != NO_OVERAGE)
        floor = min(ZERO, was.balance, -lowest(now, overage))
        assert free or now.balance >= floor
        assert all(one.balance >= 0 for one in now.rollovers)


def lowest(row: Row, overage: Overage) -> Decimal:
    """How far below zero a row may go: as its price says, or as a free seat as far as it likes."""
    if row.overage == ALLOCATED and overage is not REJECT:
        return UNBOUNDED
    return row.overage_limit or ZERO if row.overage == PRICED else ZERO


@given(rows=any_rows, amount=POSITIVE)
def test_refunds_raise_nobody_above_its_grant(rows: Rows, amount: Decimal) -> None:
    after, _left = deduction.restore(of(rows), amount)

    for was, now in zip(rows, rows_of(after), strict=True):
        assert now.unlimited or now.balance <= max(ZERO, was.balance, now.ceiling)
        assert now.rollovers == was.rollovers


@given(rows=any_rows, first=POSITIVE, second=POSITIVE)
def test_how_usage_splits_depends_on_its_total_alone(
    rows: Rows, first: Decimal, second: Decimal
) -> None:
    once, left = deduction.take(of(rows), first + second, CAP)
    part, left_first = deduction.take(of(rows), first, CAP)
    twice, left_second = deduction.take(of(rows_of(part)), second, CAP)

    assert (rows_of(once), left) == (rows_of(twice), left_first + left_second)


@given(rows=any_rows, amount=POSITIVE)
def test_all_that_room_promises_can_be_taken_and_nothing_more(rows: Rows, amount: Decimal) -> None:
    room = deduction.room(of(rows))

    _after, left = deduction.take(of(rows), min(room, amount), CAP)

    assert left == 0
    if room < UNBOUNDED:
        exhausted, beyond = deduction.take(of(rows), room + amount, CAP)
        assert beyond == amount
        assert deduction.room(of(rows_of(exhausted))) == 0


@given(rows=any_rows, amount=AMOUNTS)
def test_an_edit_moves_exactly_what_it_says(rows: Rows, amount: Decimal) -> None:
    after = rows_of(deduction.shift(of(rows), amount))

    moved = total(row.balance for row in rows) - total(row.balance for row in after)
    assert moved == (amount if rows else 0)
    assert [row.rollovers for row in after] == [row.rollovers for row in rows]


@given(rows=any_rows, pending=POSITIVE)
def test_pending_usage_is_never_lost(rows: Rows, pending: Decimal) -> None:
    after = balance.settled(Holding(rows), pending).rows

    assert all_held(rows) - all_held(after) == (pending if rows else 0)


@given(rows=any_rows, amount=POSITIVE)
def test_giving_back_what_was_taken_restores_the_total(rows: Rows, amount: Decimal) -> None:
    plain = tuple(row._replace(rollovers=()) for row in rows)
    after, left = deduction.take(of(plain), amount, CAP)

    restored, missing = deduction.restore(after, amount - left)

    # A row that stood above its grant is not refilled beyond it.
    surplus = total(max(ZERO, row.balance - max(row.ceiling, ZERO)) for row in plain)
    assert missing <= surplus
    assert all_held(plain) - all_held(rows_of(restored)) == missing
