"""What each operation asks of DynamoDB: counted, so the same on every machine."""

from collections.abc import Callable
from typing import Any

from tests.bench.requests import Cost, cost_of
from tests.bench.world import world
from tests.conftest import Call
from tests.harness import Response

HERE: dict[str, Any] = {"customer_id": "user_1"}
MESSAGES: dict[str, Any] = {**HERE, "feature_id": "messages"}
KEY = {"idempotency-key": "bench"}
LOCK = {"lock_id": "bench", "enabled": True}


def cases(call: Call) -> dict[str, Callable[[], Response]]:
    """Return the operations to measure, warm: key and catalogue are cached."""
    return {
        "balances.check": lambda: call("balances.check", MESSAGES),
        "balances.track": lambda: call("balances.track", MESSAGES),
        "balances.check with send_event": lambda: call(
            "balances.check", {**MESSAGES, "send_event": True}
        ),
        "balances.track, a refund": lambda: call("balances.track", {**MESSAGES, "value": -1}),
        "balances.track with a key": lambda: call("balances.track", MESSAGES, headers=KEY),
        "balances.update": lambda: call("balances.update", {**MESSAGES, "remaining": 9}),
        "balances.track at the limit": lambda: call("balances.track", {**MESSAGES, "value": 99}),
        "balances.create": lambda: call("balances.create", {**MESSAGES, "included_grant": 5}),
        "balances.check with a lock": lambda: call("balances.check", {**MESSAGES, "lock": LOCK}),
        "balances.finalize": lambda: call(
            "balances.finalize", {"lock_id": "bench", "action": "release"}
        ),
        "balances.set_usage": lambda: call("balances.set_usage", {**MESSAGES, "value": 1}),
        "balances.preview_recalculate": lambda: call("balances.preview_recalculate", MESSAGES),
        "balances.preview_update": lambda: call(
            "balances.preview_update", {**MESSAGES, "remaining": 9}
        ),
        "balances.delete": lambda: call("balances.delete", {**MESSAGES, "interval": "one_off"}),
        "customers.get": lambda: call("customers.get", HERE),
        "customers.get_or_create, there": lambda: call("customers.get_or_create", HERE),
        "customers.get_or_create, new": lambda: call(
            "customers.get_or_create", {"customer_id": "user_2"}
        ),
        "customers.update": lambda: call("customers.update", {**HERE, "name": "Ada King"}),
        "customers.update, renamed": lambda: call(
            "customers.update", {"customer_id": "user_2", "new_customer_id": "user_3"}
        ),
        "customers.list": lambda: call("customers.list", {}),
        "billing.attach": lambda: call("billing.attach", {**HERE, "plan_id": "other"}),
        "events.list": lambda: call("events.list", HERE),
        "events.aggregate, 90 days": lambda: call("events.aggregate", {**MESSAGES, "range": "90d"}),
        "invoices.list": lambda: call("invoices.list", HERE),
        "plans.list": lambda: call("plans.list", {}),
        "customers.delete": lambda: call("customers.delete", HERE),
    }


def measured() -> dict[str, Cost]:
    """Return the cost of each operation, in the order of the cases."""
    with world() as (table, call):
        return {name: cost_of(table, done(work)) for name, work in cases(call).items()}


def done(work: Callable[[], Response]) -> Callable[[], None]:
    """Return a call that must succeed: a refusal would cost too little."""

    def ask() -> None:
        answered = work()
        assert answered.status == 200, answered

    return ask


def report() -> None:
    """Print the costs."""
    print(f"{'operation':34}{'requests':>9}{'RCU':>7}{'WCU':>7}  verbs")
    for name, cost in measured().items():
        verbs = ", ".join(cost.verbs)
        units = f"{cost.read_units:>7g}{cost.write_units:>7g}"
        print(f"{name:34}{len(cost.verbs):>9}{units}  {verbs}")
    print()
