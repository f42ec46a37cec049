"""The rows of the tables that need many callers at once."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from orchard.store.table import Table
from tests.acceptance import catalogue
from tests.acceptance.given import carrying, lifetime, limited, monthly, plan, prepaid
from tests.acceptance.sights import carried, counted, shows
from tests.acceptance.steps import check, reset, track
from tests.acceptance.test_seats import Play, billed, sold
from tests.acceptance.world import CUSTOMER, Ask, Step, World, case, play
from tests.billing.conftest import Shop
from tests.concurrency.test_races import THREADS, patiently
from tests.conftest import Call, Clock
from tests.pretended_stripe import Stripe

pytestmark = pytest.mark.concurrency


@pytest.fixture
def world(call: Call, clock: Clock, table: Table) -> World:
    world = World(call, clock, table)
    catalogue.create(world)
    world.done("customers.get_or_create", customer_id=CUSTOMER)
    return world


def together(*wanted: Ask) -> Step:
    """Calls at the same time; their answers are remembered."""

    def asked(world: World) -> None:
        def one(ask: Ask) -> Any:
            answered = patiently(lambda: world.call(ask.operation, ask.body))
            assert answered.status == 200, answered
            return answered.body

        with ThreadPoolExecutor(min(THREADS, len(wanted))) as threads:
            world.answer = list(threads.map(one, wanted))

    return asked


def allowed(yes: int) -> Step:
    """So many of the calls were allowed."""

    def looked(world: World) -> None:
        assert sum(answer["allowed"] for answer in world.answer) == yes

    return looked


def taken(value: float) -> Step:
    """The calls took so much in all."""

    def looked(world: World) -> None:
        paid = [one["value"] for answer in world.answer for one in answer["deductions"]]
        assert sum(paid) == value

    return looked


@pytest.mark.parametrize(
    "steps",
    ALONE := [
        case(
            "23.5-68",
            plan("free", lifetime("workflows", 5)),
            together(*[check(1, "workflows", send_event=True)] * 7),
            allowed(5),
            shows(0, 5, "workflows"),
        ),
        case(
            "23.5-69",
            plan("free", monthly("messages", 200)),
            together(*[check(2, send_event=True)] * 150),
            allowed(100),
            shows(0, 200),
        ),
        case(
            "23.10-173",
            plan("free", monthly("messages", 100)),
            track(50),
            reset(),
            together(*[track(10)] * 5),
            taken(50),
            shows(50, 50),
        ),
        case(
            "23.10-177",
            plan("free", carrying(monthly("messages", 400), 500)),
            track(200),
            reset(),
            together(*[track(10)] * 5),
            shows(550, 50),
            carried(150),
        ),
        case(
            "23.12-227",
            plan("free", monthly("messages", 100)),
            limited(5),
            together(track(5), track(5)),
            taken(5),
            shows(95, 5),
            counted(5),
        ),
        case(
            "23.14-266",
            plan("pro", prepaid("users"), bought={"users": 50}),
            together(*[track(1, "users")] * 10),
            taken(10),
            shows(40, 10, "users"),
        ),
    ],
)
def test_callers_at_once_are_served_one_after_another(
    world: World, steps: tuple[Step, ...]
) -> None:
    play(world, steps)


@pytest.fixture
def shop(world: World, stripe: Stripe) -> Shop:
    shop = Shop(world.call, stripe, world.clock)
    shop.customer(CUSTOMER)
    return shop


def one_of_several_at_once_buys(world: World, shop: Shop) -> None:
    sold(shop, 0, amount=20)
    body = {"customer_id": CUSTOMER, "feature_id": "users", "value": 2}
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: world.call("balances.track", body), range(5)))
    taken = [one for one in answers if one.status == 200]

    assert {one.status for one in answers} <= {200, 423}
    shows(0, 2 * len(taken), "users")(world)
    assert sum(billed(shop)) == 40 * len(taken)
    track(1, "users")(world)
    assert sum(billed(shop)) == 40 * len(taken) + 20


@pytest.mark.parametrize(
    "play", WITH_STRIPE := [pytest.param(one_of_several_at_once_buys, id="23.14-265")]
)
def test_of_callers_at_once_each_pays_for_its_own(world: World, shop: Shop, play: Play) -> None:
    play(world, shop)


CASES = [*ALONE, *WITH_STRIPE]
