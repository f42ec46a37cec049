"""Seats that are charged when they are taken: rows of the table, with Stripe's double."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.acceptance.sights import shows
from tests.acceptance.steps import track
from tests.acceptance.world import CUSTOMER, Step, World
from tests.billing.conftest import Shop
from tests.pretended_stripe import Stripe

AT_ONCE = {"on_increase": "bill_immediately", "on_decrease": "none"}
RENEWED = {"on_increase": "prorate_next_cycle", "on_decrease": "prorate_next_cycle"}


def seats(included: float, amount: float = 50, rule: dict[str, str] = AT_ONCE) -> dict[str, Any]:
    """Users at a price for each beyond those included."""
    price = {"amount": amount, "interval": "month", "billing_method": "usage_based"}
    return {"feature_id": "users", "included": included, "price": price, "proration": rule}


def users(change: float) -> Step:
    return track(change, "users")


@pytest.fixture
def shop(world: World, stripe: Stripe) -> Shop:
    shop = Shop(world.call, stripe, world.clock)
    shop.customer(CUSTOMER)
    return shop


def sold(shop: Shop, included: float, amount: float = 50, rule: dict[str, str] = AT_ONCE) -> None:
    """The customer has a plan with seats and nothing else."""
    items = [seats(included, amount, rule)]
    shop.done("plans.create", plan_id="team", name="Team", items=items)
    shop.attach("team", CUSTOMER)


def wait(shop: Shop, days: float) -> None:
    """Let days pass; Stripe counts in seconds."""
    shop.clock.now += -shop.clock.now % 1000
    shop.pass_time(days=days)


def billed(shop: Shop) -> list[float]:
    """What invoices came to, oldest first, without those of nothing."""
    shop.report()
    found = reversed(shop.invoices(CUSTOMER))
    return [total for total, status in found if total and status != "void"]


type Play = Callable[[World, Shop], None]

CASES: list[Any] = []


def row(name: str) -> Callable[[Play], Play]:
    """Name the row that a function plays."""

    def named(play: Play) -> Play:
        CASES.append(pytest.param(play, id=name))
        return play

    return named


@row("23.14-262")
def a_seat_that_is_given_back_is_taken_anew_without_charge(world: World, shop: Shop) -> None:
    sold(shop, 1)
    for change, remaining, usage in ((2, 0, 2), (-1, 1, 1), (1, 0, 2)):
        users(change)(world)
        shows(remaining, usage, "users")(world)

    assert billed(shop) == [50]


@row("23.14-263")
def what_was_paid_for_is_there_until_the_cycle_ends(world: World, shop: Shop) -> None:
    sold(shop, 1)
    users(3)(world)
    assert billed(shop) == [100]
    users(-3)(world)
    shows(3, 0, "users")(world)
    users(3)(world)

    assert billed(shop) == [100]


@row("23.14-264")
def seats_that_are_not_paid_for_are_not_taken(world: World, shop: Shop) -> None:
    sold(shop, 1)
    stripe_id = world.done("customers.get", customer_id=CUSTOMER)["stripe_id"]
    shop.save_card(stripe_id, "pm_card_chargeCustomerFail")
    answered = world.ask(
        "balances.track", {"customer_id": CUSTOMER, "feature_id": "users", "value": 3}
    )

    assert (answered.status, answered.body["code"]) == (400, "payment_failed")
    shows(1, 0, "users")(world)
    assert billed(shop) == []


@row("23.14-268")
def seats_are_discounted_as_the_subscription(world: World, shop: Shop) -> None:
    coupon = shop.api("coupons", percent_off=20, duration="forever")["id"]
    items = [seats(1)]
    shop.done("plans.create", plan_id="team", name="Team", items=items)
    shop.attach("team", CUSTOMER, discounts=[{"reward_id": coupon}])
    users(3)(world)

    assert billed(shop) == [80]


@row("23.14-269")
def a_seat_is_paid_for_whole_or_in_part(world: World, shop: Shop) -> None:
    sold(shop, 1)
    wait(shop, 15)
    users(1)(world)
    assert billed(shop) == []
    users(1)(world)

    assert billed(shop) == [50]


@row("23.14-270")
def what_is_prorated_next_cycle_is_billed_then(world: World, shop: Shop) -> None:
    sold(shop, 1, rule=RENEWED)
    wait(shop, 14)
    users(3)(world)
    users(-1)(world)
    assert billed(shop) == []
    wait(shop, 20)

    # One seat for what was left of the cycle, and one for the new one.
    (total,) = billed(shop)
    assert 50 < total < 100


@row("23.14-271")
def spare_seats_are_taken_first(world: World, shop: Shop) -> None:
    sold(shop, 1)
    for change in (3, -2, 1, 2):
        users(change)(world)

    shows(0, 4, "users")(world)
    assert sorted(billed(shop)) == [50, 100]


@pytest.mark.parametrize("play", CASES)
def test_seats_are_charged_when_they_are_taken(world: World, shop: Shop, play: Play) -> None:
    play(world, shop)
