"""Why a customer was blocked or charged, as the dashboard explains it."""

import pytest

from orchard.domain.users import Role
from orchard.store.table import Table
from tests.bench.requests import cost_of
from tests.builders import a_customer, a_feature, a_plan, monthly
from tests.conftest import Call
from tests.dashboard.conftest import Sign
from tests.dashboard.test_customer_page import words
from tests.streams import recording

WHY = "/dashboard/customers/user_1/why"


@pytest.fixture(autouse=True)
def _ada(call: Call) -> None:
    a_feature(call)
    a_plan(call, "pro", monthly("messages", 10))
    a_customer(call, name="Ada")
    assert call("billing.attach", {"customer_id": "user_1", "plan_id": "pro"}).status == 200


def test_a_feature_is_explained_as_a_check_would_answer_now(signed: Sign) -> None:
    viewer = signed(Role.VIEWER)

    blocked = words(viewer.get(f"{WHY}?feature=messages&amount=11"))
    allowed = words(viewer.get(f"{WHY}?feature=messages"))

    assert "Denied:" in blocked
    assert "What stands against it: Nothing beyond what is included" in blocked
    assert "1 Pro messages 10 10" in blocked
    assert "Allowed:" in allowed


def test_denied_checks_events_and_keys_are_explained(
    call: Call, table: Table, signed: Sign
) -> None:
    viewer = signed(Role.VIEWER)
    asked = {"customer_id": "user_1", "feature_id": "messages"}
    denied = call("balances.check", asked | {"required_balance": 99}).body["check_id"]
    call("balances.track", asked | {"value": 4, "idempotency_key": "order_1"})
    recording.catch_up(table)
    event = call("events.list", {"customer_id": "user_1"}).body["list"][0]

    assert "99 of messages needed" in words(viewer.get(f"{WHY}?check={denied}"))
    happened = viewer.get(f"{WHY}?event={event['id']}&at={event['timestamp']}")
    assert "4 of messages was deducted" in words(happened)
    assert "order_1 was sent in the body" in words(viewer.get(f"{WHY}?key=order_1"))


@pytest.mark.parametrize(
    ("asked", "status", "told"),
    [
        ("", 200, "A feature, now"),
        ("feature=dreams", 404, "dreams not found"),
        ("feature=messages&amount=lots", 400, "Must be a number"),
        ("check=chk_1", 400, "check"),
        ("event=evt_1", 404, "evt_1"),
        ("key=%3Cscript%3E", 404, "<script>"),
    ],
)
def test_what_can_not_be_explained_is_told(
    signed: Sign, asked: str, status: int, told: str
) -> None:
    page = signed(Role.VIEWER).get(f"{WHY}?{asked}")

    assert page.status == status
    assert told in words(page)
    assert "<script>" not in page.text.partition("<main")[2]


def test_it_costs_few_requests(table: Table, signed: Sign) -> None:
    viewer = signed(Role.VIEWER)

    cost = cost_of(table, lambda: viewer.get(f"{WHY}?feature=messages"))

    assert len(cost.verbs) <= 4, cost.verbs
