"""Writes that concern many items of one customer."""

from decimal import Decimal

from orchard.domain.sources import Overage
from orchard.store import customers, documents, keys, removals
from orchard.store.session import Session
from orchard.store.statements import Item, Query
from orchard.usecases import bulk
from orchard.usecases.bulk import Event, Group
from tests.builders import a_customer, a_feature, a_plan, balance, lifetime, monthly
from tests.conftest import TENANT, Call

#: DynamoDB stores no more as one item.
LARGEST_BYTES = 400_000


def test_a_batch_leaves_its_events_in_one_of_the_balances_it_takes_from(
    call: Call, session: Session
) -> None:
    with_entities(call, 3)
    note = {"note": "x" * 1000}
    events = [
        Event(f"evt_{number}", Decimal(1), Overage.CAP, session.now, note) for number in range(25)
    ]

    bulk.record(session, Group("user_1", None, "messages", ("messages",)), events)

    taken = [item for item in items(session) if item.get("last", {}).get("kind") == "track"]
    assert len(taken) == 3
    assert sorted(len(item["last"].get("events", ())) for item in taken) == [0, 0, 25]


def test_a_batch_of_events_that_many_features_count_fits_into_one_write(
    call: Call, session: Session
) -> None:
    names = ("calls", "reads", "words", "pages")
    for name in names:
        a_feature(call, name)
    a_plan(call, "free", *(monthly(name, 1000) for name in names), auto_enable=True)
    a_customer(call)
    note = {"note": "x" * 130}
    events = [
        Event(f"evt_{number}", Decimal(1), Overage.CAP, session.now, note) for number in range(500)
    ]

    done = bulk.record(session, Group("user_1", None, "served", names), events)

    assert done.recorded == 500
    assert [balance(call, name)["usage"] for name in names] == [500] * 4
    assert max(len(documents.dump(item)) for item in items(session)) < LARGEST_BYTES


def test_what_a_customer_can_use_is_removed_before_what_its_entities_have(
    call: Call, session: Session
) -> None:
    with_entities(call, 2)
    account = customers.require(session, "user_1")

    removed = [
        delete.key.sk for delete in removals.removals(session, account.customer, items(session))
    ]

    own = ["0#CUSTOMER", "0#BALANCE#messages", "0#BALANCE#seats"]
    assert [sk for sk in removed if "#ws_" not in sk and sk.startswith("0#")][:3] == own
    assert all("ws_" not in sk for sk in removed[:3])


def with_entities(call: Call, number: int) -> None:
    """A customer with so many entities that have ten messages each."""
    a_feature(call)
    a_feature(call, "seats", consumable=False)
    each = {**monthly("messages", 10), "entity_feature_id": "seats"}
    a_plan(call, "each", each, lifetime("seats", 9), auto_enable=True)
    a_customer(call)
    for one in range(number):
        body = {"customer_id": "user_1", "entity_id": f"ws_{one}", "feature_id": "seats"}
        assert call("entities.create", body).status == 200


def items(session: Session) -> list[Item]:
    values = {":pk": keys.hot_partition(TENANT, "user_1")}
    return list(session.table.query(Query("pk = :pk", values)))
