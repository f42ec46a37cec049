"""Editing a balance."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.domain import edits, pool
from orchard.domain.edits import BalanceNotFound, Edit, Selection
from orchard.domain.holding import Holding, Place
from orchard.domain.row import Rows, cast
from orchard.domain.scope import CUSTOMER, Subject
from orchard.domain.sources import ONE, Sources
from orchard.errors import Invalid, NotFound
from tests.unit.domain.rows import (
    DAY,
    HERE,
    START,
    a_row,
    carried,
    changed,
    held,
    in_order,
    lifetime,
    metered,
    monthly,
    shown,
)

EVERYTHING = Selection()


def edited(rows: Rows, selection: Selection = EVERYTHING, **fields: int | str) -> Rows:
    numbers: dict[str, Any] = {
        name: value if name.endswith("_at") else Decimal(value) for name, value in fields.items()
    }

    def change(sources: Sources) -> Sources:
        return edits.edited(edits.selected(sources, selection), Edit(**numbers))

    return changed(rows, change)


def figures(rows: Rows) -> tuple[Decimal, Decimal, Decimal]:
    """Granted, remaining, usage."""
    found = shown(rows)
    return found.granted, found.remaining, found.usage


@pytest.mark.parametrize(
    ("start", "target", "usage"),
    [
        (100, 80, 20),
        (100, 120, -20),
        (70, 50, 50),
        (70, 120, -20),
        (70, 0, 100),
        (100, "72.65", "27.35"),
    ],
)
def test_remaining_moves_usage_and_leaves_the_grant(
    start: int, target: int | str, usage: int | str
) -> None:
    rows = edited((monthly(100, balance=start, plan_id="pro"),), remaining=target)

    assert figures(rows) == (100, Decimal(target), Decimal(usage))


@pytest.mark.parametrize(
    ("target", "remaining", "usage"), [(30, 30, 15), (20, 20, 25), (50, 50, -5), (-10, 0, 55)]
)
def test_remaining_over_rows_of_every_kind(target: int, remaining: int, usage: int) -> None:
    """Free 10, prepaid 20, pay per use 15: all of it full."""
    rows = in_order(
        lifetime(10, id="free", plan_id="free"),
        monthly(0, id="prepaid", prepaid=20, plan_id="pro"),
        metered(15, plan_id="pro"),
    )

    after = edited(rows, remaining=target)

    assert figures(after) == (45, remaining, usage)


@pytest.mark.parametrize(
    ("used", "target", "after"),
    [
        (0, 300, {"monthly": 50, "second": 50, "lifetime": 200}),
        (0, 400, {"monthly": 150, "second": 50, "lifetime": 200}),
        (120, 150, {"monthly": 0, "second": 0, "lifetime": 150}),
        (120, 300, {"monthly": 70, "second": 30, "lifetime": 200}),
        (0, -40, {"monthly": -40, "second": 0, "lifetime": 0}),
    ],
)
def test_the_rows_bear_an_edit_in_order(used: int, target: int, after: dict[str, int]) -> None:
    rows = in_order(monthly(100), monthly(50, id="second", created_at=START + 1), lifetime(200))

    start = edited(rows, add=-used)

    assert held(edited(start, remaining=target)) == after


def test_an_increase_lifts_overdrawn_rows_first() -> None:
    rows = in_order(monthly(100, balance=0), metered(50, balance=-30))

    assert held(edited(rows, add=50)) == {"monthly": 20, "metered": 0}


def test_pay_per_use_may_be_set_below_zero() -> None:
    assert figures(edited((metered(200),), remaining=-50)) == (200, 0, 250)


def test_rollovers_are_not_part_of_the_target() -> None:
    rows = (monthly(100, rollovers=(carried(30, None),)),)

    (row,) = edited(rows, remaining=40)

    assert (row.balance, row.rollovers[0].balance) == (40, 30)


@pytest.mark.parametrize(("used", "remaining"), [(0, 100), (30, 70), (130, 0), (-5, 105)])
def test_usage_is_set_against_the_grant(used: int, remaining: int) -> None:
    rows = edited((monthly(100, balance=55, plan_id="pro"),), usage=used)

    assert figures(rows) == (100, remaining, used)


def test_usage_counts_what_was_bought_and_edited_in() -> None:
    rows = edited((monthly(100, prepaid=200, adjustment=10, balance=1),), usage=60)

    assert figures(rows) == (310, 250, 60)


@pytest.mark.parametrize(
    ("target", "grant", "expected"),
    [(50, 100, (100, 50, 50)), (80, 150, (150, 80, 70)), (100, 100, (100, 100, 0))],
)
def test_balance_and_grant_may_be_edited_together(
    target: int, grant: int, expected: tuple[int, int, int]
) -> None:
    rows = edited((monthly(100, balance=70),), remaining=target, included_grant=grant)

    assert figures(rows) == expected


def test_a_grant_moves_usage_and_leaves_what_remains() -> None:
    rows = (monthly(100, prepaid=200, balance=270),)

    (row,) = edited(rows, included_grant=320 - 200)

    assert (row.included, row.prepaid, row.balance, row.usage) == (120, 200, 270, 50)


def test_the_first_row_bears_the_whole_grant() -> None:
    rows = in_order(monthly(100, adjustment=7), lifetime(200, adjustment=9))

    after = edited(rows, included_grant=400)

    assert [row.adjustment for row in after] == [100, 0]


def test_filters_choose_the_rows_of_an_edit() -> None:
    rows = in_order(
        monthly(100),
        lifetime(150, id="cus_ent_b", external_id="promo"),
        lifetime(200, id="cus_ent_c", created_at=START + 1),
    )

    assert held(edited(rows, Selection(interval="month"), remaining=80))["monthly"] == 80
    by_external = edited(rows, Selection(balance_id="promo"), remaining=200)
    assert held(by_external) == {"monthly": 100, "cus_ent_b": 200, "cus_ent_c": 200}
    by_id = edited(rows, Selection(balance_id="cus_ent_c"), remaining=50)
    assert held(by_id) == {"monthly": 100, "cus_ent_b": 150, "cus_ent_c": 50}
    both = Selection(interval="one_off")
    assert held(edited(rows, both, remaining=100)) == {
        "monthly": 100,
        "cus_ent_b": 0,
        "cus_ent_c": 100,
    }


@pytest.mark.parametrize(
    "selection",
    [
        Selection(interval="week"),
        Selection(balance_id="nothing"),
        Selection(interval="month", balance_id="lifetime"),
    ],
)
def test_filters_that_match_nothing_are_refused(selection: Selection) -> None:
    with pytest.raises(BalanceNotFound) as refused:
        edited(in_order(monthly(1), lifetime(1)), selection, remaining=5)

    assert isinstance(refused.value, NotFound)
    assert refused.value.code == "invalid_request"


def test_no_rows_at_all_are_refused() -> None:
    with pytest.raises(BalanceNotFound):
        edits.selected((), EVERYTHING)


def test_a_flag_has_nothing_to_edit() -> None:
    with pytest.raises(Invalid):
        edited((a_row(0, boolean=True),), remaining=5)


def test_an_edit_without_fields_changes_nothing() -> None:
    rows = in_order(monthly(100, balance=3), lifetime(7))

    assert edited(rows) == rows


def test_a_reset_date_moves_the_earliest_reset() -> None:
    rows = in_order(
        monthly(100),
        monthly(50, id="sooner", created_at=START + 1, next_reset_at=START + 2 * DAY),
        lifetime(7),
    )

    after = edited(rows, next_reset_at=START + 5 * DAY)

    dates = {row.id: row.next_reset_at for row in after}
    assert dates == {"monthly": START + 30 * DAY, "sooner": START + 5 * DAY, "lifetime": None}


def test_a_lifetime_balance_has_no_reset_date_to_move() -> None:
    with pytest.raises(Invalid):
        edited((lifetime(5),), next_reset_at=START + DAY)


def test_an_expiry_goes_to_the_earliest_and_reorders() -> None:
    rows = in_order(lifetime(5), lifetime(6, id="dated", expires_at=START + 9 * DAY))

    after = edited(rows, expires_at=START + DAY)

    assert [(row.id, row.expires_at) for row in after] == [
        ("dated", START + DAY),
        ("lifetime", None),
    ]
    (alone,) = edited((lifetime(5),), expires_at=START + DAY)
    assert alone.expires_at == START + DAY


def test_a_balance_of_a_paid_plan_can_not_be_made_to_expire() -> None:
    with pytest.raises(Invalid):
        edited((metered(5),), expires_at=START + DAY)
    # A price without resets, as of a one-off purchase, is no plan that ends.
    (row,) = edited((lifetime(5, price={}),), expires_at=START + DAY)
    assert row.expires_at == START + DAY


def test_fields_apply_in_their_order() -> None:
    (row,) = edited(
        (monthly(100, balance=10),),
        add=5,
        included_grant=200,
        next_reset_at=START + DAY,
        expires_at=START + 2 * DAY,
    )

    assert (row.balance, row.adjustment) == (15, 100)
    assert (row.next_reset_at, row.expires_at) == (START + DAY, START + 2 * DAY)


OF_A, OF_B = Place("words", "a"), Place("words", "b")
EACH = monthly(50, id="each", entity_feature_id="seats")


def of_entities() -> dict[Place, Holding]:
    """Fifty for each of two entities, and five that are the customer's."""
    return {
        HERE: Holding(in_order(EACH, lifetime(5))),
        OF_A: Holding((cast(EACH, "a"),)),
        OF_B: Holding((cast(EACH, "b"),)),
    }


def edited_for(
    subject: Subject, edit: Edit, selection: Selection = EVERYTHING
) -> dict[Place, Holding]:
    state = of_entities()
    before = pool.candidates(state, subject, {"words": ONE})
    changed_ones = {
        (one.place, one.row.id): one
        for one in edits.edited(edits.selected(before, selection), edit)
    }
    after = tuple(changed_ones.get((one.place, one.row.id), one) for one in before)
    return dict(edits.recast(pool.regrouped(state, before, after), "words", before, after))


def test_an_edit_for_an_entity_leaves_the_slices_of_others_alone() -> None:
    wanted = Edit(remaining=Decimal(12))

    after = edited_for(Subject("a"), wanted, Selection(interval="month"))

    assert [held(after[place].rows)["each"] for place in (OF_A, OF_B)] == [12, 50]
    assert held(after[HERE].rows) == {"each": 50, "lifetime": 5}


def test_an_edit_for_the_customer_bears_on_all_slices_in_order() -> None:
    after = edited_for(CUSTOMER, Edit(remaining=Decimal(60)))

    assert [held(after[place].rows)["each"] for place in (OF_A, OF_B)] == [5, 50]
    assert held(after[HERE].rows) == {"each": 50, "lifetime": 5}


def test_the_grant_of_a_row_for_each_entity_is_borne_by_the_first_slice() -> None:
    after = edited_for(CUSTOMER, Edit(included_grant=Decimal(120)), Selection(balance_id="each"))

    assert [after[place].rows[0].adjustment for place in (OF_A, OF_B)] == [20, 0]


def test_the_dates_of_slices_move_together_with_those_to_come() -> None:
    reset = edited_for(CUSTOMER, Edit(next_reset_at=START + DAY))
    expiry = edited_for(CUSTOMER, Edit(expires_at=START + DAY), Selection(balance_id="each"))

    for place in (HERE, OF_A, OF_B):
        assert reset[place].rows[0].next_reset_at == START + DAY
        assert expiry[place].rows[0].expires_at == START + DAY
    assert reset[HERE].rows[1] == lifetime(5)


@given(
    balances=st.lists(st.integers(-50, 150), min_size=1, max_size=4),
    target=st.integers(-100, 300),
)
def test_a_target_is_hit_exactly_whatever_was_there(balances: list[int], target: int) -> None:
    rows = in_order(*(lifetime(100, id=f"r{n}", balance=left) for n, left in enumerate(balances)))

    after = edited(rows, remaining=target)

    assert sum(held(after).values()) == target
    assert [row.allowance + row.adjustment for row in after] == [100] * len(balances)
