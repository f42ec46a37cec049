"""What can be interrupted: every operation that writes, the jobs, and the queue's worker."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from orchard.triggers import connection
from tests import harness
from tests.builders import a_feature, a_plan, monthly
from tests.concurrency.faults import Killed
from tests.conftest import START, Call, Clock, forget

type Body = dict[str, Any]
HOUR = 3_600_000
ABOUT = {"customer_id": "user_1"}


class Stage:
    """One customer, and the requests about it."""

    def __init__(self, call: Call, clock: Clock) -> None:
        self._call = call
        self.clock = clock
        self.key: str | None = None
        #: What was put into the queue.
        self.messages: list[str] = []

    def ask(self, operation: str, body: Body) -> harness.Response:
        """Ask until there is an answer, as a client does whose request dies or is told to wait."""
        headers = {"idempotency-key": self.key} if self.key else None
        for _ in range(60):
            try:
                answered = self._call(operation, {**ABOUT, **body}, headers=headers)
            except Killed:
                restart()
                continue
            if answered.status != 503:
                return answered
        raise AssertionError(answered)

    def done(self, operation: str, body: Body) -> None:
        answered = self.ask(operation, body)
        assert answered.status == 200, (operation, body, answered)

    def batch(self, items: Sequence[Body]) -> None:
        answered = self._call("balances.batch_track", [{**ABOUT, **item} for item in items])
        assert answered.status == 200, answered

    def run(self, work: Callable[[], bool]) -> None:
        """Do something until it says that it is done, from the start if the process dies."""
        for _ in range(60):
            try:
                if work():
                    return
            except Killed:
                restart()
        raise AssertionError


def restart() -> None:
    """Go on in a new process, which remembers nothing."""
    table = connection.table()
    forget()
    connection.use(table)


type Act = Callable[[Stage], harness.Response | None]
type Step = Callable[[Stage], object]


@dataclass(frozen=True)
class Scenario:
    """What was before, and what is interrupted."""

    act: Act
    given: Sequence[Step] = ()
    is_keyed: bool = True


def ask(operation: str, **body: Any) -> Act:
    return lambda stage: stage.ask(operation, body)


def do(operation: str, **body: Any) -> Step:
    return lambda stage: stage.done(operation, body)


def use(value: float, feature_id: str = "messages", **more: Any) -> Act:
    return ask("balances.track", feature_id=feature_id, value=value, **more)


def lock(value: float, feature_id: str = "messages", **more: Any) -> Act:
    wanted = {"enabled": True, "lock_id": "lock", "expires_at": START + HOUR, **more}
    return ask("balances.check", feature_id=feature_id, required_balance=value, lock=wanted)


def finalize(action: str, **more: Any) -> Act:
    return ask("balances.finalize", lock_id="lock", action=action, **more)


def grant(amount: float, feature_id: str, **more: Any) -> Step:
    return do("balances.create", feature_id=feature_id, included_grant=amount, **more)


def later(hours: float) -> Step:
    return lambda stage: stage.clock.advance(seconds=hours * 3600)


def job(name: str) -> Act:
    def act(stage: Stage) -> None:
        run, event = harness.handler(f"jobs.{name}"), harness.sample(f"jobs/{name}")
        stage.run(lambda: not any("Failed" in one and n for one, n in run(event, None).items()))

    return act


def work(stage: Stage) -> None:
    """The queue hands its messages over until all are done."""
    records = [
        {"messageId": str(number), "body": body, "attributes": {}}
        for number, body in enumerate(stage.messages)
    ]
    handler = harness.handler("queues.track")
    stage.run(lambda: not handler({"Records": records}, None)["batchItemFailures"])


def queued(*items: Body) -> Step:
    return lambda stage: stage.batch(items)


def catalogue(call: Call) -> None:
    """Features, credits for two of them, plans that take each other's place."""
    for name in ("messages", "words"):
        a_feature(call, name, event_names=["sent"])
    for name in ("chat", "image", "pages"):
        a_feature(call, name)
    a_feature(call, "seats", consumable=False)
    schema = [
        {"metered_feature_id": "chat", "credit_cost": 2},
        {"metered_feature_id": "image", "credit_cost": 0.5},
    ]
    a_feature(call, "credits", type="credit_system", credit_schema=schema)
    each = {**monthly("words", 10), "entity_feature_id": "seats"}
    a_plan(call, "free", monthly("messages", 100), each, auto_enable=True)
    a_plan(call, "other", monthly("messages", 40))


GIVEN: tuple[Step, ...] = (
    do("customers.get_or_create"),
    grant(50, "words"),
    grant(100, "credits"),
    do("entities.create", entity_id="e1", feature_id="seats"),
    do("entities.create", entity_id="e2", feature_id="seats"),
)


USAGE_LIMIT = {"feature_id": "messages", "limit": 60, "interval": "month"}
SPEND_LIMIT = {"feature_id": "words", "enabled": True, "overage_limit": 5}
CONTROLS = {"usage_limits": [USAGE_LIMIT], "spend_limits": [SPEND_LIMIT]}
LOCKED: tuple[Step, ...] = (lock(30),)
LOCKED_CREDITS: tuple[Step, ...] = (grant(4, "chat"), lock(20, "chat"))
SCENARIOS: dict[str, Scenario] = {
    "a use": Scenario(use(5)),
    "a use at the limit": Scenario(use(1000)),
    "a use that must fit": Scenario(use(60, overage_behavior="reject")),
    "a use beyond all limits": Scenario(use(130, overage_behavior="overflow")),
    "a refund": Scenario(use(-10), [use(50)]),
    "a use that credits pay for": Scenario(use(3, "chat")),
    "a use known to be paid by credits alone": Scenario(use(3, "chat"), [use(1, "chat")]),
    "a use that two balances pay for": Scenario(use(5, "chat"), [grant(2, "chat")]),
    "an event of two features": Scenario(ask("balances.track", event_name="sent", value=4)),
    "an entity's use": Scenario(use(4, entity_id="e1")),
    "an entity's use of two balances": Scenario(
        use(8, entity_id="e1"), [grant(3, "messages", entity_id="e1")]
    ),
    "a use of all entities' shares": Scenario(use(64, "words")),
    "a use that counts in a window": Scenario(
        use(4, entity_id="e1"), [do("customers.update", billing_controls=CONTROLS)]
    ),
    "a check that uses": Scenario(
        ask("balances.check", feature_id="messages", required_balance=7, send_event=True)
    ),
    "a lock": Scenario(lock(30)),
    "a lock of nothing": Scenario(lock(0)),
    "a lock on credits": Scenario(lock(20, "chat"), [grant(4, "chat")]),
    "a lock that ran out, taken again": Scenario(
        lock(20, expires_at=START + 4 * HOUR), [*LOCKED, later(2)]
    ),
    "a lock confirmed": Scenario(finalize("confirm"), LOCKED),
    "a lock confirmed for less": Scenario(finalize("confirm", override_value=8), LOCKED_CREDITS),
    "a lock confirmed for more": Scenario(finalize("confirm", override_value=31), LOCKED_CREDITS),
    "a lock released": Scenario(finalize("release"), LOCKED_CREDITS),
    "a lock that ran out": Scenario(job("release_locks"), [*LOCKED, later(2)], is_keyed=False),
    "a balance that fell due": Scenario(
        job("reset_balances"), [use(30), later(24 * 31)], is_keyed=False
    ),
    "a grant": Scenario(ask("balances.create", feature_id="chat", included_grant=9)),
    "a grant to an entity": Scenario(
        ask("balances.create", feature_id="messages", included_grant=9, entity_id="e1")
    ),
    "an edit": Scenario(ask("balances.update", feature_id="messages", add_to_balance=7), [use(5)]),
    "an edit of two balances": Scenario(
        ask("balances.update", feature_id="words", usage=55), [use(3, "words")]
    ),
    "an edit that adds to an entity until a time": Scenario(
        ask(
            "balances.update",
            feature_id="messages",
            entity_id="e1",
            add_to_balance=7,
            ends_at=START + HOUR,
        ),
    ),
    "an edit of two balances until a time": Scenario(
        ask("balances.update", feature_id="words", usage=55, ends_at=START + HOUR),
        [use(3, "words")],
    ),
    "a balance deleted": Scenario(ask("balances.delete", feature_id="words"), [use(5, "words")]),
    "a balance deleted, its usage not": Scenario(
        ask("balances.delete", feature_id="chat", balance_id="one", recalculate_balances=True),
        [grant(4, "chat", balance_id="one"), grant(5, "chat"), use(3, "chat")],
    ),
    "a balance levelled": Scenario(
        ask("balances.recalculate", feature_id="pages"),
        [grant(4, "pages"), use(9, "pages", overage_behavior="overflow"), grant(9, "pages")],
    ),
    "balances set": Scenario(
        ask(
            "balances.set",
            balances=[
                {"feature_id": "messages", "balance": 5},
                {"feature_id": "credits", "balance": 6},
            ],
        ),
        [use(5)],
    ),
    "usage set": Scenario(ask("balances.set_usage", feature_id="messages", value=30), [use(5)]),
    "usage of a new customer set": Scenario(
        ask("balances.set_usage", feature_id="messages", value=30, customer_id="user_2")
    ),
    "an entity made": Scenario(ask("entities.create", entity_id="e9", feature_id="seats")),
    "an entity of a new customer made": Scenario(
        ask("entities.create", entity_id="e9", feature_id="seats", customer_id="user_2")
    ),
    "an entity's limits set": Scenario(
        ask("entities.update", entity_id="e1", billing_controls=CONTROLS)
    ),
    "an entity deleted": Scenario(
        ask("entities.delete", entity_id="e1"),
        [grant(3, "messages", entity_id="e1"), use(8, entity_id="e1")],
    ),
    "a plan attached": Scenario(ask("billing.attach", plan_id="other"), [use(5)]),
    "a customer made": Scenario(ask("customers.get_or_create", customer_id="user_2")),
    "a customer filled": Scenario(ask("customers.get_or_create", name="Ada")),
    "a customer's limits set": Scenario(ask("customers.update", billing_controls=CONTROLS)),
    "a customer renamed": Scenario(ask("customers.update", new_customer_id="user_2"), [use(5)]),
    "a customer deleted": Scenario(ask("customers.delete")),
    "a batch": Scenario(
        work,
        [
            grant(2, "chat"),
            queued(
                {"feature_id": "messages", "value": 1.5},
                {"feature_id": "messages", "value": 2.5, "idempotency_key": "same"},
                {"feature_id": "messages", "value": 4.5, "idempotency_key": "same"},
                {"feature_id": "chat", "value": 3},
                {"event_name": "sent", "value": 2},
                {"feature_id": "words", "value": 4, "entity_id": "e1"},
                {"feature_id": "messages", "value": -1},
            ),
        ],
        is_keyed=False,
    ),
}
