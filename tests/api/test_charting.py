"""What graphs of a balance are drawn from: as `balances.history` tells it, in two requests."""

from typing import Any

import pytest

from orchard.contracts.customer_reads import GetCustomerRequest
from orchard.contracts.history import HistoryRequest
from orchard.contracts.request import parse
from orchard.store import charted
from orchard.store.table import Table
from orchard.usecases import charting
from tests.bench.requests import cost_of
from tests.builders import a_customer, a_feature, a_plan, monthly
from tests.conftest import START, Call, Clock, session_of
from tests.streams import recording

HOUR, DAY = 3_600_000, 86_400_000


@pytest.fixture(autouse=True)
def _customer(call: Call, clock: Clock) -> None:
    clock.advance(seconds=60)
    a_feature(call)
    a_feature(call, "seats", consumable=False)
    a_plan(call, "pro", monthly("messages", 100))
    a_customer(call)
    assert call("billing.attach", {"customer_id": "user_1", "plan_id": "pro"}).status == 200


def track(call: Call, value: float, **fields: Any) -> None:
    body = {"customer_id": "user_1", "feature_id": "messages", "value": value, **fields}
    assert call("balances.track", body).status == 200


def drawn(table: Table, now: int, **asked: Any) -> dict[str, Any]:
    session = session_of(table, now)
    whose = {"customer_id": "user_1"}
    request = parse(HistoryRequest, {**whose, "feature_id": "messages", **asked})
    held = charting.holder(session, parse(GetCustomerRequest, whose), asked.get("entity_id"))
    return charting.show(session, held.account, request, 400)


def told(call: Call, **asked: Any) -> Any:
    body = {"customer_id": "user_1", "feature_id": "messages", **asked}
    return call("balances.history", body).body


def assert_as_history_tells(call: Call, shown: dict[str, Any], **asked: Any) -> None:
    answer = told(call, **asked)
    new = {"until", "used"}
    rows = [{name: row[name] for name in row.keys() - new} for row in shown["list"]]
    assert rows == answer["list"]
    assert shown["marks"] == answer["marks"]


def used(shown: dict[str, Any]) -> dict[int, Any]:
    """What was used, by the number of the day."""
    return {(row["period"] - START) // DAY: row["used"] for row in shown["list"] if row["used"]}


def test_use_is_told_from_resets_edits_and_what_is_given_back(
    call: Call, clock: Clock, table: Table
) -> None:
    whose = {"customer_id": "user_1", "feature_id": "messages"}
    track(call, 30)
    clock.advance(days=1)
    track(call, 20)
    track(call, -5)
    call("balances.update", {**whose, "usage": 10, "reason": "Counted twice"})
    track(call, 7)
    clock.advance(days=1)
    call("balances.create", {**whose, "included_grant": 50})
    # The reset is noticed by a use, two days later, and the grant pays on the day after.
    clock.advance(days=30)
    track(call, 90)
    clock.advance(days=1)
    track(call, 25)
    # The job of resets notices the next one; the last uses are not told by the stream yet.
    clock.advance(days=30)
    recording.catch_up(table)
    track(call, 3)

    shown = drawn(table, clock.now, range="90d")

    assert used(shown) == {0: 30, 1: 22, 32: 90, 33: 25, 63: 3}
    assert_as_history_tells(call, shown, range="90d")
    assert shown["since"] is None


def test_a_reset_at_the_very_instant_of_a_use_is_no_use(
    call: Call, clock: Clock, table: Table
) -> None:
    track(call, 60)
    at = call("customers.get", {"customer_id": "user_1"}).body["balances"]["messages"]
    clock.now = at["next_reset_at"]
    track(call, 4)
    clock.advance(ms=1)
    track(call, 2)
    recording.catch_up(table)

    shown = drawn(table, clock.now, range="90d")

    assert used(shown) == {0: 60, 30: 6}
    assert_as_history_tells(call, shown, range="90d")


def test_entities_count_until_they_are_deleted(call: Call, clock: Clock, table: Table) -> None:
    for name in ("ada", "bob"):
        entity = {"customer_id": "user_1", "entity_id": name, "feature_id": "seats"}
        call("entities.create", entity)
        grant = {"customer_id": "user_1", "entity_id": name, "feature_id": "messages"}
        call("balances.create", {**grant, "included_grant": 40})
    track(call, 10)
    track(call, 5, entity_id="ada")
    clock.advance(days=1)
    track(call, 6, entity_id="ada")
    track(call, 7, entity_id="bob")
    clock.advance(days=1)
    call("entities.delete", {"customer_id": "user_1", "entity_id": "bob"})
    clock.advance(days=1)
    track(call, 8, entity_id="ada")
    recording.catch_up(table)

    whole, ada = drawn(table, clock.now), drawn(table, clock.now, entity_id="ada")
    later = {"custom_range": {"start": clock.now - HOUR}, "bin_size": "hour"}

    assert used(whole) == {0: 15, 1: 13, 3: 8}
    assert used(ada) == {0: 15, 1: 6, 3: 8}
    assert_as_history_tells(call, whole)
    assert_as_history_tells(call, ada, entity_id="ada")
    assert_as_history_tells(call, drawn(table, clock.now, **later), **later)


def test_however_often_it_was_written_a_graph_costs_two_requests(
    call: Call, clock: Clock, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(6):
        track(call, 1)
        recording.catch_up(table)
        clock.advance(seconds=3600)
    monkeypatch.setattr(charted, "_MOST_STRETCHES", 3)
    shown: list[dict[str, Any]] = []

    cost = cost_of(table, lambda: shown.append(drawn(table, clock.now, range="24h")))

    # The customer, the catalogue, and what the graph needs.
    assert cost.verbs == ("Query",) * 4
    (answer,) = shown
    assert answer["since"] == START + 60_000 + 3 * HOUR
    told_of = [row for row in answer["list"] if row["remaining"] is not None]
    assert [row["used"] for row in told_of] == [None, 1, 1, 0]
    whole = told(call, range="24h")["list"]
    assert [row["remaining"] for row in told_of] == [row["remaining"] for row in whole[-4:]]
