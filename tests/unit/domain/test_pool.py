"""Uses that several features, credits and entities pay for: who pays, in which order, how much."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchard.domain import pool
from orchard.domain.holding import Controls, Holding, Place, SpendLimit, State, UsageLimit
from orchard.domain.pool import Drawn, Use
from orchard.domain.quantity import UNBOUNDED
from orchard.domain.row import NO_OVERAGE, PRICED, Row, cast
from orchard.domain.scope import CUSTOMER, Subject
from orchard.domain.sources import Overage
from tests.unit.domain.rows import (
    DAY,
    START,
    Amount,
    a_row,
    carried,
    in_order,
    lifetime,
    metered,
    monthly,
)

WORDS, CREDITS = Place("words"), Place("credits")
OF_A, OF_B = Place("words", "a"), Place("words", "b")
A = Subject("a")
#: What one word takes: of words one, of credits a fifth.
COSTS = {"words": Decimal(1), "credits": Decimal("0.2")}


def draw(
    state: State,
    amount: Amount,
    subject: Subject = CUSTOMER,
    overage: Overage = Overage.CAP,
    **properties: str,
) -> Drawn:
    return pool.draw(state, subject, Use("words", Decimal(amount), COSTS, overage, properties))


def held(state: State) -> dict[Place, dict[str, Decimal]]:
    return {
        place: {row.id: row.balance for row in holding.rows} for place, holding in state.items()
    }


def both(words: tuple[Row, ...], credit_rows: tuple[Row, ...]) -> State:
    return {WORDS: Holding(in_order(*words)), CREDITS: Holding(in_order(*credit_rows))}


def a_limit(most: int, used: int = 0, **fields: Any) -> UsageLimit:
    return UsageLimit(Decimal(most), "month", used=Decimal(used), resets_at=START, **fields)


def limited(holding: Holding, *limits: UsageLimit) -> Holding:
    return holding._replace(controls=Controls(usage_limits=limits))


def used(state: State, place: Place) -> list[Decimal]:
    return [limit.used for limit in state[place].controls.usage_limits]


# Order.


def of_a(**fields: Any) -> Row:
    return a_row(**{"entity_id": "a", **fields})


#: Rows that an entity can use, the first to pay first: each differs in what counts next.
FOR_AN_ENTITY = [
    (OF_A, of_a(id="own_unlimited", unlimited=True)),
    (OF_A, of_a(id="own_hourly", interval="hour", created_at=START + 9)),
    (OF_A, of_a(id="own")),
    (Place("credits", "a"), of_a(id="own_credits", interval="minute")),
    (WORDS, a_row(id="shared_unlimited", unlimited=True)),
    (WORDS, a_row(id="shared_minutely", interval="minute")),
    (OF_A, of_a(id="slice_hourly", interval="hour", entity_feature_id="seats")),
    (WORDS, a_row(id="shared_monthly", interval="month")),
    (OF_A, of_a(id="slice", entity_feature_id="seats")),
    (WORDS, a_row(id="shared", created_at=START + 1)),
    (CREDITS, a_row(id="credits_unlimited", unlimited=True)),
    (CREDITS, a_row(id="credits_minutely", interval="minute")),
    (CREDITS, a_row(id="credits")),
]


def spread_out(rows: list[tuple[Place, Row]]) -> dict[Place, Holding]:
    places = dict.fromkeys(place for place, _row in rows)
    return {place: Holding(in_order(*(row for at, row in rows if at == place))) for place in places}


@given(rows=st.permutations(FOR_AN_ENTITY))
def test_an_entity_uses_its_own_first_then_the_feature_then_credits(
    rows: list[tuple[Place, Row]],
) -> None:
    found = pool.candidates(spread_out(rows), A, COSTS)

    assert [source.row.id for source in found] == [row.id for _place, row in FOR_AN_ENTITY]
    assert [source.place for source in found] == [place for place, _row in FOR_AN_ENTITY]
    costs = {source.row.id: source.cost for source in found}
    assert (costs["own"], costs["credits"]) == (1, Decimal("0.2"))


def test_rows_of_several_credit_systems_are_one_queue() -> None:
    gems = Place("gems")
    state = {
        CREDITS: Holding((monthly(5, id="monthly"),)),
        WORDS: Holding((lifetime(5),)),
        gems: Holding(in_order(a_row(5, id="hourly", interval="hour"), a_row(5, id="gems"))),
    }

    found = pool.candidates(state, CUSTOMER, {**COSTS, "gems": Decimal(3)})

    assert [source.row.id for source in found] == ["lifetime", "hourly", "monthly", "gems"]


def test_slices_of_one_row_pay_in_the_order_of_their_entities() -> None:
    """Customer 100, two entities 50 each, 120 used by the customer."""
    mould = lifetime(50, id="each", entity_feature_id="seats")
    state = {
        OF_B: Holding((cast(mould, "b"),)),
        OF_A: Holding((cast(mould, "a"),)),
        WORDS: Holding(in_order(mould, monthly(100))),
    }

    after = draw(state, 120).state

    assert held(after) == {
        OF_B: {"each": 50},
        OF_A: {"each": 30},
        WORDS: {"each": 50, "monthly": 0},
    }


def test_a_customer_leaves_alone_what_belongs_to_one_entity() -> None:
    state = {WORDS: Holding((lifetime(50),)), OF_A: Holding((of_a(granted=100),))}

    drawn = draw(state, 60)

    assert held(drawn.state) == {WORDS: {"lifetime": 0}, OF_A: {"row": 100}}
    assert drawn.left == 10


def test_an_entity_goes_on_to_what_is_the_customers() -> None:
    state = {WORDS: Holding((lifetime(100),)), OF_A: Holding((of_a(granted=100),))}

    first = draw(state, 50, A).state
    then = draw(first, 120, A).state

    assert held(first) == {WORDS: {"lifetime": 100}, OF_A: {"row": 50}}
    assert held(then) == {WORDS: {"lifetime": 30}, OF_A: {"row": 0}}


@pytest.mark.parametrize(
    ("overage", "left", "own"),
    [(Overage.CAP, 100, 0), (Overage.REJECT, 100, 0), (Overage.OVERFLOW, 0, -100)],
)
def test_an_entity_kept_apart_never_touches_what_is_the_customers(
    overage: Overage, left: int, own: int
) -> None:
    state = {WORDS: Holding((lifetime(5000),)), OF_A: Holding((of_a(granted=500),))}

    drawn = draw(state, 600, Subject("a", pooled=False), overage)

    assert held(drawn.state) == {WORDS: {"lifetime": 5000}, OF_A: {"row": own}}
    assert drawn.left == left


def test_nobody_uses_what_another_entity_has() -> None:
    state = {OF_A: Holding((of_a(granted=5),)), OF_B: Holding((lifetime(5, entity_id="b"),))}

    drawn = draw(state, 8, A)

    assert held(drawn.state)[OF_B] == {"lifetime": 5}
    assert drawn.left == 3


# Traces.


@pytest.mark.parametrize(
    ("state", "uses", "after", "left"),
    [
        # 59.5 words and 200 credits: words pay first, credits for the rest of them.
        (
            both((monthly("59.5"),), (monthly(200),)),
            [80],
            {WORDS: {"monthly": 0}, CREDITS: {"monthly": Decimal("195.9")}},
            0,
        ),
        (
            both((monthly(100),), (monthly(200),)),
            ["40.5", 80, "50.75"],
            {WORDS: {"monthly": 0}, CREDITS: {"monthly": Decimal("185.75")}},
            0,
        ),
        # Credits alone, to their last fraction.
        (both((), (monthly(1),)), [6], {WORDS: {}, CREDITS: {"monthly": 0}}, 1),
        # The overage of words comes after the balance of credits, and before that of credits.
        (
            both((metered(5, 4),), (metered(2, 1, id="credits"),)),
            [20],
            {WORDS: {"metered": -4}, CREDITS: {"credits": Decimal("-0.2")}},
            0,
        ),
        (
            both((metered(5, 4),), (metered(2, 1, id="credits"),)),
            [30],
            {WORDS: {"metered": -4}, CREDITS: {"credits": -1}},
            6,
        ),
        # An unlimited row takes all of it, wherever it stands.
        (
            both((lifetime(5),), (a_row(0, id="free", unlimited=True),)),
            [10],
            {WORDS: {"lifetime": 5}, CREDITS: {"free": -2}},
            0,
        ),
        # Given back: what is overdrawn first, be it credits, then up to what was granted.
        (
            both((monthly(100, balance=0),), (metered(2, id="credits", balance=-2),)),
            [-15],
            {WORDS: {"monthly": 5}, CREDITS: {"credits": 0}},
            0,
        ),
        (
            both((monthly(3, balance=0),), (monthly(2, balance=0),)),
            [-15],
            {WORDS: {"monthly": 3}, CREDITS: {"monthly": 2}},
            2,
        ),
    ],
)
def test_features_and_credits_pay_together(
    state: State, uses: list[Amount], after: dict[Place, Any], left: int
) -> None:
    for amount in uses:
        drawn = draw(state, amount)
        state = drawn.state

    assert held(state) == after
    assert drawn.left == left


def test_rollovers_of_credits_pay_before_the_balance_of_words() -> None:
    """What is carried over is used first wherever it lies, the soonest to expire before all."""
    state = both(
        (monthly(10, rollovers=(carried(5, START + 9 * DAY),)),),
        (monthly(10, rollovers=(carried(1, START + 8 * DAY),)),),
    )

    drawn = draw(state, 12)

    moved = {(one.place.feature_id, one.balance_id): one.value for one in drawn.movements}
    assert moved == {
        ("credits", f"roll_{START + 8 * DAY}"): 1,
        ("words", f"roll_{START + 9 * DAY}"): 5,
        ("words", "monthly"): 2,
    }


def test_movements_are_in_units_of_the_feature_that_paid() -> None:
    drawn = draw(both((monthly(10),), (monthly(5, id="credits"),)), 15)

    assert [(one.place, one.balance_id, one.value) for one in drawn.movements] == [
        (WORDS, "monthly", 10),
        (CREDITS, "credits", 1),
    ]


def test_a_price_that_goes_on_for_ever_is_rounded_to_ten_places() -> None:
    costs = {"words": Decimal(1), "credits": Decimal("0.3333333333")}
    state = {CREDITS: Holding((monthly(1),))}

    drawn = pool.draw(state, CUSTOMER, Use("words", Decimal("0.7"), costs))

    assert drawn.state[CREDITS].rows[0].balance == Decimal("0.7666666667")
    assert drawn.left == 0


@pytest.mark.parametrize("amount", ["0.7", "-0.7"])
def test_unlimited_credits_and_overflow_are_rounded_as_well(amount: str) -> None:
    costs = {"words": Decimal(1), "credits": Decimal("0.3333333333")}
    use = Use("words", Decimal(amount), costs, Overage.OVERFLOW)

    for row in (a_row(0, unlimited=True), a_row(0)):
        drawn = pool.draw({CREDITS: Holding((row,))}, CUSTOMER, use)
        assert abs(drawn.state[CREDITS].rows[0].balance) == Decimal("0.2333333333")


def test_what_costs_nothing_is_used_from_credits_without_end() -> None:
    costs = {"words": Decimal(1), "credits": Decimal(0)}
    state = {CREDITS: Holding((monthly(1, balance=0),))}

    drawn = pool.draw(state, CUSTOMER, Use("words", Decimal(7), costs, Overage.REJECT))

    assert (drawn.movements, drawn.left) == ((), 0)


def test_a_customer_without_rows_pays_nothing() -> None:
    drawn = draw({WORDS: limited(Holding(), a_limit(5))}, 3)

    assert (drawn.movements, drawn.left) == ((), 3)
    assert used(drawn.state, WORDS) == [0]


# Limits on the way.


def test_a_limit_on_words_counts_words_whoever_pays() -> None:
    """Five words and a hundred credits, at most eight words."""
    state = both((monthly(5),), (monthly(100, id="credits"),))
    state = {**state, WORDS: limited(state[WORDS], a_limit(8))}

    first = draw(state, 10)
    second = draw(first.state, 1)

    assert held(first.state) == {WORDS: {"monthly": 0}, CREDITS: {"credits": Decimal("99.4")}}
    assert (first.left, used(first.state, WORDS)) == (2, [8])
    assert (second.left, second.movements) == (1, ())


def test_a_limit_on_credits_counts_what_they_pay_for_others() -> None:
    state = both((), (monthly(100, id="credits"),))
    state = {**state, CREDITS: limited(state[CREDITS], a_limit(1))}

    first = draw(state, 5)

    assert (first.left, used(first.state, CREDITS)) == (0, [1])
    assert draw(first.state, 1).left == 1


def test_a_limit_on_credits_leaves_words_of_ones_own_alone() -> None:
    state = both((monthly(5),), (monthly(100, id="credits"),))
    state = {**state, CREDITS: limited(state[CREDITS], a_limit(1, 1))}

    drawn = draw(state, 7)

    assert held(drawn.state) == {WORDS: {"monthly": 0}, CREDITS: {"credits": 100}}
    assert drawn.left == 2


def test_a_limit_counts_over_all_rows_and_what_they_carried_over() -> None:
    rows = in_order(monthly(1, rollovers=(carried(1, None),)), lifetime(10))
    state = {WORDS: limited(Holding(rows), a_limit(4))}

    drawn = draw(state, 9)

    assert held(drawn.state) == {WORDS: {"monthly": 0, "lifetime": 8}}
    assert (drawn.left, used(drawn.state, WORDS)) == (5, [4])


def test_overflow_passes_a_limit_and_is_counted() -> None:
    state = {WORDS: limited(Holding((lifetime(100),)), a_limit(5, 3))}

    drawn = draw(state, 10, overage=Overage.OVERFLOW)

    assert (drawn.left, used(drawn.state, WORDS)) == (0, [13])
    assert draw(drawn.state, 2).left == 2


def test_refunds_and_unlimited_rows_leave_counters_alone() -> None:
    refunded = draw({WORDS: limited(Holding((lifetime(100, balance=9),)), a_limit(5, 3))}, -4)
    free = limited(Holding((a_row(0, id="free", unlimited=True),)), a_limit(5, 3))
    unlimited = draw({WORDS: free}, 50)

    assert used(refunded.state, WORDS) == [3]
    assert (used(unlimited.state, WORDS), unlimited.left) == ([3], 0)


def test_a_disabled_limit_counts_without_stopping_anything() -> None:
    state = {WORDS: limited(Holding((lifetime(100),)), a_limit(5, enabled=False))}

    drawn = draw(state, 10)

    assert (drawn.left, used(drawn.state, WORDS)) == (0, [10])


def test_each_event_counts_in_the_limits_that_it_matches() -> None:
    eu = a_limit(3, filter=(("region", "eu"),))
    state: State = {WORDS: limited(Holding((lifetime(100),)), a_limit(10), eu)}

    inside = draw(state, 5, region="eu")
    outside = draw(inside.state, 5, region="us")

    assert (inside.left, used(inside.state, WORDS)) == (2, [3, 3])
    assert (outside.left, used(outside.state, WORDS)) == (0, [8, 3])


@pytest.mark.parametrize(
    ("overage", "balance", "left"),
    [(Overage.CAP, -3, 2), (Overage.REJECT, -3, 2), (Overage.OVERFLOW, -3, 2)],
)
def test_a_spend_limit_stops_overage_of_every_kind(
    overage: Overage, balance: int, left: int
) -> None:
    controls = Controls(spend_limit=SpendLimit(Decimal(3)))
    state = {WORDS: Holding((metered(5, 100),), controls)}

    drawn = draw(state, 10, overage=overage)

    assert held(drawn.state) == {WORDS: {"metered": balance}}
    assert drawn.left == left


def test_a_spend_limit_on_words_leaves_the_overage_of_credits_alone() -> None:
    controls = Controls(spend_limit=SpendLimit(Decimal(3)))
    state = {
        WORDS: Holding((metered(5, 100),), controls),
        CREDITS: Holding((metered(0, id="credits"),)),
    }

    drawn = draw(state, 13)

    assert held(drawn.state) == {WORDS: {"metered": -3}, CREDITS: {"credits": -1}}


# Permission for overage.


@pytest.mark.parametrize(
    ("rows", "allowed", "overage", "left"),
    [
        ((lifetime(5),), True, Overage.CAP, 0),
        ((lifetime(5),), True, Overage.REJECT, 0),
        ((lifetime(5),), None, Overage.CAP, 5),
        ((lifetime(5),), False, Overage.OVERFLOW, 0),
        ((metered(5),), False, Overage.CAP, 5),
        ((metered(5, 2),), True, Overage.CAP, 3),
        # Where overage is sold the permission opens no other row.
        ((lifetime(5), metered(0, 2)), True, Overage.CAP, 3),
        ((a_row(5, overage="allocated"),), None, Overage.CAP, 0),
        ((a_row(5, overage="allocated"),), None, Overage.REJECT, 5),
        ((a_row(5, overage="allocated"),), True, Overage.REJECT, 0),
        ((a_row(5, overage="allocated"),), False, Overage.CAP, 5),
    ],
)
def test_who_may_use_more_than_there_is(
    rows: tuple[Row, ...],
    allowed: bool | None,  # noqa: FBT001 - a case
    overage: Overage,
    left: int,
) -> None:
    state = {WORDS: Holding(in_order(*rows), Controls(overage_allowed=allowed))}

    assert draw(state, 10, overage=overage).left == left


def test_overage_that_was_there_stays_when_it_is_forbidden_later() -> None:
    state = {WORDS: Holding((metered(5, balance=-7),), Controls(overage_allowed=False))}

    drawn = draw(state, 1)

    assert (held(drawn.state), drawn.left) == ({WORDS: {"metered": -7}}, 1)


# Laws.

AMOUNTS = st.integers(-60, 60)


FIGURES = st.tuples(
    st.integers(0, 20), st.integers(-20, 30), st.booleans(), st.integers(0, 10), st.booleans()
)
CONTROLS = st.builds(
    Controls,
    st.none() | st.booleans(),
    st.none() | st.builds(SpendLimit, st.integers(0, 9).map(Decimal)),
    st.lists(st.integers(0, 40).map(a_limit), max_size=1).map(tuple),
)


def a_holding(place: Place) -> st.SearchStrategy[Holding]:
    def rows(figures: list[tuple[int, int, bool, int, bool]]) -> tuple[Row, ...]:
        return in_order(
            *(
                a_row(
                    granted,
                    id=f"row{number}",
                    balance=balance,
                    entity_id=place.entity_id,
                    entity_feature_id="seats" if sliced and place.entity_id else None,
                    overage=PRICED if priced else NO_OVERAGE,
                    overage_limit=cap,
                )
                for number, (granted, balance, priced, cap, sliced) in enumerate(figures)
            )
        )

    return st.builds(Holding, st.lists(FIGURES, max_size=2).map(rows), CONTROLS)


#: Rows of words and credits, of the customer and of two entities.
STATES = st.fixed_dictionaries(
    {place: a_holding(place) for place in (WORDS, OF_A, OF_B, CREDITS, Place("credits", "a"))}
)
FEW = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
SUBJECTS = st.sampled_from([CUSTOMER, A, Subject("b", pooled=False)])


@FEW
@given(state=STATES, amount=AMOUNTS, subject=SUBJECTS, overage=st.sampled_from(list(Overage)))
def test_what_rows_lost_is_what_was_asked_for_less_what_found_no_place(
    state: State, amount: int, subject: Subject, overage: Overage
) -> None:
    drawn = draw(state, amount, subject, overage)

    paid = sum(one.value / COSTS[one.place.feature_id] for one in drawn.movements)
    lost = sum(
        (row.balance - later.balance) / COSTS[place.feature_id]
        for place, holding in state.items()
        for row, later in zip(holding.rows, drawn.state[place].rows, strict=True)
    )
    assert paid == lost == (amount - drawn.left if amount > 0 else amount + drawn.left)
    assert 0 <= drawn.left <= abs(amount)


@FEW
@given(state=STATES, amount=st.integers(1, 60), subject=SUBJECTS)
def test_only_what_a_subject_can_use_pays_for_it(
    state: State, amount: int, subject: Subject
) -> None:
    drawn = draw(state, amount, subject)

    for place, holding in state.items():
        for row, later in zip(holding.rows, drawn.state[place].rows, strict=True):
            mine = place.entity_id == subject.entity_id
            shared = place.entity_id is None and subject.pooled
            sliced = subject.entity_id is None and row.entity_feature_id is not None
            assert row.balance == later.balance or mine or shared or sliced


@FEW
@given(state=STATES, amount=st.integers(1, 60), subject=SUBJECTS)
def test_a_use_that_was_capped_leaves_no_room_for_another(
    state: State, amount: int, subject: Subject
) -> None:
    drawn = draw(state, amount, subject)

    if drawn.left:
        again = draw(drawn.state, 1, subject)
        assert (again.left, again.movements) == (1, ())
        assert draw(drawn.state, UNBOUNDED, subject).left == UNBOUNDED
