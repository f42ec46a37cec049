"""What is bought ahead, in packs."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.domain.billing import quantities
from orchard.domain.catalog import Plan
from orchard.errors import Invalid, InvalidInputs


def prepaid(feature_id: str = "words", included: int = 0, size: int = 1, **price: Any) -> Any:
    sold = {"billing_method": "prepaid", "billing_units": size, "interval": "month", **price}
    return {"feature_id": feature_id, "included": included, "price": sold}


def a_plan(*items: Any) -> Plan:
    return Plan("pro", 1, "Pro", 1, items=items)


@pytest.mark.parametrize(
    ("included", "size", "quantity", "packs"),
    [
        (0, 1, 0, 0),
        (2, 1, 5, 3),
        (2, 1, 1, 0),
        (100, 50, 101, 1),
        (100, 50, 150, 1),
        (0, 50, 151, 4),
    ],
)
def test_packs_hold_what_is_wanted_beyond_what_is_included(
    included: int, size: int, quantity: int, packs: int
) -> None:
    item = prepaid(included=included, size=size)

    assert quantities.packs(item, Decimal(quantity)) == packs
    assert quantities.units(item, Decimal(quantity)) == packs * size


def test_items_that_are_not_sold_ahead_have_no_units() -> None:
    assert quantities.units({"feature_id": "words", "included": 5}, Decimal(9)) == 0


def test_whole_packs_are_held_and_what_is_not_asked_for_is_what_is_included() -> None:
    plan = a_plan(prepaid(included=2, size=5), prepaid("seats", 3), {"feature_id": "calls"})

    assert quantities.settled(plan, {"words": Decimal(4)}) == {"words": 7, "seats": 3}


@given(st.integers(0, 99), st.integers(1, 9), st.integers(0, 200))
def test_what_is_held_can_be_asked_for_again(included: int, size: int, asked: int) -> None:
    plan = a_plan(prepaid(included=included, size=size))

    once = quantities.settled(plan, {"words": Decimal(asked)})

    assert quantities.settled(plan, once) == once
    assert max(asked, included) <= once["words"] < max(asked, included) + size


def test_a_feature_that_is_sold_in_two_ways_keeps_the_number_asked_for() -> None:
    plan = a_plan(prepaid(included=5, size=10), prepaid(size=7, interval="one_off"))

    assert quantities.settled(plan, {"words": Decimal(12)}) == {"words": 12}


def test_what_a_plan_does_not_sell_is_refused() -> None:
    plan = a_plan(prepaid(included=5, size=10, max_purchase=Decimal(20)))

    assert quantities.settled(plan, {"words": Decimal(25)}) == {"words": 25}
    with pytest.raises(Invalid, match="sells at most 20 of feature words"):
        quantities.settled(plan, {"words": Decimal(26)})
    with pytest.raises(InvalidInputs, match="no prepaid item of feature calls"):
        quantities.settled(plan, {"calls": Decimal(1)})
