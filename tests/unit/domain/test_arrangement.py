"""How balances hang together: which controls each carries, and what entities share."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from orchard.domain import arrangement
from orchard.domain.arrangement import Household
from orchard.domain.customer import Customer, CustomerPlan
from orchard.domain.entity import Entity
from orchard.domain.holding import (
    NO_CONTROLS,
    NOTHING,
    Alert,
    Controls,
    Holding,
    Place,
    SpendLimit,
    State,
    UsageLimit,
)
from orchard.domain.row import cast
from tests.unit.domain.rows import DAY, START, lifetime, monthly

ALL, OF_A, OF_B, CREDITS = (
    Place("words"),
    Place("words", "a"),
    Place("words", "b"),
    Place("credits"),
)
SYSTEMS = {"words": ("credits",)}
NOW = START + DAY // 2
OCTOBER = int(datetime(2026, 10, 1, tzinfo=UTC).timestamp()) * 1000
#: A plan's row that resets on the 15th.
MID_MONTH = monthly(plan_id="pro", next_reset_at=START + 14 * DAY)


def spend(limit: int, feature: str = "words", **fields: Any) -> dict[str, Any]:
    entry = {"feature_id": feature, "enabled": True, "overage_limit": limit}
    return {"spend_limits": [{**entry, "limit_type": "absolute", **fields}]}


def usage(limit: int, feature: str = "words", **fields: Any) -> dict[str, Any]:
    return {
        "usage_limits": [{"feature_id": feature, "limit": limit, "interval": "month", **fields}]
    }


def permitted(enabled: bool) -> dict[str, Any]:  # noqa: FBT001 - a setting
    return {"overage_allowed": [{"feature_id": "words", "enabled": enabled}]}


def plan(controls: dict[str, Any], **fields: Any) -> CustomerPlan:
    return CustomerPlan("held", "pro", 1, START, billing_controls=controls, **fields)


def entity(name: str, controls: dict[str, Any] | None = None) -> Entity:
    return Entity(name, f"ent_{name}", "cus", "seats", START, billing_controls=controls or {})


def household(
    controls: dict[str, Any] | None = None, *plans: CustomerPlan, entities: Any = ()
) -> Household:
    customer = Customer("cus", "c", START, billing_controls=controls or {})
    return Household(customer, plans, tuple(entities))


def controls(state: State, given: Household, place: Place = ALL, now: int = NOW) -> Controls:
    return arrangement.arranged(state, given, SYSTEMS, now).get(place, NOTHING).controls


HELD: dict[Place, Holding] = {ALL: Holding((lifetime(5),))}


# Copies of controls.


def test_a_balance_carries_the_controls_of_its_feature() -> None:
    given = household(
        {
            **permitted(enabled=True),
            **spend(25),
            "usage_alerts": [
                {"feature_id": "words", "threshold": 80, "threshold_type": "usage", "name": "much"},
                {
                    "feature_id": "words",
                    "threshold": 90,
                    "threshold_type": "usage",
                    "enabled": False,
                },
                {"feature_id": "credits", "threshold": 5, "threshold_type": "remaining"},
            ],
        }
    )

    assert controls(HELD, given) == Controls(
        overage_allowed=True,
        spend_limit=SpendLimit(Decimal(25)),
        alerts=(Alert(Decimal(80), "usage", "much"),),
    )


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, SpendLimit(Decimal(25))),
        ({"enabled": False}, SpendLimit(Decimal(25), enabled=False)),
        ({"limit_type": "usage_percentage"}, SpendLimit(Decimal(25), is_percentage=True)),
        ({"overage_limit": None}, SpendLimit(Decimal(0), enabled=False)),
        ({"feature_id": "credits"}, None),
    ],
)
def test_how_a_spend_limit_is_read(fields: dict[str, Any], expected: SpendLimit | None) -> None:
    found = controls(HELD, household(spend(25, **fields)))

    assert found.spend_limit == expected


def test_an_entry_about_no_feature_hides_no_limit_of_one() -> None:
    about_nothing = {"enabled": True, "limit_type": "absolute"}

    found = controls(HELD, household({"spend_limits": [about_nothing, *spend(5)["spend_limits"]]}))

    assert found.spend_limit == SpendLimit(Decimal(5))
    assert controls(HELD, household({"spend_limits": [about_nothing]})) == NO_CONTROLS


def test_rows_stay_as_they_were_given() -> None:
    state = {**HELD, CREDITS: Holding((MID_MONTH,)), OF_A: Holding((lifetime(3, entity_id="a"),))}

    after = arrangement.arranged(state, household(spend(25)), SYSTEMS, NOW)

    assert {place: held.rows for place, held in after.items()} == {
        place: held.rows for place, held in state.items()
    }


def test_a_control_makes_a_place_of_a_feature_that_is_not_there() -> None:
    after = arrangement.arranged({}, household(spend(25)), SYSTEMS, NOW)

    assert after == {ALL: Holding(controls=Controls(spend_limit=SpendLimit(Decimal(25))))}
    assert arrangement.arranged({}, household(), SYSTEMS, NOW) == {}


def test_controls_that_were_withdrawn_are_gone() -> None:
    before = arrangement.arranged(HELD, household({**spend(25), **usage(5)}), SYSTEMS, NOW)

    assert controls(before, household()) == NO_CONTROLS


def test_what_a_customer_sets_comes_before_what_its_plans_set() -> None:
    """Of two plans the stricter counts; a plan that ended counts no more."""
    loose, strict = plan(spend(50)), plan(spend(10))
    ended = plan(spend(1), trial_ends_at=NOW)

    def limit(*plans: CustomerPlan, own: dict[str, Any] | None = None) -> SpendLimit | None:
        return controls(HELD, household(own, *plans)).spend_limit

    assert limit(loose) == SpendLimit(Decimal(50))
    assert limit(loose, strict) == SpendLimit(Decimal(10))
    assert limit(loose, strict, own=spend(70)) == SpendLimit(Decimal(70))
    assert limit(loose, own=spend(70, enabled=False)) == SpendLimit(Decimal(70), enabled=False)
    assert limit(loose, ended) == SpendLimit(Decimal(50))


def test_entities_carry_their_own_controls_only() -> None:
    state = {**HELD, OF_A: Holding((lifetime(3, entity_id="a"),))}
    own = [entity("a", spend(3)), entity("b", permitted(enabled=False))]

    given = household(spend(25), plan(usage(9), entity_id="a"), entities=own)

    assert controls(state, given).spend_limit == SpendLimit(Decimal(25))
    of_a = controls(state, given, OF_A)
    assert (of_a.spend_limit, of_a.overage_allowed) == (SpendLimit(Decimal(3)), None)
    assert [limit.limit for limit in of_a.usage_limits] == [9]
    assert controls(state, given, OF_B) == Controls(overage_allowed=False)
    assert controls(state, given).usage_limits == ()


# Usage limits.


def only(found: Controls) -> UsageLimit:
    (limit,) = found.usage_limits
    return limit


def test_a_limit_goes_on_counting_when_it_is_set_anew() -> None:
    held = arrangement.arranged(HELD, household(usage(10)), SYSTEMS, NOW)
    counting = held[ALL].controls._replace(
        usage_limits=(only(held[ALL].controls)._replace(used=Decimal(8)),)
    )
    state: State = {ALL: held[ALL]._replace(controls=counting)}

    lowered = only(controls(state, household(usage(3))))
    disabled = only(controls(state, household(usage(10, enabled=False))))

    assert (lowered.limit, lowered.used, lowered.left) == (3, 8, 0)
    assert (disabled.enabled, disabled.used) == (False, 8)


@pytest.mark.parametrize(
    "other",
    [{"interval": "week"}, {"anchor": "utc"}, {"filter": {"properties": {"region": "eu"}}}],
)
def test_a_limit_of_another_window_or_other_events_counts_from_nothing(
    other: dict[str, Any],
) -> None:
    held = arrangement.arranged(HELD, household(usage(10)), SYSTEMS, NOW)
    counting = only(held[ALL].controls)._replace(used=Decimal(8))
    state: State = {ALL: held[ALL]._replace(controls=Controls(usage_limits=(counting,)))}

    assert only(controls(state, household(usage(10, **other)))).used == 0


def test_the_values_of_a_filter_are_kept_as_text_in_the_order_of_their_names() -> None:
    events = {"properties": {"tier": 1, "eu": True, "name": "x"}}

    found = only(controls(HELD, household(usage(10, filter=events))))

    assert found.filter == (("eu", "true"), ("name", "x"), ("tier", "1"))


@pytest.mark.parametrize(
    ("state", "place", "ends"),
    [
        # Its own rows, else the customer's, else those of the credits that pay for it.
        ({ALL: Holding((MID_MONTH,))}, ALL, START + 14 * DAY),
        ({ALL: Holding((MID_MONTH,))}, OF_A, START + 14 * DAY),
        ({ALL: Holding((lifetime(5),)), CREDITS: Holding((MID_MONTH,))}, ALL, START + 14 * DAY),
        ({CREDITS: Holding((MID_MONTH,))}, OF_A, START + 14 * DAY),
        (
            {
                ALL: Holding((MID_MONTH._replace(next_reset_at=START + 20 * DAY),)),
                OF_A: Holding((MID_MONTH._replace(entity_id="a"),)),
            },
            OF_A,
            START + 14 * DAY,
        ),
        # Without any of them, the calendar.
        ({ALL: Holding((lifetime(5),))}, ALL, OCTOBER),
        ({}, ALL, OCTOBER),
    ],
)
def test_which_cycle_the_windows_of_a_place_follow(state: State, place: Place, ends: int) -> None:
    given = household(usage(10), entities=[entity("a", usage(10))])

    assert only(controls(state, given, place)).resets_at == ends


def test_a_plan_that_keeps_the_cycle_keeps_the_count() -> None:
    """The next plan with the same reset: the counter stays; with another one: it starts anew."""
    held = arrangement.arranged({ALL: Holding((MID_MONTH,))}, household(usage(5)), SYSTEMS, NOW)
    counting = only(held[ALL].controls)._replace(used=Decimal(3))
    kept = Controls(usage_limits=(counting,))
    same = MID_MONTH._replace(id="next", created_at=NOW)
    moved = same._replace(next_reset_at=START + 20 * DAY)

    assert only(controls({ALL: Holding((same,), kept)}, household(usage(5)))).used == 3
    assert only(controls({ALL: Holding((moved,), kept)}, household(usage(5)))).used == 0


def test_live_counters_are_told_with_the_limits() -> None:
    held = arrangement.arranged(HELD, household(usage(10)), SYSTEMS, NOW)
    counting = only(held[ALL].controls)._replace(used=Decimal(8))
    state: State = {ALL: Holding(controls=Controls(usage_limits=(counting,)))}
    lists = {**usage(10), **spend(5)}

    told = arrangement.with_usage(lists, state, None)

    assert [one["usage"] for one in told["usage_limits"]] == [8]
    assert told["spend_limits"] == lists["spend_limits"]
    (elsewhere,) = arrangement.with_usage(lists, state, "a")["usage_limits"]
    assert elsewhere["usage"] == 0
    assert arrangement.with_usage(spend(5), state, None) == spend(5)


# What entities have.


def test_a_customers_balance_knows_whether_entities_have_rows_of_the_feature() -> None:
    own = lifetime(3, entity_id="a")
    state = {**HELD, OF_A: Holding((own,)), Place("credits", "a"): Holding()}

    after = arrangement.arranged(state, household(), SYSTEMS, NOW)

    assert {place: held.spread for place, held in after.items()} == {
        ALL: True,
        OF_A: False,
        Place("credits", "a"): False,
    }
    without = {**after, OF_A: Holding()}
    assert not arrangement.arranged(without, household(), SYSTEMS, NOW)[ALL].spread


def test_rows_of_entities_alone_make_a_place_of_the_customers() -> None:
    state = {OF_A: Holding((lifetime(3, entity_id="a"),))}

    assert arrangement.arranged(state, household(), SYSTEMS, NOW)[ALL] == Holding(spread=True)


def test_slices_of_a_row_count_as_rows_of_entities() -> None:
    mould = lifetime(3, entity_feature_id="seats")
    state = {ALL: Holding((mould,)), OF_A: Holding((cast(mould, "a"),))}

    assert arrangement.arranged(state, household(), SYSTEMS, NOW)[ALL].spread


def test_a_feature_has_a_part_in_uses_if_it_can_pay_or_limits_them() -> None:
    alerted = Controls(alerts=(Alert(Decimal(5), "usage"),))
    state = {
        ALL: Holding((lifetime(5),)),
        CREDITS: Holding(),
        Place("calls"): Holding(controls=Controls(overage_allowed=False)),
        Place("mails"): Holding(controls=alerted),
        Place("pages", "a"): Holding((lifetime(5, entity_id="a"),)),
    }

    assert arrangement.sourced(state) == {"words", "calls"}
