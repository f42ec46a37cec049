"""Requests per call while many clients use the same customer without a pause."""

import json
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from orchard.gateways import queue
from orchard.store.table import Table
from tests.bench.requests import metered
from tests.bench.world import world
from tests.builders import a_feature, a_grant
from tests.conftest import Call
from tests.harness import handler, sample

CLIENTS, CALLS, QUEUED = (1, 16, 64), 640, 1000
type Body = dict[str, Any]
HERE: Body = {"customer_id": "user_1"}
USES: dict[str, Body] = {
    "balances.track": {"feature_id": "messages"},
    "balances.track, credits pay": {"feature_id": "chat"},
    "balances.track of an entity": {"feature_id": "messages", "entity_id": "e1"},
    "balances.track, counted in a window": {"feature_id": "pages"},
}


def report() -> None:
    """Print requests per call and calls a second, for each number of clients."""
    print(f"{'one customer, many clients':38}{'clients':>8}{'requests per call':>19}{'calls/s':>9}")
    with world() as (table, call):
        _offer(call)
        for name, body in USES.items():
            run = _handled({**HERE, **body}, call.keywords["key"])  # type: ignore[attr-defined]  # a partial
            run()
            for clients in CLIENTS:
                requests, seconds = _measured(table, run, clients)
                figures = f"{requests / CALLS:>19.3f}{CALLS / seconds:>9.0f}"
                print(f"{name:38}{clients:>8}{figures}")
        _report_queue(table, call)
    print()


def _offer(call: Call) -> None:
    """Credits that pay for a feature, a usage limit on another, and an entity."""
    a_feature(call, "chat")
    a_feature(call, "pages")
    a_feature(call, "seats", consumable=False)
    schema = [{"metered_feature_id": "chat", "credit_cost": 2}]
    a_feature(call, "credits", type="credit_system", credit_schema=schema)
    a_grant(call, 1_000_000, "credits")
    a_grant(call, 1_000_000, "pages")
    limit = {"feature_id": "pages", "limit": 1_000_000, "interval": "month"}
    call("customers.update", {**HERE, "billing_controls": {"usage_limits": [limit]}})
    call("entities.create", {**HERE, "entity_id": "e1", "feature_id": "seats"})


def _handled(body: Body, key: str) -> Callable[[], Any]:
    event = sample("api/balances.track")
    event["headers"]["authorization"] = f"Bearer {key}"
    event["body"] = json.dumps(body)
    run = handler("api.balances.track")
    return lambda: run(event, None)


def _measured(table: Table, run: Callable[[], Any], clients: int) -> tuple[int, float]:
    """Make all calls, each client its share one after another; return requests and seconds."""

    def share(_client: int) -> Counter[int]:
        return Counter(run()["statusCode"] for _ in range(CALLS // clients))

    begun = time.monotonic()
    with metered(table) as meter, ThreadPoolExecutor(clients) as threads:
        answers = sum(threads.map(share, range(clients)), Counter())
    seconds = time.monotonic() - begun
    if answers != {200: CALLS}:
        raise RuntimeError(f"Not all calls succeeded: {dict(answers)}")
    return len(meter.calls), seconds


def _report_queue(table: Table, call: Call) -> None:
    """Record queued uses of one customer, all of them delivered together."""
    sent: list[str] = []

    def send(bodies: Any, variable: str = queue.TRACKS) -> int:
        del variable
        sent.extend(bodies)
        return len(bodies)

    real, queue.send = queue.send, send
    try:
        call("balances.batch_track", [{**HERE, "feature_id": "messages"}] * QUEUED)
    finally:
        queue.send = real
    records = [{"messageId": body[:1], "body": body, "attributes": {}} for body in sent]
    begun = time.monotonic()
    with metered(table) as meter:
        handler("queues.track")({"Records": records}, None)
    verbs = Counter(verb for verb, _units in meter.calls)
    told = ", ".join(f"{number} {verb}" for verb, number in verbs.items())
    seconds = time.monotonic() - begun
    print(f"{QUEUED} queued uses: {told}; {seconds * 1000:.0f} ms, {len(sent)} messages")
