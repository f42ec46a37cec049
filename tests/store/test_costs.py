"""How many requests an operation makes: the hot path makes one."""

from collections.abc import Callable

import pytest

from orchard.store.table import Table
from orchard.triggers import connection
from tests.bench.requests import cost_of
from tests.builders import a_customer, a_feature, a_plan
from tests.conftest import Call, forget

BODY = {"customer_id": "user_1", "feature_id": "messages"}


@pytest.fixture(autouse=True)
def _warm(call: Call) -> None:
    a_feature(call)
    a_plan(call, "free", auto_enable=True)
    a_customer(call)


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


def test_a_cold_function_reads_its_key_once(call: Call, table: Table) -> None:
    forget()
    connection.use(table)
    assert verbs(table, lambda: call("balances.track", BODY)) == ("GetItem", "UpdateItem")
    assert verbs(table, lambda: call("balances.track", BODY)) == ("UpdateItem",)
