"""Which billing controls hold for whom, and how much they still allow."""

from decimal import Decimal
from typing import Any

import pytest

from orchard.domain import gates
from orchard.domain.holding import Alert, Controls, Holding, Place, SpendLimit, State, UsageLimit
from orchard.domain.quantity import UNBOUNDED
from orchard.domain.row import Row
from orchard.domain.scope import CUSTOMER, Subject
from tests.unit.domain.rows import START, a_row, in_order, lifetime, metered, monthly

ALL, OF_A, OF_B = Place("words"), Place("words", "a"), Place("words", "b")
A, B = Subject("a"), Subject("b")


def spend(limit: int, **fields: Any) -> Controls:
    return Controls(spend_limit=SpendLimit(Decimal(limit), **fields))


def percent(limit: int) -> Controls:
    return spend(limit, is_percentage=True)


def a_limit(most: int, used: int = 0, region: str | None = None, **fields: Any) -> UsageLimit:
    events = (("region", region),) if region else ()
    return UsageLimit(Decimal(most), "month", events, used=Decimal(used), resets_at=START, **fields)


def limits(*found: UsageLimit) -> Controls:
    return Controls(usage_limits=found)


def owing(units: int, **fields: Any) -> Row:
    return metered(100, balance=-units, **fields)


# Which hold.


def test_an_entitys_own_control_comes_before_the_customers() -> None:
    alerts = (Alert(Decimal(5), "usage"),)
    state: State = {
        ALL: Holding(controls=spend(10)._replace(overage_allowed=True, alerts=alerts)),
        OF_A: Holding(controls=spend(3)._replace(overage_allowed=False)),
        OF_B: Holding((lifetime(5),)),
    }

    assert gates.resolved(state, A, "words") == Controls(
        overage_allowed=False, spend_limit=SpendLimit(Decimal(3)), alerts=alerts
    )
    assert gates.resolved(state, B, "words") == state[ALL].controls
    assert gates.resolved(state, CUSTOMER, "words") == state[ALL].controls
    assert gates.resolved(state, A, "credits") == Controls()


def test_a_disabled_control_of_an_entity_stands_before_the_customers() -> None:
    state: State = {
        ALL: Holding((owing(50),), spend(10)),
        OF_A: Holding((), spend(3, enabled=False)),
    }

    assert gates.spend_left(state, A, "words") == UNBOUNDED
    assert gates.spend_left(state, CUSTOMER, "words") == 0


# Spend limits.


@pytest.mark.parametrize(
    ("rows", "controls", "left"),
    [
        ((owing(0),), Controls(), UNBOUNDED),
        ((owing(0),), spend(25), 25),
        ((owing(20),), spend(25), 5),
        ((owing(40),), spend(25), 0),
        ((owing(20),), spend(25, enabled=False), UNBOUNDED),
        # All rows of the feature owe together; what others have left makes up for nothing.
        ((owing(20), owing(3, id="second"), lifetime(50)), spend(25), 2),
        # A percentage is of what main plans include.
        ((metered(100, plan_id="pro", balance=-20),), percent(120), 100),
        (
            (metered(100, plan_id="pro"), monthly(50, id="second", plan_id="team")),
            percent(120),
            180,
        ),
        (
            (metered(100, plan_id="pro"), monthly(100, id="more", plan_id="more", add_on=True)),
            percent(120),
            120,
        ),
        ((metered(100, plan_id="pro", prepaid=500), lifetime(900)), percent(120), 120),
        ((metered(100, plan_id="pro", adjustment=900),), percent(120), 120),
        # Without a main plan there is nothing to take a percentage of.
        ((lifetime(100), owing(50)), percent(120), UNBOUNDED),
        ((metered(0, plan_id="pro"),), percent(120), UNBOUNDED),
    ],
)
def test_how_much_overage_a_spend_limit_leaves(
    rows: tuple[Row, ...], controls: Controls, left: Decimal
) -> None:
    state = {ALL: Holding(in_order(*rows), controls)}

    assert gates.spend_left(state, CUSTOMER, "words") == left


def test_a_customers_spend_limit_counts_the_overage_of_all_entities() -> None:
    state: State = {
        ALL: Holding((owing(3),), spend(25)),
        OF_A: Holding((owing(10, entity_id="a"),)),
        OF_B: Holding((owing(5, entity_id="b", entity_feature_id="seats"),)),
    }

    assert [gates.spend_left(state, who, "words") for who in (CUSTOMER, A, B)] == [7, 7, 7]


def test_an_entitys_spend_limit_counts_what_the_entity_can_use() -> None:
    state: State = {
        ALL: Holding((owing(3),), spend(25)),
        OF_A: Holding((owing(10, entity_id="a"),), spend(20)),
        OF_B: Holding((owing(5, entity_id="b"),)),
    }

    assert gates.spend_left(state, A, "words") == 7
    assert gates.spend_left(state, Subject("a", pooled=False), "words") == 10
    assert gates.spend_left(state, B, "words") == 7


def test_a_row_that_stands_for_slices_neither_owes_nor_includes_anything() -> None:
    mould = metered(100, plan_id="pro", entity_feature_id="seats")
    state = {
        ALL: Holding((mould,), percent(100)),
        OF_A: Holding((mould._replace(entity_id="a"),)),
    }

    assert gates.spend_left(state, CUSTOMER, "words") == 100


# Usage limits.


def test_entities_share_the_customers_counter() -> None:
    state: State = {ALL: Holding((lifetime(100),), limits(a_limit(10, 2)))}

    counted = gates.count(state, A, {"words": Decimal(3)}, {})

    assert [gates.window_left(counted, who, "words", {}) for who in (CUSTOMER, A, B)] == [5, 5, 5]


def test_an_entity_with_a_limit_of_its_own_leaves_the_shared_one() -> None:
    state: State = {
        ALL: Holding((), limits(a_limit(10, 2))),
        OF_A: Holding((), limits(a_limit(4))),
    }

    counted = gates.count(state, A, {"words": Decimal(3)}, {})

    assert counted[ALL] == state[ALL]
    assert gates.window_left(counted, A, "words", {}) == 1
    assert gates.window_left(counted, B, "words", {}) == 8


def test_only_the_limit_on_the_same_events_is_taken_over() -> None:
    state: State = {
        ALL: Holding((), limits(a_limit(10), a_limit(5, region="eu"))),
        OF_A: Holding((), limits(a_limit(2, region="eu"))),
    }

    counted = gates.count(state, A, {"words": Decimal(1)}, {"region": "eu"})

    def used(place: Place) -> list[Decimal]:
        return [limit.used for limit in counted[place].controls.usage_limits]

    assert (used(ALL), used(OF_A)) == ([1, 0], [1])
    assert gates.window_left(counted, A, "words", {"region": "eu"}) == 1
    assert gates.window_left(counted, A, "words", {"region": "us"}) == 9
    assert gates.window_left(counted, A, "words", {}) == 9


def test_the_tightest_limit_that_an_event_matches_decides() -> None:
    found = (a_limit(10), a_limit(3, region="eu"), a_limit(1, region="us", enabled=False))
    state: State = {ALL: Holding((), limits(*found))}

    assert gates.window_left(state, CUSTOMER, "words", {"region": "eu"}) == 3
    assert gates.window_left(state, CUSTOMER, "words", {"region": "us"}) == 10
    assert gates.window_left(state, CUSTOMER, "credits", {}) == UNBOUNDED


def test_what_is_given_back_never_counts_below_nothing() -> None:
    state: State = {ALL: Holding((), limits(a_limit(10, 2)))}

    counted = gates.count(state, CUSTOMER, {"words": Decimal(-5)}, {})

    assert gates.window_left(counted, CUSTOMER, "words", {}) == 10


@pytest.mark.parametrize(
    ("value", "matches"),
    [("1", True), (1, True), (1.0, True), (Decimal("1.0"), True), (True, False), ("01", False)],
)
def test_properties_are_compared_as_text(value: object, matches: bool) -> None:  # noqa: FBT001 - a case
    limit = UsageLimit(Decimal(5), "month", (("level", "1"),))

    assert limit.matches({"level": value, "other": "x"}) is matches
    assert not limit.matches({})
    assert UsageLimit(Decimal(5), "month", (("on", "true"),)).matches({"on": True})


def test_all_properties_of_a_filter_must_match() -> None:
    limit = UsageLimit(Decimal(5), "month", (("plan", "pro"), ("region", "eu")))

    assert limit.matches({"region": "eu", "plan": "pro"})
    assert not limit.matches({"region": "eu"})


def test_a_free_row_counts_in_a_spend_limit_once_it_is_overdrawn() -> None:
    state = {ALL: Holding((a_row(5, balance=-4),), spend(10))}

    assert gates.spend_left(state, CUSTOMER, "words") == 6
