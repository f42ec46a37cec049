"""A customer of the demo data who has been here for two months, with balances that changed.

A call of the API always takes from a balance now, so what a balance showed long ago can't be sent.
It is lived through instead: by what the API itself does, with a clock that was set back. That runs
as a program of its own, `python -m local.demo.past <table>`, beside the deployed functions, which
are told of it by the table's stream as of everything else.
"""

import random
import sys
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from orchard.contracts.customers import GetOrCreateCustomerRequest
from orchard.contracts.granting import CreateBalanceRequest, UpdateBalanceRequest
from orchard.contracts.request import Request, parse
from orchard.contracts.tracking import TrackRequest
from orchard.store import customers
from orchard.store.session import Session
from orchard.store.table import Table, connect
from orchard.usecases import creating, editing, granting, tracking

CUSTOMER = "harbour-press"
HOUR, DAY, DAYS = 3_600_000, 86_400_000, 60
#: How busy a day of the week is, and the hours (UTC) in which things are done.
_WEEKDAYS, _HOURS = (3, 3, 3, 3, 2, 1, 0), range(7, 19)

_OPERATIONS: dict[str, tuple[type[Request], Any]] = {
    "customers.get_or_create": (GetOrCreateCustomerRequest, creating.get_or_create),
    "balances.create": (CreateBalanceRequest, granting.create),
    "balances.update": (UpdateBalanceRequest, editing.update),
    "balances.track": (TrackRequest, tracking.track),
}


class Step(NamedTuple):
    """What was done when, and by whom."""

    at: int
    operation: str
    body: dict[str, Any]
    actor: str = "key:server"


def live(table: Table, tenant: str, now: int) -> None:
    """Live through two months that end now, unless they were begun before."""
    for step in sorted(steps(now)):
        environment = tenant.rpartition("/")[2]
        session = Session(table, tenant, environment, step.at, step.actor, f"demo-{step.at}")
        is_first = step.operation == "customers.get_or_create"
        if is_first and customers.find(session, CUSTOMER) is not None:
            return
        model, perform = _OPERATIONS[step.operation]
        perform(session, parse(model, step.body))


def steps(now: int) -> Iterator[Step]:
    """Yield what happened, in no order; the same each time."""
    chance = random.Random(CUSTOMER)  # noqa: S311 - the same demo data every time, nothing secret
    begun = now - now % DAY - DAYS * DAY
    owner = "user:owner@example.com"
    whose = {"customer_id": CUSTOMER}
    messages = {**whose, "feature_id": "messages"}
    made = {**whose, "name": "Harbour Press", "email": "desk@harbour-press.example"}
    yield Step(begun + 9 * HOUR, "customers.get_or_create", made)
    for day in range(DAYS):
        start = begun + day * DAY + (10 * HOUR if day == 0 else 0)
        uses = chance.randint(0, _WEEKDAYS[(start // DAY + 3) % 7])
        for _ in range(uses):
            at = start + chance.choice(_HOURS) * HOUR + chance.randint(0, HOUR - 1)
            if at < now:
                yield _use(chance, at, whose)
    edit = {
        "add_to_balance": 400,
        "reason": "Made good for the outage",
        "reference": "incident 207",
    }
    yield Step(begun + 24 * DAY + 15 * HOUR, "balances.update", {**messages, **edit}, owner)
    grant: dict[str, Any] = {"included_grant": 300, "expires_at": begun + 48 * DAY}
    grant |= {"reason": "A fortnight of the fair", "reference": "ticket 4650"}
    yield Step(begun + 34 * DAY + 11 * HOUR, "balances.create", {**messages, **grant}, owner)
    slip = {"usage": 150, "reason": "An import counted the same messages twice"}
    yield Step(begun + 52 * DAY + 13 * HOUR, "balances.update", {**messages, **slip}, owner)


def _use(chance: random.Random, at: int, whose: dict[str, Any]) -> Step:
    feature, most = chance.choices((("messages", 48), ("summaries", 8)), (4, 1))[0]
    body = {**whose, "feature_id": feature, "value": chance.randint(1, most)}
    return Step(at, "balances.track", body)


if __name__ == "__main__":
    live(connect(sys.argv[1]), sys.argv[2], int(time.time() * 1000))
