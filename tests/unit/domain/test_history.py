"""What is shown over time, told from successive writes."""

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.domain import balance, history
from orchard.domain.history import HIDDEN, LIMITED, SLICED, UNLIMITED, Figures, Point, Write
from orchard.domain.holding import Holding, Place
from orchard.domain.row import RolloverRule, Row
from orchard.domain.scope import CUSTOMER, Subject
from orchard.domain.summary import seen, summary
from tests.unit.domain.rows import DAY, START, a_row, carried, monthly

WEEK = 7 * DAY


def amounts(granted: int, remaining: int, usage: int = 0) -> Figures:
    return Figures(LIMITED, Decimal(granted), Decimal(remaining), Decimal(usage))


def write(seq: int, at: int, *rows: Row) -> Write:
    return Write(seq, START + at, Holding(rows))


def times(points: tuple[Point, ...]) -> list[tuple[int, int]]:
    return [(point.time - START, point.seq) for point in points]


def test_a_write_is_seen_no_earlier_than_those_before_it() -> None:
    """Two requests of the same moment may have clocks that disagree."""
    writes = [write(seq, at, a_row(seq)) for seq, at in ((1, 10), (2, 30), (3, 20), (4, 40))]

    assert times(history.points(writes)) == [(10, 1), (30, 2), (30, 3), (40, 4)]
    assert times(history.points(writes, since=START + 35)) == [(35, 1), (35, 2), (35, 3), (40, 4)]
    assert times(history.points(writes, until=START + 25)) == [(10, 1), (25, 2), (25, 3), (25, 4)]


def test_of_writes_of_one_instant_the_last_one_shows() -> None:
    writes = [write(seq, 10, a_row(seq)) for seq in (1, 2)]

    assert history.at(history.points(writes), START + 10) == amounts(2, 2)


def test_nothing_is_known_before_the_first_write() -> None:
    assert history.at(history.points([write(1, 10, a_row())]), START + 9) is None


def test_time_alone_changes_figures_until_the_next_write() -> None:
    spent = a_row(100, id="a", balance=30, next_reset_at=START + DAY, interval="day")
    ending = a_row(50, id="b", expires_at=START + 3 * DAY)
    points = history.points([write(1, 0, spent, ending), write(2, WEEK, a_row(7))])

    shown = [history.at(points, START + at) for at in (0, DAY - 1, DAY, 2 * DAY, 3 * DAY, WEEK)]

    # Later resets find what the first one left, so there is no point for them.
    assert times(points) == [(0, 1), (DAY, 1), (3 * DAY, 1), (WEEK, 2)]
    assert shown == [
        amounts(150, 80, 70),
        amounts(150, 80, 70),
        amounts(150, 150),
        amounts(150, 150),
        amounts(100, 100),
        amounts(7, 7),
    ]


def test_what_a_reset_carries_over_expires_in_its_turn() -> None:
    rule = RolloverRule(None, None, 1)
    row = monthly(100, balance=40, next_reset_at=START + DAY, rollover=rule)
    points = history.points([write(1, 0, row)])

    assert [history.at(points, START + at) for at in (0, DAY, 30 * DAY, 32 * DAY)] == [
        amounts(100, 40, 60),
        amounts(140, 140),
        amounts(140, 140),
        amounts(100, 100),
    ]


rows = st.builds(
    lambda granted, spent, reset, ends, carry: monthly(
        granted,
        id=f"{granted}-{spent}-{reset}-{ends}",
        balance=granted - spent,
        interval="day",
        next_reset_at=START + reset,
        expires_at=None if ends is None else START + ends,
        rollover=RolloverRule(Decimal(30), None, 1) if carry else None,
        rollovers=(carried(5, START + carry * DAY),) if carry else (),
    ),
    st.integers(0, 50),
    st.integers(0, 60),
    st.integers(1, 3 * DAY),
    st.none() | st.integers(1, 90 * DAY),
    st.integers(0, 40),
)


@given(st.lists(rows, max_size=4), st.lists(st.integers(0, 100 * DAY), min_size=1, max_size=20))
def test_points_say_what_a_reader_finds_at_any_instant(held: list[Row], ats: list[int]) -> None:
    points = history.points([write(1, 0, *held)])

    for at in (*ats, *(point.time - START for point in points)):
        found = history.figures(balance.renewed(Holding(tuple(held)), START + at))
        assert history.at(points, START + at) == found


@given(
    st.lists(st.integers(0, 50), min_size=1, max_size=12),
    st.sets(st.integers(0, 11)),
    st.integers(0, 50),
)
def test_writes_added_late_show_as_if_they_had_come_in_order(
    ats: list[int], late: set[int], looked_at: int
) -> None:
    ending = START + 25
    writes = [write(seq, at, a_row(seq, expires_at=ending)) for seq, at in enumerate(ats)]
    in_time = [one for one in writes if one.seq not in late or one.seq in (0, len(ats) - 1)]
    points = history.points(in_time)
    for one in writes:
        if one not in in_time:
            known = {point.seq: point.time for point in reversed(points)}
            below = max(time for seq, time in known.items() if seq < one.seq)
            above = min(time for seq, time in known.items() if seq > one.seq)
            points = history.merged(points, history.points([one], below, above))

    assert {point.seq for point in points} == {one.seq for one in writes}
    assert [point.time for point in points] == sorted(point.time for point in points)
    if ats == sorted(ats):
        in_order = history.at(history.points(writes), START + looked_at)
        assert history.at(points, START + looked_at) == in_order


SLICE: dict[str, Any] = {"entity_feature_id": "seats"}
HOLDINGS = {
    "amounts": Holding((a_row(10, balance=4, plan_id="free"),)),
    "used up": Holding((a_row(10, balance=0),)),
    "unlimited": Holding((a_row(0, unlimited=True, balance=-3), a_row(5, id="b"))),
    "mould": Holding((a_row(10, plan_id="free", **SLICE),)),
    "mould and amounts": Holding((a_row(10, id="m", plan_id="free", **SLICE), a_row(2))),
    "slice": Holding((a_row(10, balance=7, plan_id="free", entity_id="e1", **SLICE),)),
    "nothing": Holding(),
}


@pytest.mark.parametrize("shared", HOLDINGS)
@pytest.mark.parametrize("own", ["slice", "amounts", "unlimited", "used up", "nothing"])
def test_figures_add_up_to_what_views_show(shared: str, own: str) -> None:
    state = {Place("f"): HOLDINGS[shared], Place("f", "e1"): HOLDINGS[own]}
    parts = [history.figures(held) for held in state.values()]
    visible = [part for part in parts if part.kind != SLICED]

    for subject, found in ((CUSTOMER, parts), (Subject("e1"), visible)):
        total = summary(seen(state, subject, "f"))
        combined = history.combined(found)
        assert (combined is None) == (total is None)
        if combined is not None and total is not None:
            assert combined == Figures(
                UNLIMITED if total.unlimited else LIMITED,
                total.granted,
                total.remaining,
                total.usage,
            )


def test_what_only_stands_for_slices_is_told_from_nothing() -> None:
    assert history.figures(HOLDINGS["mould"]).kind == SLICED
    assert history.figures(HOLDINGS["used up"]).kind == HIDDEN


@pytest.mark.parametrize(
    ("size", "periods"),
    [
        ("hour", [-1, 0, 1]),
        ("day", [-24, 0]),
        # 1 September 2026 is a Tuesday.
        ("week", [-24]),
        ("month", [-31 * 24, 0]),
    ],
)
def test_bins_begin_where_the_calendar_does(size: str, periods: list[int]) -> None:
    hour = DAY // 24
    found = list(history.bins(START - hour // 2, START + hour + 5, size))

    assert [(one.period - START) // hour for one in found] == periods
    assert found[-1].instant == START + hour + 5
    for one, following in pairwise(found):
        assert one.instant == following.period - 1
