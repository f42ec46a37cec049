"""Which alerts a write crossed, and which limits it reached."""

from decimal import Decimal
from typing import Any

import pytest

from orchard.domain import alerts
from orchard.domain.alerts import Limit
from orchard.domain.holding import Alert, Controls, Holding, Place, SpendLimit, UsageLimit
from orchard.domain.row import ALLOCATED, Rows
from orchard.domain.scope import CUSTOMER, Subject
from tests.unit.domain.rows import DAY, START, a_row, carried, in_order, lifetime, metered, monthly

HALF = Alert(Decimal(500), "usage", "half")
MOST = Alert(Decimal(800), "usage", "most")


def left(balance: int | str, granted: int = 1000) -> Rows:
    return (lifetime(granted, balance=balance),)


def alert(threshold: int | str, kind: str) -> Alert:
    return Alert(Decimal(threshold), kind)


def crossed(told: tuple[Alert, ...], before: Rows, after: Rows) -> tuple[Alert, ...]:
    controls = Controls(alerts=told)
    return alerts.crossed(Holding(before, controls), Holding(after, controls))


def fires(one: Alert, before: Rows, after: Rows) -> bool:
    return crossed((one,), before, after) == (one,)


def test_each_alert_is_crossed_once_on_the_way_up() -> None:
    both = (HALF, MOST)

    assert crossed(both, left(1000), left(400)) == (HALF,)
    assert crossed(both, left(400), left(100)) == (MOST,)
    assert crossed(both, left(100), left(0)) == ()
    assert crossed(both, left(1000), left(100)) == both


@pytest.mark.parametrize(
    ("threshold", "kind", "landing"),
    [
        (600, "usage", "400"),
        (60, "usage_percentage", "400"),
        ("0.3", "usage_percentage", "997"),
        (400, "remaining", "400"),
        (40, "remaining_percentage", "400"),
        (0, "remaining", "0"),
        (0, "remaining_percentage", "0"),
        (100, "usage_percentage", "0"),
    ],
)
def test_landing_exactly_on_the_threshold_is_crossing_it(
    threshold: int | str, kind: str, landing: str
) -> None:
    one = alert(threshold, kind)
    short = Decimal(landing) + Decimal("0.0000000001")

    assert not fires(one, left(1000), left(str(short)))
    assert fires(one, left(1000), left(landing))
    assert fires(one, left(str(short)), left(landing))
    assert not fires(one, left(landing), left(landing))


def test_what_was_given_back_can_be_crossed_again() -> None:
    assert not fires(HALF, left(400), left(600))
    assert fires(HALF, left(600), left(400))


def test_percentages_are_of_all_that_was_granted_with_rollovers() -> None:
    one = alert(50, "usage_percentage")

    def holding(balance: int, carried_over: int) -> Rows:
        rollover = carried(carried_over, None, usage=Decimal(60 - carried_over))
        return (monthly(100, balance=balance, rollovers=(rollover,)),)

    # Half of 160 is 80: the 60 carried over and 20 of the month's 100.
    assert not fires(one, holding(100, 60), holding(81, 0))
    assert fires(one, holding(81, 0), holding(80, 0))


def test_percentages_of_nothing_are_never_crossed() -> None:
    rows, used = (metered(0),), (metered(0, balance=-5),)

    assert not fires(alert(50, "usage_percentage"), rows, used)
    assert not fires(alert(0, "remaining_percentage"), rows, used)
    assert fires(alert(5, "usage"), rows, used)


def test_usage_beyond_the_grant_can_be_more_than_all_of_it() -> None:
    one = alert(150, "usage_percentage")

    assert not fires(one, (metered(100),), (metered(100, balance="-49.5"),))
    assert fires(one, (metered(100, balance=-49),), (metered(100, balance=-50),))


def test_a_grant_lifts_what_remains_above_the_threshold_and_does_not_fire() -> None:
    one = alert(100, "remaining")
    topped_up = in_order(lifetime(1000, balance=50), a_row(500, id="extra"))

    assert not fires(one, left(50), topped_up)
    assert fires(one, topped_up, left(50))


def test_unlimited_balances_cross_nothing() -> None:
    rows = in_order(a_row(0, id="free", unlimited=True), *left(1000))
    used = in_order(a_row(0, id="free", unlimited=True, balance=-600), *left(1000))

    assert not fires(HALF, rows, used)
    assert not fires(alert(0, "remaining"), left(1000), rows)
    assert not fires(HALF, rows, left(0))


def test_a_balance_that_begins_or_ends_crosses_nothing() -> None:
    for one in (alert(0, "usage"), alert(2000, "remaining"), alert(100, "remaining_percentage")):
        assert not fires(one, (), left(1000))
        assert not fires(one, left(1000), ())


def test_an_alert_that_is_set_past_its_threshold_tells_nothing() -> None:
    before, after = Holding(left(100)), Holding(left(100), Controls(alerts=(HALF, MOST)))

    assert alerts.crossed(before, after) == ()
    assert alerts.crossed(Holding(left(1000)), after) == (HALF, MOST)
    assert alerts.crossed(after, before) == ()


def test_a_row_that_stands_for_slices_of_entities_holds_nothing() -> None:
    mould = monthly(1000, id="mould", entity_feature_id="seats")

    assert not fires(alert(50, "remaining_percentage"), (mould,), (mould, *left(100)))
    assert fires(HALF, (mould, *left(1000)), (mould, *left(400)))


USED_UP = left(0)


def window(used: int | str, limit: int = 5, **fields: Any) -> UsageLimit:
    return UsageLimit(Decimal(limit), "day", used=Decimal(used), resets_at=START + DAY, **fields)


HERE = Place("messages")


def limits(before: Holding, after: Holding) -> tuple[Limit, ...]:
    return alerts.reached({HERE: before}, {HERE: after}, CUSTOMER, "messages")


def reached(before: Rows, after: Rows, **controls: Any) -> tuple[Limit, ...]:
    set_ = Controls(**controls)
    return limits(Holding(before, set_), Holding(after, set_))


def test_using_up_what_is_included_is_told_once() -> None:
    assert reached(left(100), USED_UP) == (Limit("included"),)
    assert reached(USED_UP, USED_UP) == ()
    assert reached(left(100), left("0.001")) == ()
    assert reached(left("0.001"), left("0.00000005")) == (Limit("included"),)


def test_a_limit_can_be_reached_again_after_more_was_given() -> None:
    assert reached(USED_UP, left(10)) == ()
    assert reached(left(10), USED_UP) == (Limit("included"),)


def test_overdrawing_all_at_once_reaches_the_limit_too() -> None:
    assert reached(left(100), left(-50)) == (Limit("included"),)


def test_rollovers_and_further_sources_are_still_to_be_used() -> None:
    carrying = (monthly(100, balance=0, rollovers=(carried(5, None),)),)

    assert reached((monthly(100),), carrying) == ()
    assert reached(left(10), in_order(*USED_UP, a_row(5, id="more"))) == ()


def test_a_price_for_more_is_limited_by_the_most_one_can_buy() -> None:
    assert reached((metered(100),), (metered(100, balance=-500),)) == ()
    assert reached((metered(100, 20),), (metered(100, 20, balance=0),)) == ()
    assert reached((metered(100, 20, balance=-19),), (metered(100, 20, balance=-20),)) == (
        Limit("max_purchase"),
    )


def test_a_spend_limit_is_what_stops_overage_first() -> None:
    limit = SpendLimit(Decimal(10))

    assert reached((metered(100),), (metered(100, balance=-9),), spend_limit=limit) == ()
    for row in (metered(100, balance=-10), metered(100, 10, balance=-10)):
        told = reached((metered(100),), (row,), spend_limit=limit)
        assert told == (Limit("spend_limit"),)
    off = limit._replace(enabled=False)
    assert reached((metered(100),), (metered(100, balance=-10),), spend_limit=off) == ()


def test_a_spend_limit_in_percent_is_one_of_what_plans_include() -> None:
    limit = SpendLimit(Decimal(20), is_percentage=True)
    full = metered(100, plan_id="pro")

    assert reached((full,), (full._replace(balance=Decimal(-19)),), spend_limit=limit) == ()
    assert reached((full,), (full._replace(balance=Decimal(-20)),), spend_limit=limit) == (
        Limit("spend_limit"),
    )


def test_a_permission_opens_and_shuts_what_lies_beyond_the_balance() -> None:
    assert reached(left(100), USED_UP, overage_allowed=True) == ()
    assert reached((metered(100),), (metered(100, balance=0),), overage_allowed=False) == (
        Limit("included"),
    )
    limit = SpendLimit(Decimal(10))
    assert reached(left(5), left(-10), overage_allowed=True, spend_limit=limit) == (
        Limit("spend_limit"),
    )


def test_seats_that_may_be_overdrawn_reach_their_limit_when_none_is_left() -> None:
    seats = a_row(3, overage=ALLOCATED, continuous=True)

    assert reached((seats,), (seats._replace(balance=Decimal(0)),)) == (Limit("included"),)


def test_a_shut_window_is_a_usage_limit_whatever_the_balance() -> None:
    open_, shut = Controls(usage_limits=(window(4),)), Controls(usage_limits=(window(5),))
    was, now = Holding(left(100), open_), Holding(left(99), shut)

    assert limits(was, now) == (Limit("usage_limit"),)
    assert limits(now, now) == ()
    assert limits(was, Holding(USED_UP, shut)) == (Limit("usage_limit"),)
    # The balance is used up while the window is shut already: nothing is stopped that was not.
    assert limits(now, Holding(USED_UP, shut)) == ()
    disabled = Controls(usage_limits=(window(5, enabled=False),))
    assert limits(was, Holding(left(99), disabled)) == ()


def test_a_window_for_some_events_stops_those_and_says_which() -> None:
    wanted = (("model", "large"),)
    was = Holding(left(100), Controls(usage_limits=(window(4, filter=wanted), window(0, 50))))
    shut = Controls(usage_limits=(window(5, filter=wanted), window(1, 50)))
    now = Holding(left(99), shut)

    assert limits(was, now) == (Limit("usage_limit", wanted),)
    assert limits(now, Holding(left(98), shut)) == ()
    # Other events went on until now.
    assert limits(now, Holding(USED_UP, shut)) == (Limit("included"),)


def test_setting_a_limit_that_is_reached_already_tells_nothing() -> None:
    rows = (metered(100, balance=-20),)
    low = Controls(spend_limit=SpendLimit(Decimal(10)), usage_limits=(window(9),))

    assert limits(Holding(rows), Holding(rows, low)) == ()
    lowered = Controls(usage_limits=(window(4, 3),))
    assert limits(Holding(rows, Controls(usage_limits=(window(4),))), Holding(rows, lowered)) == ()


def test_unlimited_balances_and_such_as_begin_or_end_reach_no_limit() -> None:
    free = (a_row(0, id="free", unlimited=True),)

    assert reached(free, USED_UP) == reached(left(5), free) == ()
    assert reached((), USED_UP) == reached(left(5), ()) == ()


def test_a_window_of_a_feature_that_credits_pay_for_counts_without_rows() -> None:
    was, now = (Controls(usage_limits=(window(used),)) for used in (4, 5))

    assert limits(Holding((), was), Holding((), now)) == (Limit("usage_limit"),)
    assert limits(Holding((), was), Holding((), was)) == ()


def test_what_the_customer_still_has_keeps_an_entity_going() -> None:
    own, shared = Place("messages", "ada"), Place("messages")
    ada = Subject("ada")
    before = {own: Holding(left(5)), shared: Holding(left(10))}
    between, after = (
        {**before, own: Holding(USED_UP)},
        {own: Holding(USED_UP), shared: Holding(USED_UP)},
    )

    assert alerts.reached(before, between, ada, "messages") == ()
    assert alerts.reached(between, after, ada, "messages") == (Limit("included"),)
    apart = ada._replace(pooled=False)
    assert alerts.reached(before, between, apart, "messages") == (Limit("included"),)


def test_a_subject_goes_on_while_credits_or_the_customers_own_rows_pay() -> None:
    own, credits_ = Place("messages", "ada"), Place("credits")
    ada, paying = Subject("ada"), ("messages", "credits")
    after = {own: Holding(USED_UP), HERE: Holding(USED_UP), credits_: Holding(left(1))}

    assert alerts.goes_on(after, own, ada, paying)
    assert not alerts.goes_on(after, own, ada, ("messages",))
    assert alerts.goes_on({**after, HERE: Holding(left(1))}, own, ada, ("messages",))
    assert not alerts.goes_on({**after, credits_: Holding(USED_UP)}, own, ada, paying)
