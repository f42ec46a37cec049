"""What sums of usage over long ranges cost: requests, capacity and time of `events.aggregate`."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from orchard.domain.ledger import GRAINS_MS, HOUR, UsageEvent
from orchard.store import customers, keys, ledger, rollups
from orchard.store.rollups import Use
from orchard.store.session import Session
from orchard.store.statements import Item
from orchard.triggers import clock
from tests.bench.requests import cost_of
from tests.bench.world import world
from tests.builders import a_customer
from tests.conftest import TENANT, Call, session_of
from tests.streams import recording

#: A customer of a year, and so many of three months.
DAYS, MANY, MANY_DAYS = 365, 50, 90
EVENTS = 1000


def fill(session: Session, internal_id: str, days: int, *, hours: bool = True) -> None:
    """Give a customer usage on each of the last days, and in each hour, as roll-ups hold it."""
    at = session.now - session.now % GRAINS_MS[HOUR]
    names = (internal_id, "messages", at)
    use = Use(TENANT, *names, "user_1 messages", 1, "evt", Decimal("2.5"), Decimal(1))
    rollups.count(session.table, [use], 400)
    written = [one for one in _written(session, use) if hours or one["grain"] != HOUR]
    session.table.put_many([item for one in written for item in _copies(one, days)])


def _written(session: Session, use: Use) -> list[Item]:
    partition = keys.usage(TENANT, use.internal_id)
    return recording.partition(session.table, partition)


def _copies(item: Item, days: int) -> Iterator[Item]:
    """The roll-up as it would be for each hour, or day, before it."""
    length, last = GRAINS_MS[item["grain"]], int(item["start"])
    internal_id = keys.placed(item["listing_sk"])[1]
    for start in range(last, last - days * GRAINS_MS["DAY"], -length):
        place = keys.rollup(TENANT, internal_id, item["name"], item["grain"], start)
        yield {
            **item,
            "sk": place.sk,
            "start": start,
            "listing_sk": keys.listing_position(start, internal_id),
        }


def _record(session: Session, internal_id: str) -> None:
    """Give a customer events, as the ledger holds them."""
    plain: dict[str, Any] = {"before": {}, "after": {}, "by": "key:bench", "request_id": "bench"}
    session.table.put_many(
        [
            ledger.event_item(
                TENANT,
                UsageEvent(
                    id=f"evt_{number:06}",
                    timestamp=session.now - number,
                    name="words",
                    customer_id="user_1",
                    internal_id=internal_id,
                    feature_id="words",
                    value=Decimal(1),
                    properties=json.dumps({"model": f"m{number % 7}"}),
                    deductions=None,
                    at=session.now,
                    **plain,
                ),
                400,
            )
            for number in range(EVENTS)
        ]
    )


def cases(call: Call) -> dict[str, Callable[[], object]]:
    """Return the questions to measure."""
    now = clock.now()
    hour, day = now - now % GRAINS_MS[HOUR], GRAINS_MS["DAY"]
    year = {"start": hour - 364 * day, "end": now}
    here = {"customer_id": "user_1", "custom_range": year}

    def ask(**body: Any) -> Callable[[], object]:
        return lambda: call("events.aggregate", {"feature_id": "messages", **body})

    return {
        "a year of a customer by the hour": ask(**here, bin_size="hour"),
        "a year of a customer by the day": ask(**here),
        "24 hours of a customer": ask(customer_id="user_1", range="24h"),
        f"90 days of {MANY} customers": ask(range="90d"),
        "the same, customer by customer": ask(range="90d", group_by="$customer_id"),
        f"{EVENTS} events by a property": ask(
            feature_id="words", customer_id="user_1", range="24h", group_by="properties.model"
        ),
    }


def report() -> None:
    """Print requests, read units and milliseconds of each question."""
    print(f"{'events.aggregate':38}{'requests':>9}{'RCU':>7}{'ms':>7}  verbs")
    with world() as (table, call):
        session = session_of(table, clock.now())
        for number in range(1, MANY + 1):
            a_customer(call, f"user_{number}")
            internal_id = customers.locate(session, f"user_{number}").internal_id
            is_first = number == 1
            fill(session, internal_id, DAYS if is_first else MANY_DAYS, hours=is_first)
            if is_first:
                _record(session, internal_id)
        for name, work in cases(call).items():
            work()
            begun = time.perf_counter()
            cost = cost_of(table, work)
            spent = (time.perf_counter() - begun) * 1000
            verbs = ", ".join(f"{number} {verb}" for verb, number in Counter(cost.verbs).items())
            print(f"{name:38}{len(cost.verbs):>9}{cost.read_units:>7g}{spent:>7.0f}  {verbs}")
    print()
