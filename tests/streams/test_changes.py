"""The lines of one change, in whatever order and however often their writes are delivered."""

import random
from typing import Any

import pytest

from orchard.store import keys
from orchard.store.table import Table
from tests.builders import a_customer, a_feature, a_plan, monthly
from tests.conftest import TENANT, Call, Clock
from tests.streams import recording


@pytest.fixture
def told(call: Call, table: Table, clock: Clock) -> list[Any]:
    """The records of a customer with two features and a seat, who changes plan and id."""
    for feature_id in ("messages", "words"):
        a_feature(call, feature_id)
    a_feature(call, "seats", consumable=False)
    a_plan(call, "free", monthly("messages", 10), monthly("words", 10), auto_enable=True)
    a_plan(call, "pro", monthly("messages", 99), monthly("words", 99))
    a_customer(call)
    steps: list[tuple[str, dict[str, Any]]] = [
        ("entities.create", {"entity_id": "seat_1", "feature_id": "seats"}),
        ("billing.attach", {"plan_id": "pro", "reference": "order 7"}),
        ("balances.track", {"feature_id": "messages", "value": 3}),
        ("balances.set", {"balances": [{"feature_id": "words", "balance": 5}]}),
        ("customers.update", {"new_customer_id": "user_2", "name": "Ada"}),
        ("balances.delete", {"customer_id": "user_2"}),
    ]
    for operation, body in steps:
        clock.advance(seconds=1)
        assert call(operation, {"customer_id": "user_1", **body}).status == 200
    return recording.told(recording.records(table))


def everything(call: Call, **body: Any) -> Any:
    answer = call("changes.list", body)
    assert answer.status == 200
    return answer.body["list"]


def forget(call: Call, table: Table) -> None:
    """Remove what the consumer wrote down."""
    shown = call("customers.get", {"customer_id": "user_2", "with_autumn_id": True}).body
    ledger = recording.partition(table, keys.ledger(TENANT, shown["autumn_id"]))
    table.delete_many([keys.Key(item["pk"], item["sk"]) for item in ledger])


def test_the_list_is_the_same_in_whatever_order_items_are_delivered(
    told: list[Any], call: Call, table: Table
) -> None:
    recording.deliver(told)
    mine, all_of_them = everything(call, customer_id="user_2"), everything(call)
    assert [one["action"] for one in mine] == [
        "balances.delete",
        "customers.update",
        "balances.update",
        "billing.attach",
        "entities.create",
        "customers.create",
    ]
    assert mine == all_of_them
    # Order is kept for each item alone; shards may come in any.
    chance = random.Random(7)
    for _turn in range(3):
        forget(call, table)
        by_item: dict[str, list[Any]] = {}
        for record in told:
            by_item.setdefault(str(record["dynamodb"]["Keys"]), []).append(record)
        queues = list(by_item.values())
        while queues:
            queue = chance.choice(queues)
            some = queue[: chance.randint(1, 3)]
            recording.deliver(some)
            if chance.random() < 0.3:
                recording.deliver(some)
            del queue[: len(some)]
            queues = [one for one in queues if one]

        assert everything(call, customer_id="user_2") == mine
        assert everything(call) == mine


def test_each_change_is_one_id_however_many_balances_it_touched(
    told: list[Any], call: Call
) -> None:
    recording.deliver(told)

    shown = everything(call)

    counts = {one["action"]: len(one["balances"]) for one in shown}
    assert counts == {
        "customers.create": 2,
        "entities.create": 0,
        "billing.attach": 2,
        "balances.update": 1,
        "customers.update": 0,
        "balances.delete": 2,
    }
    assert len({one["id"] for one in shown}) == len(shown)
