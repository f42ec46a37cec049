"""How many requests an operation makes: the hot path makes one."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from orchard.gateways import queue
from orchard.store import customers, keys
from orchard.store.table import Table
from orchard.triggers import clock, connection
from tests.bench import usage
from tests.bench.requests import cost_of
from tests.builders import a_customer, a_feature, a_grant, a_plan, left
from tests.conftest import Call, forget, session_of
from tests.harness import handler
from tests.streams import recording

BODY = {"customer_id": "user_1", "feature_id": "messages"}
CHAT = {"customer_id": "user_1", "feature_id": "chat"}
OF_ENTITY = {**BODY, "entity_id": "e1"}
HOUR_MS = 3_600_000


@pytest.fixture(autouse=True)
def _warm(call: Call) -> None:
    a_feature(call)
    a_plan(call, "free", auto_enable=True)
    a_customer(call)
    # The catalogue is read once in half a minute, whatever is asked.
    call("balances.check", BODY)


def verbs(table: Table, work: Callable[[], object]) -> tuple[str, ...]:
    return cost_of(table, work).verbs


def test_a_check_is_one_read(call: Call, table: Table) -> None:
    assert verbs(table, lambda: call("balances.check", BODY)) == ("GetItem",)


def test_a_track_is_one_write(call: Call, table: Table) -> None:
    assert verbs(table, lambda: call("balances.track", BODY)) == ("UpdateItem",)


def test_a_check_that_uses_what_it_checks_is_one_write(call: Call, table: Table) -> None:
    body = {**BODY, "send_event": True}

    assert verbs(table, lambda: call("balances.check", body)) == ("UpdateItem",)


def test_a_customer_is_one_query(call: Call, table: Table) -> None:
    body = {"customer_id": "user_1"}

    assert verbs(table, lambda: call("customers.get", body)) == ("Query",)
    assert verbs(table, lambda: call("customers.get_or_create", body)) == ("Query",)


def test_what_the_counter_cannot_decide_is_not_read_twice(call: Call, table: Table) -> None:
    body = {**BODY, "value": 1000}

    assert verbs(table, lambda: call("balances.track", body)) == ("UpdateItem", "UpdateItem")
    assert verbs(table, lambda: call("balances.track", body)) == ("UpdateItem", "UpdateItem")


def test_an_edit_is_a_read_and_a_write(call: Call, table: Table) -> None:
    body = {**BODY, "remaining": 5}

    assert verbs(table, lambda: call("balances.update", body)) == ("GetItem", "UpdateItem")


def test_a_new_customer_with_its_plan_is_one_transaction(call: Call, table: Table) -> None:
    body = {"customer_id": "user_2"}

    made = verbs(table, lambda: call("customers.get_or_create", body))
    assert made == ("Query", "Query", "TransactWriteItems")


def test_a_cold_function_reads_its_key_and_the_catalogue_once(call: Call, table: Table) -> None:
    forget()
    connection.use(table)
    assert verbs(table, lambda: call("balances.track", BODY)) == (
        "GetItem",
        "Query",
        "UpdateItem",
    )
    assert verbs(table, lambda: call("balances.track", BODY)) == ("UpdateItem",)


@pytest.fixture
def _paid_by_credits(call: Call) -> None:
    a_feature(call, "chat")
    schema = [{"metered_feature_id": "chat", "credit_cost": 2}]
    a_feature(call, "credits", type="credit_system", credit_schema=schema)
    a_grant(call, 100, "credits")
    call("balances.check", CHAT)


@pytest.fixture
def _entity(call: Call) -> None:
    a_feature(call, "seats", consumable=False)
    body = {"customer_id": "user_1", "entity_id": "e1", "feature_id": "seats"}
    assert call("entities.create", body).status == 200
    call("balances.check", OF_ENTITY)


@pytest.mark.usefixtures("_paid_by_credits")
def test_credits_that_pay_alone_are_known_from_the_second_track_on(
    call: Call, table: Table
) -> None:
    first = verbs(table, lambda: call("balances.track", CHAT))

    assert first == ("UpdateItem", "GetItem", "UpdateItem")
    assert verbs(table, lambda: call("balances.track", CHAT)) == ("UpdateItem",)
    assert verbs(table, lambda: call("balances.check", {**CHAT, "send_event": True})) == (
        "UpdateItem",
    )


@pytest.mark.usefixtures("_paid_by_credits")
def test_a_check_of_what_credits_pay_for_is_one_read(call: Call, table: Table) -> None:
    assert verbs(table, lambda: call("balances.check", CHAT)) == ("BatchGetItem",)


@pytest.mark.usefixtures("_entity")
def test_an_entity_reads_what_it_can_use_and_writes_once(call: Call, table: Table) -> None:
    assert verbs(table, lambda: call("balances.check", OF_ENTITY)) == ("BatchGetItem",)
    assert verbs(table, lambda: call("balances.track", OF_ENTITY)) == (
        "BatchGetItem",
        "UpdateItem",
    )


@pytest.mark.usefixtures("_entity")
def test_a_use_of_two_balances_is_one_transaction(call: Call, table: Table) -> None:
    a_grant(call, 3, entity_id="e1")
    call("balances.check", OF_ENTITY)

    made = verbs(table, lambda: call("balances.track", {**OF_ENTITY, "value": 5}))

    assert made == ("BatchGetItem", "TransactWriteItems")


def test_a_lock_is_taken_in_one_transaction_and_confirmed_by_letting_it_go(
    call: Call, table: Table
) -> None:
    lock = {"enabled": True, "lock_id": "lock"}
    taken = verbs(table, lambda: call("balances.check", {**BODY, "lock": lock}))
    body = {"lock_id": "lock", "action": "confirm"}
    confirmed = verbs(table, lambda: call("balances.finalize", body))

    assert taken == ("GetItem", "GetItem", "GetItem", "TransactWriteItems")
    assert confirmed == ("GetItem", "TransactWriteItems")


def test_a_year_by_the_hour_is_read_from_hours_that_are_summed_up_already(
    call: Call, table: Table
) -> None:
    now = clock.now()
    session = session_of(table, now)
    usage.fill(session, customers.locate(session, "user_1").internal_id, 365)
    year = {"start": now - now % HOUR_MS - 364 * 24 * HOUR_MS, "end": now}
    answers: list[Any] = []

    def asked(**body: Any) -> tuple[str, ...]:
        whole = {"feature_id": "messages", "custom_range": year, **body}
        return verbs(table, lambda: answers.append(call("events.aggregate", whole).body))

    by_hour = asked(customer_id="user_1", bin_size="hour")
    by_day = asked(customer_id="user_1", bin_size="day")
    of_everybody = asked(bin_size="month")

    # There is no event at all: what is found was in the roll-ups.
    hours, days, months = answers
    assert len(hours["list"]) == 364 * 24 + 1
    assert {one["values"]["messages"] for one in hours["list"]} == {2.5}
    assert hours["total"]["messages"]["count"] == 364 * 24 + 1
    assert (len(days["list"]), len(months["list"])) == (365, 13)
    assert set(by_hour) == {"GetItem", "Query"}
    assert len(by_hour) <= 6
    # The first day is not a whole one: its hours are read, and then days.
    assert by_day in (("GetItem", "Query"), ("GetItem", "Query", "Query"))
    assert Counter(of_everybody)["Query"] <= 2 * keys.EVENT_SHARDS
    assert Counter(of_everybody)["BatchGetItem"] == 1


def test_a_thousand_queued_uses_of_one_customer_are_few_writes(
    call: Call, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(queue, "send", _into(sent))
    uses = [{**BODY, "value": 0.01, "properties": {"number": one}} for one in range(1000)]
    assert call("balances.batch_track", uses).status == 200
    records = [
        {"messageId": str(number), "body": body, "attributes": {}}
        for number, body in enumerate(sent)
    ]

    made = verbs(table, lambda: handler("queues.track")({"Records": records}, None))

    assert left(call) == (90, 10)
    writes = [verb for verb in made if verb in ("UpdateItem", "TransactWriteItems")]
    assert len(writes) <= 3, made
    assert len(made) <= 6, made


def _into(sent: list[str]) -> Callable[[Sequence[str]], int]:
    def send(bodies: Sequence[str]) -> int:
        sent.extend(bodies)
        return len(bodies)

    return send


def test_an_undo_reads_customer_change_and_mark_and_writes_once(call: Call, table: Table) -> None:
    edit = call("balances.update", {**BODY, "add_to_balance": 5}).body["change_id"]
    recording.catch_up(table)
    body = {"customer_id": "user_1", "change_id": edit}
    reads = ("Query", "Query", "GetItem")

    assert verbs(table, lambda: call("changes.undo", {**body, "dry_run": True})) == reads
    assert verbs(table, lambda: call("changes.undo", body)) == (*reads, "TransactWriteItems")


def test_changes_are_one_query_and_a_look_for_undone_ones(call: Call, table: Table) -> None:
    recording.catch_up(table)

    mine = verbs(table, lambda: call("changes.list", {"customer_id": "user_1"}))
    everybody = verbs(table, lambda: call("changes.list", {}))

    assert mine == ("GetItem", "Query", "BatchGetItem")
    # Eight shards; then the lines, whose customers they are, and which were undone.
    assert Counter(everybody) == {"Query": 8, "BatchGetItem": 3}
