"""Traffic of all kinds about a few customers, and an account of what its answers said."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from threading import Lock
from typing import Any

from tests.builders import a_customer, a_feature, a_plan, monthly
from tests.concurrency.test_races import patiently
from tests.conftest import Call, Clock
from tests.harness import Response, handler

type Body = dict[str, Any]

#: Apart from the first, each has limits of its own kind.
PLAIN, WINDOW, OWN_WINDOW, SPEND, SHARED_SPEND = CUSTOMERS = [f"user_{one}" for one in range(1, 6)]
WINDOWS: Body = {"feature_id": "messages", "limit": 70, "interval": "month"}
SPENDING: Body = {
    "spend_limits": [{"feature_id": "messages", "enabled": True, "overage_limit": 25}],
    "overage_allowed": [{"feature_id": "messages", "enabled": True}],
}
CREDITS = {"chat": Decimal(2), "image": Decimal("0.5")}


def offer(call: Call) -> None:
    """The catalogue: what is counted together, what credits pay for, what starts anew."""
    for name in ("messages", "words"):
        a_feature(call, name, event_names=["sent"])
    for name in ("chat", "image", "tokens"):
        a_feature(call, name)
    a_feature(call, "seats", consumable=False)
    schema = [
        {"metered_feature_id": name, "credit_cost": float(cost)} for name, cost in CREDITS.items()
    ]
    a_feature(call, "credits", type="credit_system", credit_schema=schema)
    rollover = {"expiry_duration_type": "forever"}
    hourly = {"feature_id": "tokens", "included": 20, "reset": {"interval": "hour"}}
    a_plan(
        call,
        "free",
        monthly("messages", 60),
        {**monthly("words", 5), "entity_feature_id": "seats"},
        {**hourly, "rollover": rollover},
        auto_enable=True,
    )


def welcome(call: Call) -> None:
    """Five customers with two entities each."""
    for customer_id in CUSTOMERS:
        about = {"customer_id": customer_id}
        a_customer(call, customer_id)
        for feature_id, amount in {"words": 10, "credits": 20_000}.items():
            grant = {**about, "feature_id": feature_id, "included_grant": amount}
            assert call("balances.create", grant).status == 200
        for name in ("e1", "e2"):
            made = {**about, "entity_id": name, "feature_id": "seats"}
            assert call("entities.create", made).status == 200
    _limit(call, "customers.update", WINDOW, usage_limits=[WINDOWS])
    own = {**WINDOWS, "limit": 12}
    _limit(call, "customers.update", OWN_WINDOW, usage_limits=[WINDOWS])
    _limit(call, "entities.update", OWN_WINDOW, "e1", usage_limits=[own])
    _limit(call, "customers.update", SPEND, **SPENDING)
    _limit(call, "customers.update", SHARED_SPEND, **SPENDING)
    grant = {"feature_id": "messages", "included_grant": 6, "entity_id": "e1"}
    assert call("balances.create", {"customer_id": SHARED_SPEND, **grant}).status == 200


def _limit(
    call: Call, operation: str, customer_id: str, entity_id: str | None = None, **lists: Any
) -> None:
    body: Body = {"customer_id": customer_id, "billing_controls": lists}
    answered = call(operation, body | ({"entity_id": entity_id} if entity_id else {}))
    assert answered.status == 200, answered


class Book:
    """What answers said, by customer and feature: what was taken, counted and added."""

    def __init__(self) -> None:
        self.taken: Counter[tuple[str, str]] = Counter()
        #: By customer and the entity whose own limit counted it.
        self.counted: Counter[tuple[str, str | None]] = Counter()
        self.added: Counter[tuple[str, str]] = Counter()
        self.kinds: Counter[str] = Counter()
        self._lock = Lock()

    def take(self, customer_id: str, feature_id: str, value: Decimal) -> None:
        with self._lock:
            self.taken[customer_id, feature_id] += value  # type: ignore[assignment]

    def count(self, customer_id: str, entity_id: str | None, value: Decimal) -> None:
        own = entity_id if (customer_id, entity_id) == (OWN_WINDOW, "e1") else None
        with self._lock:
            self.counted[customer_id, own] += value  # type: ignore[assignment]

    def add(self, customer_id: str, value: Decimal) -> None:
        with self._lock:
            self.added[customer_id, "messages"] += value  # type: ignore[assignment]

    def did(self, kind: str) -> None:
        with self._lock:
            self.kinds[kind] += 1


class Caller:
    """One thread's share of the traffic."""

    def __init__(self, call: Call, clock: Clock, book: Book, seed: int) -> None:
        self._call = call
        self._clock = clock
        self._book = book
        self._choose = random.Random(seed)
        self._name = f"caller_{seed}"
        self._made = 0

    def go(self, times: int) -> None:
        kinds: Sequence[tuple[Callable[[str], None], int]] = (
            (self.use, 30),
            (self.use_credits, 20),
            (self.use_by_name, 10),
            (self.use_by_entity, 15),
            (self.use_tokens, 20),
            (self.refund, 8),
            (self.check, 12),
            (self.lock, 10),
            (self.edit, 6),
        )
        for _ in range(times):
            kind = self._choose.choices([one for one, _ in kinds], [many for _, many in kinds])[0]
            kind(self._choose.choice(CUSTOMERS))
            self._book.did(kind.__name__)

    def use(self, customer_id: str) -> None:
        self._track(customer_id, feature_id="messages", value=self._amount())

    def use_credits(self, customer_id: str) -> None:
        name = self._choose.choice(list(CREDITS))
        self._track(customer_id, feature_id=name, value=self._amount())

    def use_by_name(self, customer_id: str) -> None:
        self._track(customer_id, event_name="sent", value=self._amount())

    def use_by_entity(self, customer_id: str) -> None:
        who, what = self._choose.choice(["e1", "e2"]), self._choose.choice(["messages", "words"])
        self._track(customer_id, who, feature_id=what, value=3 * self._amount())

    def use_tokens(self, customer_id: str) -> None:
        begun = self._clock.now
        answered = self._track(customer_id, feature_id="tokens", value=self._amount())
        # A period that is over takes nothing any more.
        assert answered.body["balance"]["next_reset_at"] > begun

    def refund(self, customer_id: str) -> None:
        self._track(customer_id, feature_id="messages", value=-self._amount() / 2)

    def check(self, customer_id: str) -> None:
        value = self._amount()
        body = {"feature_id": "messages", "required_balance": value, "send_event": True}
        if self._ask("balances.check", {"customer_id": customer_id, **body}).body["allowed"]:
            self._book.take(customer_id, "messages", value)
            self._book.count(customer_id, None, value)

    def lock(self, customer_id: str) -> None:
        """Reserve, and use all, a part or nothing of it."""
        feature_id, value = self._choose.choice(["messages", "chat"]), self._amount()
        self._made += 1
        lock_id = f"{self._name}_{self._made}"
        about = {"customer_id": customer_id, "feature_id": feature_id, "required_balance": value}
        lock = {"enabled": True, "lock_id": lock_id}
        if not self._ask("balances.check", {**about, "lock": lock}).body["allowed"]:
            return
        action = self._choose.choice(["confirm", "release", "part"])
        final = {"confirm": value, "release": Decimal(0), "part": value / 2}[action]
        body: Body = {"lock_id": lock_id, "action": action}
        if action == "part":
            body |= {"action": "confirm", "override_value": final}
        self._ask("balances.finalize", body)
        if feature_id == "messages":
            self._book.take(customer_id, feature_id, final)
            self._book.count(customer_id, None, final)
        else:
            self._book.take(customer_id, "credits", final * CREDITS[feature_id])

    def edit(self, customer_id: str) -> None:
        value = self._amount()
        body = {"customer_id": customer_id, "feature_id": "messages", "add_to_balance": value}
        self._ask("balances.update", body)
        self._book.add(customer_id, value)

    def _track(self, customer_id: str, entity_id: str | None = None, **body: Any) -> Response:
        about = {"customer_id": customer_id} | ({"entity_id": entity_id} if entity_id else {})
        answered = self._ask("balances.track", {**about, **body})
        for paid in answered.body["deductions"]:
            value = Decimal(str(paid["value"]))
            self._book.take(customer_id, paid["feature_id"], value)
            if paid["feature_id"] == "messages" and value > 0:
                self._book.count(customer_id, entity_id, value)
        return answered

    def _ask(self, operation: str, body: Body) -> Response:
        answered = patiently(partial(self._call, operation, body))
        assert answered.status == 200, (operation, body, answered)
        return answered

    def _amount(self) -> Decimal:
        """Cents, an even number of them: halves are exact."""
        return Decimal(self._choose.randint(1, 200) * 2) / 100


def batch(seed: int) -> list[Body]:
    """Uses of what there is enough of: nobody tells what they took."""
    choose = random.Random(seed)
    return [
        {
            "customer_id": choose.choice(CUSTOMERS),
            "feature_id": choose.choice(list(CREDITS)),
            "value": Decimal(choose.randint(1, 400)) / 100,
        }
        for _ in range(40)
    ]


def deliver(message: str) -> None:
    """The queue hands a message over until it is done."""
    record = {"messageId": "1", "body": message, "attributes": {}}
    for _ in range(20):
        if not handler("queues.track")({"Records": [record]}, None)["batchItemFailures"]:
            return
    raise AssertionError
