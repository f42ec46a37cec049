"""More that is bought by itself: the row of the table, with Stripe's double."""

from typing import Any

import pytest

from orchard.store.table import Table
from tests.acceptance.given import attach, prepaid
from tests.acceptance.sights import shows
from tests.acceptance.steps import track
from tests.acceptance.world import CUSTOMER, Step, World, case, play
from tests.billing.conftest import Shop
from tests.billing.machine import running
from tests.pretended_stripe import Stripe

ONCE = {"group": "packs", "name": "Packs"}
CASES: list[Any] = []


def topped_up(threshold: float, quantity: float) -> Step:
    entry = {
        "feature_id": "messages",
        "enabled": True,
        "threshold": threshold,
        "quantity": quantity,
    }
    body = {"customer_id": CUSTOMER, "billing_controls": {"auto_topups": [entry]}}
    return lambda world: world.done("customers.update", **body)


def packs(units: int) -> Step:
    """The customer bought so many units that never reset."""

    def bought(world: World) -> None:
        items = [prepaid("messages", interval="one_off")]
        world.done("plans.create", plan_id="packs", items=items, **ONCE)
        attach("packs", {"messages": units})(world)

    return bought


CASES += [
    case(
        "23.6-85",
        packs(100),
        topped_up(20, 100),
        track(300, overage_behavior="overflow"),
    )
]


@pytest.mark.parametrize("steps", CASES)
def test_a_balance_is_topped_up_by_itself(
    world: World,
    stripe: Stripe,
    table: Table,
    monkeypatch: pytest.MonkeyPatch,
    steps: tuple[Step, ...],
) -> None:
    shop = Shop(world.call, stripe, world.clock)
    shop.customer(CUSTOMER)
    with running(shop, table, monkeypatch) as machine:
        play(world, steps)
        machine.run(twice=True)

    shows(0, 300, granted=200)(world)
