"""Removing balances, and levelling them: balances.delete, .recalculate, .preview_recalculate."""

from collections.abc import Callable
from typing import Any
from unittest.mock import ANY

import pytest

from orchard.store import keys
from orchard.store.table import Table
from tests.builders import (
    a_customer,
    a_feature,
    a_grant,
    a_plan,
    balance,
    left,
    lifetime,
    monthly,
)
from tests.conftest import START, TENANT, Call, Clock
from tests.harness import Response

HOUR, DAY = 3_600_000, 86_400_000
NEXT_MONTH = 1_790_812_800_000


@pytest.fixture(autouse=True)
def _customer(call: Call) -> None:
    a_feature(call)
    a_feature(call, "words")
    a_feature(call, "users", consumable=False)
    a_feature(call, "dashboard", type="boolean")
    a_customer(call)


@pytest.fixture
def before(table: Table, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """`before(act)` lets a rival act once, right before the next transaction."""

    def arrange(act: Callable[[], object]) -> None:
        real = table.client.transact_write_items

        def call(**arguments: Any) -> Any:
            monkeypatch.setattr(table.client, "transact_write_items", real)
            act()
            return real(**arguments)

        monkeypatch.setattr(table.client, "transact_write_items", call)

    return arrange


def delete(call: Call, **fields: Any) -> Response:
    return call("balances.delete", {"customer_id": "user_1", "feature_id": "messages", **fields})


def done(answered: Response) -> None:
    assert (answered.status, answered.body) == (200, {"success": True, "change_id": ANY})


def failed(answered: Response, status: int, code: str) -> None:
    assert (answered.status, answered.body["code"]) == (status, code), answered


def use(call: Call, value: float, **fields: Any) -> None:
    body = {"customer_id": "user_1", "feature_id": "messages", "value": value, **fields}
    assert call("balances.track", body).status == 200


def edit(call: Call, **fields: Any) -> None:
    done(call("balances.update", {"customer_id": "user_1", "feature_id": "messages", **fields}))


def an_entity(call: Call, entity_id: str = "seat_1") -> None:
    body = {"customer_id": "user_1", "entity_id": entity_id, "feature_id": "users"}
    assert call("entities.create", body).status == 200


def two(call: Call, used: float) -> None:
    """Two grants that never reset: the first pays first."""
    a_grant(call, 100, balance_id="a", expires_at=START + 900 * DAY)
    a_grant(call, 200, balance_id="b")
    use(call, used)


def sources(call: Call, entity_id: str | None = None) -> dict[str, float]:
    """What is left of each source by its plan or its name, overdrafts below zero."""
    body = {"customer_id": "user_1", "feature_id": "messages"}
    body |= {} if entity_id is None else {"entity_id": entity_id}
    shown = call("balances.check", body).body["balance"]
    found = shown["breakdown"] if shown else []
    granted = [one["included_grant"] + one["prepaid_grant"] for one in found]
    return {
        one["plan_id"] or one["id"]: amount - one["usage"]
        for one, amount in zip(found, granted, strict=True)
    }


class TestDelete:
    def test_a_source_goes_with_its_usage(self, call: Call) -> None:
        two(call, 40)

        done(delete(call, balance_id="a"))

        assert sources(call) == {"b": 200}

    def test_its_usage_may_stay_and_be_taken_from_the_others(self, call: Call) -> None:
        two(call, 40)

        done(delete(call, balance_id="a", recalculate_balances=True))

        assert left(call) == (160, 40)

    def test_the_others_may_be_overdrawn_by_it(self, call: Call) -> None:
        two(call, 250)

        done(delete(call, balance_id="b", recalculate_balances=True))

        assert sources(call) == {"a": -150}

    def test_more_than_was_used_is_not_given_away(self, call: Call) -> None:
        """An edit may leave a source with more than it granted: that goes with the source."""
        two(call, 0)
        edit(call, balance_id="a", remaining=130)

        done(delete(call, balance_id="a", recalculate_balances=True))

        assert left(call) == (200, 0)

    def test_the_usage_of_the_last_source_stays_as_a_debt(self, call: Call, clock: Clock) -> None:
        a_grant(call, 100, balance_id="a", reset={"interval": "month"})
        use(call, 40)

        done(delete(call, recalculate_balances=True))

        shown = balance(call)
        assert (shown["granted"], shown["remaining"], shown["usage"]) == (0, 0, 40)
        assert shown["next_reset_at"] is None
        clock.now = NEXT_MONTH + 90 * DAY
        assert left(call) == (0, 40)
        a_grant(call, 60)
        assert left(call) == (60, 40)

    def test_all_sources_together_leave_one_debt(self, call: Call) -> None:
        two(call, 130)

        done(delete(call, recalculate_balances=True))

        assert sources(call) == {"a": -130}

    def test_a_source_that_nobody_used_leaves_no_debt(self, call: Call) -> None:
        two(call, 0)

        done(delete(call, recalculate_balances=True))

        assert balance(call) is None

    def test_a_credit_system_bears_nothing_of_a_feature_that_is_removed(self, call: Call) -> None:
        schema = [{"metered_feature_id": "messages", "credit_cost": 0.5}]
        a_feature(call, "credits", type="credit_system", credit_schema=schema)
        a_grant(call, 50, "credits")
        a_grant(call, 100, balance_id="a")
        use(call, 40)

        done(delete(call, recalculate_balances=True))

        assert balance(call, "credits")["remaining"] == 50

    def test_filters_are_all_to_hold(self, call: Call) -> None:
        two(call, 0)
        a_grant(call, 30, balance_id="c", reset={"interval": "month"})

        failed(delete(call, balance_id="a", interval="month"), 404, "invalid_request")
        done(delete(call, interval="month"))
        assert sources(call) == {"a": 100, "b": 200}
        done(delete(call, interval="one_off"))
        assert balance(call) is None

    def test_without_a_feature_balances_of_all_are_meant(self, call: Call) -> None:
        two(call, 0)
        a_grant(call, 5, "words", balance_id="w")

        done(call("balances.delete", {"customer_id": "user_1", "balance_id": "w"}))
        assert balance(call, "words") is None
        assert left(call) == (300, 0)
        done(call("balances.delete", {"customer_id": "user_1"}))
        assert call("customers.get", {"customer_id": "user_1"}).body["balances"] == {}

    def test_a_source_is_known_by_its_own_id_too(self, call: Call) -> None:
        a_grant(call, 100)
        (source,) = balance(call)["breakdown"]

        done(delete(call, balance_id=source["id"]))
        assert balance(call) is None

    def test_a_part_of_a_plan_may_go(self, call: Call) -> None:
        a_plan(call, "pack", monthly("messages", 50), lifetime("words", 9), add_on=True)
        assert call("billing.attach", {"customer_id": "user_1", "plan_id": "pack"}).status == 200

        done(delete(call, interval="month"))
        assert balance(call) is None
        assert balance(call, "words")["remaining"] == 9
        held = call("customers.get", {"customer_id": "user_1"}).body["subscriptions"]
        assert [one["plan_id"] for one in held] == ["pack"]

    def test_a_flag_can_be_removed_and_given_again(self, call: Call) -> None:
        body = {"customer_id": "user_1", "feature_id": "dashboard"}
        assert call("balances.create", body).status == 200

        done(delete(call, feature_id="dashboard"))
        assert call("balances.check", body).body["allowed"] is False
        assert call("balances.create", body).status == 200

    def test_a_name_is_free_again(self, call: Call) -> None:
        a_grant(call, 100, balance_id="a")
        done(delete(call, balance_id="a"))

        a_grant(call, 30, balance_id="a")
        assert left(call) == (30, 0)

    def test_the_history_says_who_removed_it_and_why(self, call: Call, table: Table) -> None:
        a_grant(call, 100)

        done(delete(call, reason="Given by mistake"))

        item = table.get(keys.balance(TENANT, "user_1", "messages"))
        assert item is not None
        last = item["last"]
        assert (last["kind"], last["by"], last["reason"]) == (
            "delete_balance",
            "key:tests",
            "Given by mistake",
        )

    def test_a_repeated_request_is_known(self, call: Call) -> None:
        two(call, 0)
        body = {"customer_id": "user_1", "balance_id": "a"}
        headers = {"idempotency-key": "once"}
        done(call("balances.delete", body, headers=headers))

        failed(call("balances.delete", body, headers=headers), 409, "duplicate_idempotency_key")

    @pytest.mark.parametrize(
        ("fields", "status", "code"),
        [
            ({"recalculate_balances": True, "feature_id": None}, 400, "invalid_inputs"),
            ({"recalculate_balances": "yes"}, 400, "invalid_inputs"),
            ({"interval": "decade"}, 400, "invalid_inputs"),
            ({"customer_id": None}, 400, "invalid_inputs"),
            ({"reason": "x" * 1001}, 400, "invalid_inputs"),
            ({"balance_id": "none"}, 404, "invalid_request"),
            ({"interval": "hour"}, 404, "invalid_request"),
            ({"feature_id": "words"}, 404, "invalid_request"),
            ({"feature_id": "nothing"}, 404, "feature_not_found"),
            ({"customer_id": "nobody"}, 404, "customer_not_found"),
            ({"entity_id": "nobody"}, 404, "entity_not_found"),
        ],
    )
    def test_a_wrong_request_removes_nothing(
        self, call: Call, fields: dict[str, Any], status: int, code: str
    ) -> None:
        two(call, 40)

        failed(delete(call, **fields), status, code)
        assert left(call) == (260, 40)

    def test_recalculating_needs_a_feature(self, call: Call) -> None:
        answered = delete(call, feature_id=None, recalculate_balances=True)

        assert answered.body["message"] == "feature_id: is required with recalculate_balances"


class TestDeleteOfEntities:
    def test_an_entity_loses_its_own_and_keeps_what_it_shares(self, call: Call) -> None:
        an_entity(call)
        a_grant(call, 100, balance_id="all")
        a_grant(call, 20, balance_id="own", entity_id="seat_1")

        failed(delete(call, entity_id="seat_1", balance_id="all"), 404, "invalid_request")
        done(delete(call, entity_id="seat_1"))
        assert sources(call, "seat_1") == {"all": 100}

    def test_its_usage_is_not_charged_to_what_it_shares(self, call: Call) -> None:
        an_entity(call)
        a_grant(call, 100, balance_id="all")
        a_grant(call, 20, balance_id="own", entity_id="seat_1")
        use(call, 5, entity_id="seat_1")

        done(delete(call, entity_id="seat_1", recalculate_balances=True))
        assert sources(call) == {"all": 100}
        assert sources(call, "seat_1") == {"own": -5, "all": 100}

    def test_what_each_entity_got_goes_for_all_and_for_new_ones(self, call: Call) -> None:
        each = {**monthly("messages", 30), "entity_feature_id": "users"}
        a_plan(call, "each", each, add_on=True)
        assert call("billing.attach", {"customer_id": "user_1", "plan_id": "each"}).status == 200
        an_entity(call)
        an_entity(call, "seat_2")
        use(call, 10, entity_id="seat_1")

        done(delete(call))
        an_entity(call, "seat_3")
        assert [sources(call, f"seat_{number}") for number in (1, 2, 3)] == [{}, {}, {}]

    def test_what_one_entity_got_of_it_can_go_alone(self, call: Call) -> None:
        each = {**monthly("messages", 30), "entity_feature_id": "users"}
        a_plan(call, "each", each, add_on=True)
        assert call("billing.attach", {"customer_id": "user_1", "plan_id": "each"}).status == 200
        an_entity(call)
        an_entity(call, "seat_2")

        done(delete(call, entity_id="seat_1"))
        assert sources(call, "seat_1") == {}
        assert list(sources(call, "seat_2").values()) == [30]


class TestDeleteAmongRivals:
    def test_usage_beside_a_removal_is_taken_from_what_stays(self, call: Call, before: Any) -> None:
        two(call, 40)
        before(lambda: use(call, 25))

        done(delete(call, balance_id="a", recalculate_balances=True))
        assert left(call) == (135, 65)

    def test_a_source_is_removed_once(self, call: Call, before: Any) -> None:
        two(call, 40)
        before(lambda: done(delete(call, balance_id="a", recalculate_balances=True)))

        failed(delete(call, balance_id="a", recalculate_balances=True), 404, "invalid_request")
        assert left(call) == (160, 40)

    def test_a_new_customer_of_the_same_id_loses_nothing(self, call: Call, before: Any) -> None:
        a_grant(call, 100, balance_id="a")

        def rival() -> None:
            call("customers.delete", {"customer_id": "user_1"})
            a_customer(call)
            a_grant(call, 7, balance_id="new")

        before(rival)

        failed(delete(call, balance_id="a"), 404, "invalid_request")
        assert sources(call) == {"new": 7}


class TestRecalculate:
    def recalculate(self, call: Call, **fields: Any) -> Response:
        body = {"customer_id": "user_1", "feature_id": "messages", **fields}
        return call("balances.recalculate", body)

    def preview(self, call: Call, **fields: Any) -> Any:
        body = {"customer_id": "user_1", "feature_id": "messages", **fields}
        answered = call("balances.preview_recalculate", body)
        assert answered.status == 200, answered
        return answered.body

    def overdrawn(self, call: Call) -> None:
        """Plan a owes 30 while b has 150 of its 200 left."""
        self.levels(call, -30, 150)

    def levels(self, call: Call, first: float, second: float) -> None:
        for plan, item in (("a", monthly("messages", 100)), ("b", lifetime("messages", 200))):
            a_plan(call, plan, item, add_on=True)
            body = {"customer_id": "user_1", "plan_id": plan}
            assert call("billing.attach", body).status == 200
        edit(call, interval="month", remaining=first)
        edit(call, interval="one_off", remaining=second)

    def test_what_one_owes_is_paid_by_the_others(self, call: Call) -> None:
        self.overdrawn(call)
        assert left(call) == (150, 180)

        done(self.recalculate(call))

        assert sources(call) == {"a": 0, "b": 120}
        assert left(call) == (120, 180)

    def test_the_preview_tells_what_would_become_and_changes_nothing(self, call: Call) -> None:
        self.overdrawn(call)
        told = self.preview(call)

        assert told["total_usage"] == 180
        changes = [
            (one["before_remaining"], one["after_remaining"]) for one in told["entitlements"]
        ]
        assert changes == [(-30, 0), (150, 120)]
        ids = [one["customer_entitlement_id"] for one in told["entitlements"]]
        assert all(one.startswith("cus_ent_") for one in ids)
        assert len(set(ids)) == 2
        assert sources(call) == {"a": -30, "b": 150}

    def test_more_than_there_is_stays_a_debt_of_the_first(self, call: Call) -> None:
        self.levels(call, -300, 200)

        done(self.recalculate(call))

        assert sources(call) == {"a": -100, "b": 0}
        assert self.preview(call)["total_usage"] == 400

    def test_granted_by_an_edit_ends_with_it(self, call: Call) -> None:
        """All start anew with what was granted at first; the sum that is left stays."""
        self.overdrawn(call)
        edit(call, interval="one_off", included_grant=500)

        done(self.recalculate(call))

        shown = balance(call)
        assert (shown["granted"], shown["remaining"], shown["usage"]) == (300, 120, 180)

    @pytest.mark.parametrize(("first", "second"), [(60, 150), (-5, -30), (0, 150), (0, -5)])
    def test_nothing_changes_unless_one_owes_while_another_has(
        self, call: Call, first: float, second: float
    ) -> None:
        self.levels(call, first, second)

        done(self.recalculate(call))

        assert sources(call) == {"a": first, "b": second}
        told = self.preview(call)
        assert told["total_usage"] == 300 - first - second
        assert all(
            one["before_remaining"] == one["after_remaining"] for one in told["entitlements"]
        )

    def test_only_sources_of_an_interval_may_be_meant(self, call: Call) -> None:
        self.overdrawn(call)
        a_grant(call, 40, reset={"interval": "month"}, balance_id="m")

        done(self.recalculate(call, interval="one_off"))
        assert sources(call) == {"a": -30, "m": 40, "b": 150}
        done(self.recalculate(call, interval="month"))
        assert sources(call) == {"a": 10, "b": 150}

    def test_the_customer_and_its_entities_are_levelled_apart(self, call: Call) -> None:
        an_entity(call)
        a_grant(call, 10, balance_id="all")
        a_grant(call, 20, balance_id="own", entity_id="seat_1", expires_at=START + DAY)
        a_grant(call, 50, balance_id="more", entity_id="seat_1")
        edit(call, balance_id="own", entity_id="seat_1", remaining=-5)

        done(self.recalculate(call))
        assert sources(call, "seat_1") == {"own": -5, "more": 50, "all": 10}
        done(self.recalculate(call, entity_id="seat_1"))
        assert sources(call, "seat_1") == {"more": 45, "all": 10}

    def test_usage_beside_it_counts(
        self, call: Call, table: Table, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.overdrawn(call)
        real = table.client.update_item

        def rival(**arguments: Any) -> Any:
            monkeypatch.setattr(table.client, "update_item", real)
            use(call, 20)
            return real(**arguments)

        monkeypatch.setattr(table.client, "update_item", rival)

        done(self.recalculate(call))
        assert left(call) == (100, 200)

    @pytest.mark.parametrize(
        "route",
        ["POST /v1/balances/recalculate", "POST /v1/balances.recalculate"],
    )
    def test_the_older_path_leads_to_it(self, call: Call, route: str) -> None:
        self.overdrawn(call)
        body = {"customer_id": "user_1", "feature_id": "messages"}

        done(call("balances.recalculate", body, route=route))
        assert left(call) == (120, 180)

    @pytest.mark.parametrize("operation", ["balances.recalculate", "balances.preview_recalculate"])
    @pytest.mark.parametrize(
        ("fields", "status", "code"),
        [
            ({"feature_id": None}, 400, "invalid_inputs"),
            ({"customer_id": None}, 400, "invalid_inputs"),
            ({"interval": "decade"}, 400, "invalid_inputs"),
            ({"feature_id": "words"}, 404, "invalid_request"),
            ({"interval": "hour"}, 404, "invalid_request"),
            ({"feature_id": "nothing"}, 404, "feature_not_found"),
            ({"customer_id": "nobody"}, 404, "customer_not_found"),
            ({"entity_id": "nobody"}, 404, "entity_not_found"),
        ],
    )
    def test_a_wrong_request_changes_nothing(
        self, call: Call, operation: str, fields: dict[str, Any], status: int, code: str
    ) -> None:
        self.overdrawn(call)
        body = {"customer_id": "user_1", "feature_id": "messages", **fields}

        failed(call(operation, body), status, code)
        assert sources(call) == {"a": -30, "b": 150}
