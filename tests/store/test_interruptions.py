"""What happens between two calls of the table: rivals at the worst moment, and lost answers.

Both are played at the border to boto3: a call is preceded by a rival, or made and its answer lost.
"""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from orchard.store import keys
from orchard.store.statements import Query
from orchard.store.table import Table
from tests.builders import a_customer, a_feature, a_grant, a_plan, left, monthly
from tests.conftest import TENANT, Call

BODY = {"customer_id": "user_1", "feature_id": "messages"}


@pytest.fixture(autouse=True)
def _customer(call: Call) -> None:
    a_feature(call)
    a_feature(call, "words")
    a_plan(call, "free", auto_enable=True)
    a_customer(call)


@pytest.fixture
def first(table: Table, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Any], None]:
    """`first(verb, act)` lets a rival act once, right before the next call of this verb."""

    def arrange(verb: str, act: Callable[[], object]) -> None:
        real = getattr(table.client, verb)

        def call(**arguments: Any) -> Any:
            monkeypatch.setattr(table.client, verb, real)
            act()
            return real(**arguments)

        monkeypatch.setattr(table.client, verb, call)

    return arrange


@pytest.fixture
def lose(table: Table, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """`lose(verb)` lets the next call of this verb be done and its answer get lost."""

    def arrange(verb: str) -> None:
        real = getattr(table.client, verb)

        def call(**arguments: Any) -> Any:
            monkeypatch.setattr(table.client, verb, real)
            real(**arguments)
            raise ReadTimeoutError(endpoint_url="http://table")

        monkeypatch.setattr(table.client, verb, call)

    return arrange


def hot_items(table: Table, customer_id: str) -> list[str]:
    partition = keys.hot_partition(TENANT, customer_id)
    return [item["sk"] for item in table.query(Query("pk = :pk", {":pk": partition}))]


class TestLostAnswers:
    def test_a_counted_use_is_counted_once(self, call: Call, lose: Any) -> None:
        lose("update_item")

        answered = call("balances.track", {**BODY, "value": 5})
        assert (answered.status, answered.body["balance"]["remaining"]) == (200, 95)
        assert left(call) == (95, 5)

    def test_an_edit_is_made_once(self, call: Call, lose: Any) -> None:
        lose("update_item")

        assert call("balances.update", {**BODY, "add_to_balance": 1000}).status == 200
        assert left(call) == (1100, -1000)

    def test_a_refund_is_given_once(self, call: Call, lose: Any) -> None:
        call("balances.track", {**BODY, "value": 50})
        lose("update_item")

        answered = call("balances.track", {**BODY, "value": -10})
        assert answered.status == 200
        assert left(call) == (60, 40)

    def test_a_capped_use_is_taken_once(self, call: Call, lose: Any, first: Any) -> None:
        """The counter refuses; the answer to the write that decides is the one that is lost."""
        first("update_item", lambda: None)
        call("balances.track", {**BODY, "value": 90})
        lose("update_item")

        call("balances.track", {**BODY, "value": -5})
        assert left(call) == (15, 85)


class TestRivals:
    def test_a_customer_renamed_while_it_is_deleted_lives_on(
        self, call: Call, table: Table, first: Any
    ) -> None:
        internal_id = a_customer(call, with_autumn_id=True)["autumn_id"]
        body = {"customer_id": "user_1", "new_customer_id": "user_2"}
        first("transact_write_items", lambda: call("customers.update", body))

        assert call("customers.delete", {"customer_id": "user_1"}).status == 404
        assert call("customers.get", {"customer_id": "user_2"}).status == 200
        assert call("customers.get", {"customer_id": internal_id}).body["id"] == "user_2"
        assert table.get(keys.deletion(TENANT, internal_id)) is None

    def test_a_new_customer_of_the_same_id_is_deleted_as_one_or_not_at_all(
        self, call: Call, table: Table, first: Any
    ) -> None:
        def rival() -> None:
            call("customers.delete", {"customer_id": "user_1"})
            a_customer(call, stripe_id="cus_stripe")

        first("transact_write_items", rival)

        assert call("customers.delete", {"customer_id": "user_1"}).status == 200
        assert hot_items(table, "user_1") == []
        assert table.get(keys.stripe_pointer("sandbox", "cus_stripe")) is None

    def test_an_edit_meets_a_new_customer_of_the_same_id(self, call: Call, first: Any) -> None:
        call("balances.track", {**BODY, "value": 60})

        def rival() -> None:
            call("customers.delete", {"customer_id": "user_1"})
            a_customer(call)

        first("update_item", rival)

        assert call("balances.update", {**BODY, "add_to_balance": 7}).status == 200
        assert left(call) == (107, -7)

    def test_a_first_use_while_a_customer_is_renamed_leaves_no_orphan(
        self, call: Call, table: Table, first: Any
    ) -> None:
        body = {"customer_id": "user_1", "new_customer_id": "user_2"}
        use = {"customer_id": "user_1", "feature_id": "words"}
        first("transact_write_items", lambda: call("balances.track", use))

        assert call("customers.update", body).status == 200
        assert hot_items(table, "user_1") == []
        assert keys.balance(TENANT, "user_2", "words").sk in hot_items(table, "user_2")

    def test_usage_between_reading_and_writing_an_edit_counts_after_it(
        self, call: Call, first: Any
    ) -> None:
        first("update_item", lambda: call("balances.track", {**BODY, "value": 30}))

        call("balances.update", {**BODY, "remaining": 50})
        assert left(call) == (20, 80)

    def test_an_edit_swallows_no_usage_that_arrives_meanwhile(self, call: Call, first: Any) -> None:
        first("update_item", lambda: call("balances.track", {**BODY, "value": 30}))

        call("balances.update", {**BODY, "remaining": 10})
        assert left(call) == (10, 90)

    def test_a_taken_id_is_noticed_though_it_was_free_a_moment_ago(
        self, call: Call, first: Any
    ) -> None:
        first("transact_write_items", lambda: a_customer(call, "user_2", name="Bob"))

        body = {"customer_id": "user_1", "new_customer_id": "user_2"}
        answered = call("customers.update", body)
        assert (answered.status, answered.body["code"]) == (409, "customer_already_exists")
        assert call("customers.get", {"customer_id": "user_2"}).body["name"] == "Bob"


def test_switching_plans_leaves_no_trail_beside_the_customer(call: Call, table: Table) -> None:
    a_plan(call, "other", monthly("messages", 5))
    for plan_id in ["other", "free"] * 3:
        attached = call("billing.attach", {"customer_id": "user_1", "plan_id": plan_id})
        assert attached.status == 200, attached

    plans = [sk for sk in hot_items(table, "user_1") if keys.is_customer_plan(sk)]
    assert len(plans) == 1
    assert left(call) == (100, 0)


def test_more_than_a_transaction_holds_is_refused_clearly(call: Call) -> None:
    """Sixty balances are too many to be moved at once; nothing happens to them."""
    for number in range(60):
        a_feature(call, f"f{number}")
        a_grant(call, 1, f"f{number}")

    body = {"customer_id": "user_1", "new_customer_id": "user_2"}
    answered = call("customers.update", body)
    assert (answered.status, answered.body["code"]) == (400, "invalid_request")
    assert len(call("customers.get", {"customer_id": "user_1"}).body["balances"]) == 61
