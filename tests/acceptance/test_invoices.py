"""What renewals bill of usage: rows of the table, with Stripe's double and its reports."""

from dataclasses import dataclass
from typing import Any

import pytest

from tests.acceptance import given
from tests.acceptance.given import Item, per_entity, usage_based
from tests.acceptance.steps import overflow, track
from tests.acceptance.world import CUSTOMER, Step, World
from tests.billing.conftest import Shop
from tests.pretended_stripe import Stripe

type Left = dict[str, float]

MONTHLY = {"amount": 20, "interval": "month"}


@dataclass(frozen=True)
class Renewal:
    """A paid plan, what is used of it, what the renewal comes to and what is left then."""

    items: tuple[Item, ...]
    used: tuple[Step, ...]
    total: float
    left: Left
    price: dict[str, Any] | None = None


def row(number: str, items: Any, used: Any, total: float, left: Any = 100, **more: Any) -> Any:
    listed = items if isinstance(items, tuple) else (items,)
    remaining = left if isinstance(left, dict) else {"messages": left}
    renewal = Renewal(listed, used, total, remaining, **{"price": MONTHLY, **more})
    return pytest.param(renewal, id=number)


def tens(included: float) -> Item:
    """Messages at $1 for each ten beyond those included."""
    item = usage_based("messages", included, 1)
    return {**item, "price": {**item["price"], "billing_units": 10}}


CENTS = usage_based("messages", 100, 0.10)
BEYOND = {"user_a": 50, "user_b": 150, "user_c": 250}

CASES = [
    row(
        "23.6-84",
        usage_based("messages", 100, 0.5),
        (given.limited(120), overflow(300)),
        120,
    ),
    row("23.14-272", CENTS, (track(250.5),), 35.10),
    row("23.14-273 within", CENTS, (track(50),), 20),
    row("23.14-273 far beyond", CENTS, (track(1000),), 110),
    row("23.14-273 tens", tens(100), (track(155),), 26),
    row("23.14-274", CENTS, (track(50.3), track(30.7), track(25.5)), 20.70),
    row(
        "23.14-275",
        (CENTS, usage_based("words", 50, 0.05)),
        (track(200), track(150, "words")),
        35,
        {"messages": 100, "words": 50},
    ),
    row(
        "23.14-276",
        per_entity(CENTS),
        (
            given.entities(*BEYOND),
            *(track(100 + beyond, entity=who) for who, beyond in BEYOND.items()),
        ),
        65,
        300,
    ),
    row(
        "23.14-277",
        per_entity(tens(100)),
        (
            given.entities("user_a", "user_b"),
            track(155, entity="user_a"),
            track(123, entity="user_b"),
        ),
        8,
        200,
        price=None,
    ),
]


@pytest.fixture
def shop(world: World, stripe: Stripe) -> Shop:
    shop = Shop(world.call, stripe, world.clock)
    shop.customer(CUSTOMER)
    return shop


@pytest.mark.parametrize("renewal", CASES)
def test_a_renewal_bills_usage_beyond_the_balance(
    world: World, shop: Shop, renewal: Renewal
) -> None:
    priced = {"price": renewal.price} if renewal.price else {}
    shop.done("plans.create", plan_id="pro", name="Pro", items=list(renewal.items), **priced)
    shop.attach("pro", CUSTOMER)
    for step in renewal.used:
        step(world)

    ends_at = shop.done("customers.get", customer_id=CUSTOMER)["subscriptions"][0][
        "current_period_end"
    ]
    world.clock.now = ends_at
    shop.stripe.control("clock/advance", {"by": 0, "stop_after": "invoice.created"})
    shop.report()
    assert shop.invoices(CUSTOMER)[0] == (renewal.total, "draft")
    shop.pass_time(days=1)

    assert shop.invoices(CUSTOMER)[0] == (renewal.total, "paid")
    assert {name: shop.remaining(name, CUSTOMER) for name in renewal.left} == renewal.left
