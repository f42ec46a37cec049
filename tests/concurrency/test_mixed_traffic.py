"""All kinds of traffic at once about the same customers: every unit is accounted for.

What the answers said, what the balances hold, what the limits counted and what the stream tells
the ledger are four accounts of the same. They must agree to the cent.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from orchard.domain import balance
from orchard.domain.quantity import total
from orchard.store import customers, keys
from orchard.store.stored import Stored
from orchard.store.table import Table
from tests.concurrency import traffic
from tests.concurrency.test_races import at_once
from tests.concurrency.traffic import CUSTOMERS, SHARED_SPEND, SPEND, Book, Caller
from tests.concurrency.worlds import THOROUGH
from tests.conftest import TENANT, Call, Clock, session_of
from tests.harness import handler, sample
from tests.streams import recording

pytestmark = [pytest.mark.concurrency, pytest.mark.stream, pytest.mark.usefixtures("silence")]

THREADS, CALLS, HOUR = 64, 24 if THOROUGH else 8, 3_600_000
type Sums = Counter[tuple[str, str]]


def balances(table: Table, clock: Clock) -> Iterator[Stored]:
    """All balances of all customers."""
    for customer_id in CUSTOMERS:
        yield from customers.require(session_of(table, clock.now), customer_id).balances


def held(table: Table, clock: Clock) -> Sums:
    """What is left, by customer and feature; what was carried over included."""
    sums: Sums = Counter()
    for one in balances(table, clock):
        rows = one.current(clock.now).own
        sums[one.hot_id, one.feature_id] += total(row.balance + row.carried for row in rows)  # type: ignore[assignment]
    return sums


def run_job(name: str) -> None:
    handler(f"jobs.{name}")(sample(f"jobs/{name}"), None)


def test_every_unit_is_accounted_for(
    call: Call, table: Table, clock: Clock, messages: list[str]
) -> None:
    traffic.offer(call)
    traffic.welcome(call)
    granted = held(table, clock)
    book = Book()
    queued = traffic.batch(1)
    assert call("balances.batch_track", queued).status == 200
    callers = [Caller(call, clock, book, seed) for seed in range(THREADS)]
    work: list[Callable[[], object]] = [partial(caller.go, CALLS // 2) for caller in callers]

    deliveries: list[Callable[[], object]] = [partial(traffic.deliver, one) for one in messages]
    at_once([*work, *deliveries * 3])
    # An hour ends while the second half is under way.
    hour: Callable[[], object] = partial(_next_hour, clock)
    resets: Callable[[], object] = partial(run_job, "reset_balances")
    at_once([*work, hour, resets, resets])
    run_job("reset_balances")

    for item in queued:
        cost = traffic.CREDITS[item["feature_id"]]
        book.take(item["customer_id"], "credits", item["value"] * cost)
    for customer_id in CUSTOMERS:
        granted[customer_id, "tokens"] += 20
    left = {**granted}
    for name, value in book.added.items():
        left[name] += value
    for name, value in book.taken.items():
        left[name] -= value
    found = held(table, clock)
    assert {name: (one, left[name]) for name, one in found.items() if one != left[name]} == {}
    assert_limits(table, clock, book)
    assert_sound(table, clock)
    assert_told(table, clock, book)
    assert all(book.kinds.values())


def _next_hour(clock: Clock) -> None:
    clock.now += HOUR


def assert_limits(table: Table, clock: Clock, book: Book) -> None:
    """Windows counted what was used, and no limit was passed."""
    overdrawn: Counter[str] = Counter()
    windows = 0
    for one in balances(table, clock):
        holding = one.current(clock.now)
        overdrawn[one.hot_id] += total(row.overdrawn for row in holding.own)  # type: ignore[assignment]
        for limit in holding.controls.usage_limits:
            windows += 1
            assert limit.used == book.counted[one.hot_id, one.place.entity_id]
            assert limit.used <= limit.limit
    assert windows == 3
    assert {name for name, value in overdrawn.items() if value} == {SPEND, SHARED_SPEND}
    assert max(overdrawn.values()) <= 25


def assert_sound(table: Table, clock: Clock) -> None:
    """What lets usage be counted blindly agrees with what each balance holds."""
    for one in balances(table, clock):
        counter = balance.counter(one.holding)
        assert one.headroom == counter.headroom - one.pending, one
        assert (one.due_at, one.plain) == (counter.due_at, counter.plain), one


def assert_told(table: Table, clock: Clock, book: Book) -> None:
    """The events that the stream's consumer writes down say the same as the answers."""
    assert recording.catch_up(table) == {"batchItemFailures": []}
    told: Sums = Counter()
    for customer_id in CUSTOMERS:
        owner = customers.locate(session_of(table, clock.now), customer_id)
        for line in recording.partition(table, keys.ledger(TENANT, owner.internal_id)):
            for paid in line.get("deductions") or ():
                told[customer_id, paid["feature_id"]] += paid["value"]
    assert {name: value for name, value in told.items() if value} == book.taken
