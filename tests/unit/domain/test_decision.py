"""Whether a use is allowed: one case for each condition, in the order in which they count."""

from decimal import Decimal
from typing import Any

import pytest

from orchard.domain import decision
from orchard.domain.decision import (
    ALLOWED,
    INCLUDED,
    MAX_PURCHASE,
    SPEND_LIMIT,
    USAGE_LIMIT,
    Decision,
    Question,
)
from orchard.domain.holding import NO_CONTROLS, Controls, Holding, Place, SpendLimit, UsageLimit
from orchard.domain.row import ALLOCATED, Row, Rows
from orchard.domain.scope import CUSTOMER, Subject
from tests.unit.domain.rows import HERE, START, a_row, carried, lifetime, metered, monthly

CREDITS = Place("credits")


def limit(most: int, used: int = 0, **fields: Any) -> UsageLimit:
    return UsageLimit(Decimal(most), "month", used=Decimal(used), resets_at=START, **fields)


def spend(most: int, **fields: Any) -> Controls:
    return Controls(spend_limit=SpendLimit(Decimal(most), **fields))


def decided(
    rows: Rows, required: str, controls: Controls = NO_CONTROLS, **properties: str
) -> Decision:
    question = Question("words", Decimal(required), properties)
    return decision.decide({HERE: Holding(rows, controls)}, CUSTOMER, question)


@pytest.mark.parametrize(
    ("rows", "required", "allowed"),
    [
        ((), "0", False),
        ((lifetime(100),), "100", True),
        ((lifetime(100),), "100.5", False),
        ((lifetime(100, balance=-3),), "0", True),
        ((lifetime(100, balance=0),), "-1", True),
        ((a_row(boolean=True),), "5", True),
        ((a_row(unlimited=True),), "5", True),
        ((metered(5),), "9999", True),
        ((metered(100, 400),), "500", True),
        ((metered(100, 400),), "501", False),
        ((metered(100, 400, balance=-100),), "300", True),
        ((metered(100, 400, balance=-100),), "301", False),
        ((metered(100, 400, balance=-500),), "1", False),
        ((a_row(5, overage=ALLOCATED, continuous=True, balance=0),), "1", False),
        ((monthly(5, rollovers=(carried(3, None),)),), "8", True),
        ((monthly(5, rollovers=(carried(3, None),)),), "8.1", False),
    ],
)
def test_what_a_balance_allows(rows: Rows, required: str, allowed: bool) -> None:  # noqa: FBT001 - a case
    assert decided(rows, required).allowed is allowed


@pytest.mark.parametrize(
    ("rows", "controls", "required", "stopped_by"),
    [
        # Nothing is there to use.
        ((), NO_CONTROLS, "0", INCLUDED),
        # An unlimited row and a refund pass every usage limit.
        ((a_row(unlimited=True),), Controls(usage_limits=(limit(1, 1),)), "5", None),
        ((lifetime(100),), Controls(usage_limits=(limit(1, 1),)), "-5", None),
        # A usage limit stops what the balance would allow, and says so before the balance does.
        ((lifetime(100),), Controls(usage_limits=(limit(5, 3),)), "2", None),
        ((lifetime(100),), Controls(usage_limits=(limit(5, 3),)), "3", USAGE_LIMIT),
        ((lifetime(1),), Controls(usage_limits=(limit(5, 3),)), "3", USAGE_LIMIT),
        ((lifetime(100),), Controls(usage_limits=(limit(5, 8),)), "0", None),
        ((lifetime(100),), Controls(usage_limits=(limit(5, 8, enabled=False),)), "100", None),
        # A refused overage counts for nothing, whatever was sold.
        ((metered(5),), Controls(overage_allowed=False), "5", None),
        ((metered(5),), Controls(overage_allowed=False), "6", INCLUDED),
        # A permission opens a free row, and lifts no cap that was sold.
        ((lifetime(5),), Controls(overage_allowed=True), "9999", None),
        ((metered(5, 4),), Controls(overage_allowed=True), "9", None),
        ((metered(5, 4),), Controls(overage_allowed=True), "10", MAX_PURCHASE),
        # A spend limit comes before what may be bought, in both directions.
        ((metered(5, 40),), spend(3), "8", None),
        ((metered(5, 40),), spend(3), "9", SPEND_LIMIT),
        ((metered(5, 4),), spend(30), "35", None),
        ((metered(5, balance=-2),), spend(3), "1", None),
        ((metered(5, balance=-2),), spend(3), "2", SPEND_LIMIT),
        ((metered(5, balance=-9),), spend(3), "1", SPEND_LIMIT),
        ((metered(5, 4),), spend(3, enabled=False), "9", None),
        ((metered(5, 4),), spend(3, enabled=False), "10", MAX_PURCHASE),
        # Without overage the spend limit has no say.
        ((lifetime(5),), spend(3), "6", INCLUDED),
        ((lifetime(5),), spend(3)._replace(overage_allowed=True), "8", None),
        ((lifetime(5),), spend(3)._replace(overage_allowed=True), "9", SPEND_LIMIT),
        # One source without a cap leaves all of them without; overage anywhere uses up the caps.
        ((metered(5, 4), metered(5, id="open")), NO_CONTROLS, "9999", None),
        ((metered(5, 4, balance=-1), lifetime(2)), NO_CONTROLS, "5", None),
        ((metered(5, 4, balance=-1), lifetime(2)), NO_CONTROLS, "6", MAX_PURCHASE),
        ((metered(5, 4), lifetime(2, balance=-3)), NO_CONTROLS, "7", MAX_PURCHASE),
    ],
)
def test_what_stands_against_a_use(
    rows: Rows, controls: Controls, required: str, stopped_by: str | None
) -> None:
    expected = ALLOWED if stopped_by is None else Decision(allowed=False, limit=stopped_by)
    assert decided(rows, required, controls) == expected


def test_a_limit_on_some_events_stops_only_those() -> None:
    controls = Controls(usage_limits=(limit(5, 5, filter=(("region", "eu"),)),))

    assert decided((lifetime(100),), "1", controls, region="us").allowed
    assert decided((lifetime(100),), "1", controls).allowed
    assert decided((lifetime(100),), "1", controls, region="eu").limit == USAGE_LIMIT


@pytest.mark.parametrize(("required", "allowed"), [("10", True), ("10.2", False)])
def test_credits_are_held_against_the_limit_of_the_feature_they_pay_for(
    required: str,
    allowed: bool,  # noqa: FBT001 - a case
) -> None:
    """Fifty words are left in the window, at a fifth of a credit each."""
    state = {
        HERE: Holding(controls=Controls(usage_limits=(limit(60, 10),))),
        CREDITS: Holding((monthly(100),)),
    }
    question = Question("credits", Decimal(required), member=("words", Decimal("0.2")))

    assert decision.decide(state, CUSTOMER, question).allowed is allowed


def test_a_limit_on_the_credits_themselves_counts_as_well() -> None:
    state = {CREDITS: Holding((monthly(100),), Controls(usage_limits=(limit(5, 4),)))}
    question = Question("credits", Decimal(2), member=("words", Decimal("0.2")))

    assert decision.decide(state, CUSTOMER, question).limit == USAGE_LIMIT


def own(row: Row) -> Row:
    return row._replace(id=f"own_{row.id}", entity_id="a")


def test_an_entity_may_use_what_is_its_own_and_what_is_the_customers() -> None:
    state = {
        HERE: Holding((lifetime(10),)),
        Place("words", "a"): Holding((own(lifetime(5)),)),
        Place("words", "b"): Holding((own(lifetime(50))._replace(entity_id="b"),)),
    }

    def allowed(subject: Subject, required: int) -> bool:
        return decision.decide(state, subject, Question("words", Decimal(required))).allowed

    assert allowed(Subject("a"), 15)
    assert not allowed(Subject("a"), 16)
    assert allowed(Subject("a", pooled=False), 5)
    assert not allowed(Subject("a", pooled=False), 6)
    assert not allowed(CUSTOMER, 11)
