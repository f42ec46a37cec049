"""Many requests at the same moment."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier
from typing import Any

import pytest

from local.stack import Stack
from tests.e2e.vocabulary import Organization, eventually

pytestmark = pytest.mark.e2e

GRANTED = 100_000
#: For each the emulator starts a process; more of them race in tests/concurrency.
_CALLERS = 6


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Organization:
    shop = Organization.on(stack, "races")
    shop.offer_messages(GRANTED)
    return shop


def at_once[T](actions: Sequence[Callable[[], T]]) -> list[T]:
    """Do everything at the same moment; return what came of each."""
    ready = Barrier(len(actions))

    def act(action: Callable[[], T]) -> T:
        ready.wait()
        return action()

    with ThreadPoolExecutor(len(actions)) as threads:
        return list(threads.map(act, actions))


def test_one_customer_comes_of_several_requests(shop: Organization) -> None:
    with shop.client() as autumn:
        made = at_once([lambda: autumn.customers.get_or_create(customer_id="ada")] * _CALLERS)

        assert len({customer.subscriptions[0].id for customer in made}) == 1
        assert {customer.created_at for customer in made} == {made[0].created_at}
        assert [one.id for one in autumn.customers.list().list] == ["ada"]
        ada = autumn.customers.get(customer_id="ada")
        assert [one.plan_id for one in ada.subscriptions] == ["free"]
        assert ada.balances["messages"].granted == GRANTED


def test_no_use_is_lost_or_counted_twice(shop: Organization) -> None:
    tracks = 12
    with shop.client() as autumn:
        autumn.customers.get_or_create(customer_id="bob")

        at_once([lambda: track(autumn, "bob", tracks)] * _CALLERS)

        used = sum(values(tracks), Decimal(0)) * _CALLERS
        messages = autumn.check(customer_id="bob", feature_id="messages").balance
        assert Decimal(str(messages.usage)) == used
        assert Decimal(str(messages.remaining)) == GRANTED - used
        events = eventually(
            lambda: autumn.events.list(customer_id="bob", limit=1000).list,
            lambda listed: len(listed) == _CALLERS * tracks,
        )
        assert sum(Decimal(str(event.value)) for event in events) == used


def values(count: int) -> list[Decimal]:
    """Return fractions that binary numbers can't add up exactly."""
    return [Decimal(number) / 100 + 1 for number in range(count)]


def track(autumn: Any, customer_id: str, count: int) -> None:
    for value in values(count):
        autumn.track(customer_id=customer_id, feature_id="messages", value=float(value))
