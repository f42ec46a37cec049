"""Bins, the parts of a range, sums and groups: against plain sums over single uses."""

from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.domain import aggregation, cycle, draws
from orchard.domain.aggregation import EVENT, OTHER, Span, Sum, Tally
from orchard.domain.customer import CustomerPlan
from orchard.domain.cycle import Cycle
from orchard.domain.draws import Use
from orchard.domain.holding import Holding, Place
from orchard.domain.ledger import DAY, GRAINS_MS, HOUR
from orchard.domain.row import Row
from tests.conftest import START

SIZES = ("hour", "day", "week", "month")
DAY_MS, HOUR_MS = 86_400_000, 3_600_000
TIMES = st.integers(0, 4_000_000_000_000)
SPANS = st.tuples(TIMES, st.integers(1, 100 * DAY_MS)).map(lambda one: Span(one[0], sum(one)))


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("size", "begun"),
    [
        ("hour", "2026-03-01T13:00:00"),
        ("day", "2026-03-01"),
        ("week", "2026-02-23"),
        ("month", "2026-03-01"),
    ],
)
def test_bins_are_hours_days_weeks_from_monday_and_months(size: str, begun: str) -> None:
    assert aggregation.bin_start(ms("2026-03-01T13:59:59.999"), size) == ms(begun)
    assert aggregation.bin_start(ms(begun), size) == ms(begun)
    assert aggregation.bin_start(ms(begun) - 1, size) < ms(begun)


@given(SPANS, st.sampled_from(SIZES))
def test_bins_follow_each_other_without_gaps_through_the_whole_span(span: Span, size: str) -> None:
    starts = list(aggregation.bins(span, size))

    assert starts[0] <= span.start
    assert starts[-1] < span.end
    assert starts == sorted(set(starts))
    for at in (span.start, span.end - 1, *starts, *(start - 1 for start in starts[1:])):
        begun = aggregation.bin_start(at, size)
        assert begun == aggregation.bin_of(starts, at)


@given(SPANS, st.sampled_from(SIZES))
def test_the_parts_of_a_range_cover_it_once_with_the_largest_whole_spans(
    span: Span, size: str
) -> None:
    by_hour = size == "hour"
    parts = aggregation.pieces(span, by_hour=by_hour)

    edges = [span.start, *(part.end for part in parts)]
    assert [part.start for part in parts] == edges[:-1]
    assert edges[-1] == span.end
    for part in parts:
        if part.grain != EVENT:
            length = GRAINS_MS[part.grain]
            assert part.start % length == part.end % length == 0
    lengths = dict.fromkeys((EVENT, HOUR, DAY), 0)
    for part in parts:
        lengths[part.grain] += part.end - part.start
    assert lengths[EVENT] < 2 * HOUR_MS
    assert lengths[DAY] == 0 if by_hour else lengths[HOUR] < 2 * DAY_MS


tallies = st.builds(
    Tally,
    st.sampled_from(("messages", "words")),
    st.integers(START, START + 3 * DAY_MS - 1),
    st.integers(1, 5),
    st.decimals(-100, 100, places=2),
    st.sampled_from(("a", "b", "c", "d", "Other")),
)


@given(st.lists(tallies, max_size=40), st.sampled_from(SIZES), st.integers(1, 4))
def test_sums_and_groups_are_those_of_the_single_uses(
    uses: list[Tally], size: str, most: int
) -> None:
    starts = list(aggregation.bins(Span(START, START + 3 * DAY_MS), size))

    whole = aggregation.series(("messages", "words"), starts, uses, grouped=True)
    shown = aggregation.collapsed(whole, most, by_count=False)

    expected: dict[tuple[str, int], list[Tally]] = defaultdict(list)
    for use in uses:
        expected[use.name, aggregation.bin_start(use.at, size)].append(use)
    assert {
        (name, begun): one for name, sums in shown.values.items() for begun, one in sums.items()
    } == {
        key: Sum(sum(use.uses for use in some), sum((use.value for use in some), Decimal(0)))
        for key, some in expected.items()
    }
    assert shown.groups is not None
    for name, groups in shown.groups.items():
        assert len(set(groups) - {OTHER}) <= most
        of_groups = [one for sums in groups.values() for one in sums.values()]
        assert Sum(
            sum(one.uses for one in of_groups), sum((one.value for one in of_groups), Decimal(0))
        ) == shown.total(name)


def test_the_largest_groups_stay_and_the_rest_is_one_more() -> None:
    uses = [
        Tally("messages", START, 1, Decimal(value), group)
        for group, value in (("a", 5), ("b", -9), ("c", 2), ("d", 1))
    ]
    whole = aggregation.series(["messages"], [START], uses, grouped=True)

    by_sum = aggregation.collapsed(whole, 2, by_count=False)
    all_of_them = aggregation.collapsed(whole, 4, by_count=False)

    assert by_sum.groups == {
        "messages": {
            "b": {START: Sum(1, Decimal(-9))},
            "a": {START: Sum(1, Decimal(5))},
            OTHER: {START: Sum(2, Decimal(3))},
        }
    }
    assert all_of_them == whole


def test_what_groups_drew_from_a_balance_is_cut_down_to_the_largest() -> None:
    def use(group: str, value: int, bin_: int = 0) -> Use:
        paid = {"feature_id": "messages", "balance_id": "b", "value": Decimal(value)}
        tally = Tally("messages", bin_, 1, Decimal(value), group)
        return Use(tally, bin_, [{**paid, "plan_id": None, "reset": None}])

    uses = [use("a", 1), use("b", 5), use("c", 2), use("a", 3, 1), use("a", 3, 1)]

    found = draws.collect(uses, 1)

    sums = {
        begun: {group: (draw.deducted, draw.events) for group, draw in drawn.groups["b"].items()}
        for begun, drawn in found.items()
    }
    assert sums == {0: {"a": (1, 1), OTHER: (7, 2)}, 1: {"a": (6, 2)}}
    assert found[0].events == {"messages": 3}


def plan(start: str, end: str, begun: str) -> CustomerPlan:
    return CustomerPlan(
        id="cus_prod_1",
        plan_id="pro",
        plan_version=1,
        started_at=ms(begun),
        current_period_start=ms(start),
        current_period_end=ms(end),
    )


@pytest.mark.parametrize(
    ("held", "before"),
    [
        (plan("2026-03-10", "2026-04-10", "2025-01-10"), ("2026-02-10", "2026-03-10")),
        (plan("2026-03-10", "2027-03-10", "2025-03-10"), ("2025-03-10", "2026-03-10")),
        (plan("2026-03-10", "2026-03-17", "2025-01-10"), ("2026-03-03", "2026-03-10")),
        (plan("2026-03-10", "2026-04-10", "2026-03-10"), ("2026-03-10", "2026-04-10")),
    ],
)
def test_the_cycle_before_is_as_long_and_the_first_has_none_before_it(
    held: CustomerPlan, before: tuple[str, str]
) -> None:
    found = cycle.present([held], {}, [], ms("2026-03-12"))

    assert found is not None
    assert cycle.previous(found) == (ms(before[0]), ms(before[1]))


def test_without_a_billed_plan_the_rows_of_the_feature_say_the_cycle() -> None:
    def holding(interval: str, at: str) -> Holding:
        return Holding((Row("cus_ent_1", 0, interval=interval, next_reset_at=ms(at)),))

    state = {
        Place("words"): holding("week", "2026-03-16"),
        Place("messages"): holding("month", "2026-03-31"),
    }

    def of(*names: str) -> Cycle | None:
        return cycle.present([], state, names, ms("2026-03-12"))

    assert of("messages") == Cycle(ms("2026-02-28"), ms("2026-03-31"), 0)
    assert of("other") == of("messages")
    assert of("words", "other") == Cycle(ms("2026-03-09"), ms("2026-03-16"), 0)
    assert cycle.present([], {Place("words"): Holding(())}, ["words"], 0) is None
