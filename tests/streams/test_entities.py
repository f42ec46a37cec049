"""What the history tells of entities: each balance apart, and what became of the entity."""

from typing import Any

import pytest

from orchard.store import customers, keys
from orchard.store.session import Session
from orchard.store.statements import Item
from orchard.store.table import Table
from tests.builders import a_customer, a_feature, a_plan, monthly
from tests.conftest import TENANT, Call
from tests.streams import recording


@pytest.fixture(autouse=True)
def _customer(call: Call) -> None:
    """A customer with two entities and a plan that grants to each of them."""
    a_feature(call)
    a_feature(call, "seats", consumable=False)
    item = {**monthly("messages", 10), "entity_feature_id": "seats"}
    a_plan(call, "each", item)
    a_customer(call)
    for entity_id in ("ws_1", "ws_2"):
        done(call, "entities.create", entity_id=entity_id, feature_id="seats")
    done(call, "billing.attach", plan_id="each")


def done(call: Call, operation: str, **body: Any) -> Any:
    answered = call(operation, {"customer_id": "user_1", **body})
    assert answered.status == 200, answered
    return answered.body


def lines(session: Session, start: str = "CHANGE") -> list[Item]:
    recording.catch_up(session.table)
    internal_id = customers.locate(session, "user_1").internal_id
    found = recording.partition(session.table, keys.ledger(TENANT, internal_id))
    return [item for item in found if item["sk"].startswith(start)]


def test_one_attaching_is_told_for_each_balance_that_it_changed(session: Session) -> None:
    told = [line for line in lines(session) if line["kind"] == "attach" and line["feature_id"]]

    assert {line["entity_id"] for line in told} == {None, "ws_1", "ws_2"}
    assert len({line["id"] for line in told}) == 1


def test_the_life_of_an_entity_is_told(call: Call, session: Session) -> None:
    done(call, "entities.update", entity_id="ws_1", billing_controls={"spend_limits": []})
    done(call, "entities.delete", entity_id="ws_1")

    told = [line for line in lines(session) if line["details"].get("entity_id") == "ws_1"]

    kinds = [line["kind"] for line in told if line["feature_id"] is None]
    assert sorted(kinds) == ["create_entity", "delete_entity", "update_entity"]


def test_usage_of_an_entity_names_it(call: Call, session: Session) -> None:
    done(call, "balances.track", feature_id="messages", entity_id="ws_2", value=3)
    done(call, "balances.track", feature_id="messages", entity_id="ws_1", value=4)

    told = {line["entity_id"]: line["value"] for line in lines(session, keys.EVENTS)}

    assert told == {"ws_1": 4, "ws_2": 3}


def test_usage_of_all_entities_adds_up(call: Call, session: Session) -> None:
    for entity_id in ("ws_1", "ws_2"):
        for _ in range(2):
            done(call, "balances.track", feature_id="messages", entity_id=entity_id, value=3)
    lines(session)
    recording.catch_up(session.table)

    internal_id = customers.locate(session, "user_1").internal_id
    rollups = recording.partition(session.table, keys.usage(TENANT, internal_id))

    assert {(item["count"], item["sum"]) for item in rollups} == {(4, 12)}


def test_usage_of_an_entity_that_was_made_anew_adds_up(call: Call, session: Session) -> None:
    for value in (3, 4):
        done(call, "balances.track", feature_id="messages", entity_id="ws_1", value=value)
        lines(session)
        done(call, "entities.delete", entity_id="ws_1")
        done(call, "entities.create", entity_id="ws_1", feature_id="seats")

    internal_id = customers.locate(session, "user_1").internal_id
    rollups = recording.partition(session.table, keys.usage(TENANT, internal_id))

    assert {(item["count"], item["sum"]) for item in rollups} == {(2, 7)}


def test_a_deletion_of_an_entity_gives_its_seat_back_in_the_history(
    call: Call, session: Session, table: Table
) -> None:
    del table
    a_plan(call, "team", {"feature_id": "seats", "included": 5}, group="team")
    done(call, "billing.attach", plan_id="team")
    done(call, "entities.create", entity_id="ws_3", feature_id="seats")
    done(call, "entities.delete", entity_id="ws_3")

    seats = [line for line in lines(session) if line["feature_id"] == "seats"]
    moved = {line["kind"]: (line["before"], line["after"]) for line in seats}

    taken, given = moved["create_entity"], moved["delete_entity"]
    assert taken == given[::-1]
    assert taken[0] != taken[1]
