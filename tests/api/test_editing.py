"""Edits of balances: balances.update, .set_usage and .set, and what becomes of an edit."""

from collections.abc import Callable
from typing import Any
from unittest.mock import ANY

import pytest

from orchard.store.table import Table
from tests.builders import a_customer, a_feature, a_grant, a_plan, balance, left
from tests.conftest import START, Call, Clock
from tests.harness import Response

DAY = 86_400_000
NEXT_MONTH = 1_790_812_800_000


@pytest.fixture(autouse=True)
def _customer(call: Call) -> None:
    a_feature(call)
    a_feature(call, "users", consumable=False)
    a_feature(call, "dashboard", type="boolean")
    a_plan(call, "free", auto_enable=True)
    a_customer(call)


@pytest.fixture
def before(table: Table, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """`before(act)` lets a rival act once, right before the next write of one item."""

    def arrange(act: Callable[[], object]) -> None:
        real = table.client.update_item

        def call(**arguments: Any) -> Any:
            monkeypatch.setattr(table.client, "update_item", real)
            act()
            return real(**arguments)

        monkeypatch.setattr(table.client, "update_item", call)

    return arrange


def edit(call: Call, **fields: Any) -> Response:
    return call("balances.update", {"customer_id": "user_1", "feature_id": "messages", **fields})


def edited(call: Call, **fields: Any) -> tuple[float, float]:
    answered = edit(call, **fields)
    assert answered == (200, {"success": True, "change_id": ANY}, answered.headers)
    return left(call)


def track(call: Call, value: float) -> None:
    call("balances.track", {"customer_id": "user_1", "feature_id": "messages", "value": value})


def an_entity(call: Call, entity_id: str = "seat_1") -> None:
    body = {"customer_id": "user_1", "entity_id": entity_id, "feature_id": "users"}
    assert call("entities.create", body).status == 200


def a_flag(call: Call) -> None:
    body = {"customer_id": "user_1", "feature_id": "dashboard"}
    assert call("balances.create", body).status == 200


def version(call: Call, entity_id: str | None = None) -> int:
    """The version of the balance, as whoever reads the customer or the entity sees it."""
    if entity_id is None:
        seen = call("customers.get", {"customer_id": "user_1"}).body
    else:
        seen = call("entities.get", {"customer_id": "user_1", "entity_id": entity_id}).body
    found: int = seen["balances"]["messages"]["version"]
    return found


def seen_by(call: Call, entity_id: str) -> tuple[float, float]:
    body = {"customer_id": "user_1", "feature_id": "messages", "entity_id": entity_id}
    shown = call("balances.check", body).body["balance"]
    return shown["remaining"], shown["usage"]


class TestEdit:
    def test_remaining_sets_what_is_left_and_keeps_the_grant(self, call: Call) -> None:
        assert edited(call, remaining=80) == (80, 20)
        assert edited(call, remaining=120) == (120, -20)
        assert balance(call)["granted"] == 100
        assert edited(call, remaining=72.65) == (72.65, 27.35)

    def test_it_counts_from_what_was_used(self, call: Call) -> None:
        track(call, 30)

        assert [edited(call, remaining=to) for to in (50, 120, 0)] == [
            (50, 50),
            (120, -20),
            (0, 100),
        ]

    def test_a_negative_amount_overdraws(self, call: Call) -> None:
        assert edited(call, remaining=-50) == (0, 150)
        assert edited(call, add_to_balance=60) == (10, 90)

    def test_adding_moves_by_a_difference(self, call: Call) -> None:
        assert edited(call, add_to_balance=25) == (125, -25)
        assert edited(call, add_to_balance=-50) == (75, 25)

    def test_usage_sets_what_was_used(self, call: Call) -> None:
        assert edited(call, usage=40) == (60, 40)
        assert edited(call, usage=0) == (100, 0)

    def test_the_grant_changes_usage_and_not_what_is_left(self, call: Call) -> None:
        track(call, 30)

        for fields, usage in (
            ({"remaining": 50, "included_grant": 100}, 50),
            ({"remaining": 80, "included_grant": 150}, 70),
            ({"remaining": 100, "included_grant": 100}, 0),
        ):
            assert edited(call, **fields)[1] == usage

    def test_older_names_still_work(self, call: Call) -> None:
        assert edited(call, current_balance=80) == (80, 20)

    def test_several_sources_sum_to_the_target(self, call: Call) -> None:
        a_grant(call, 50, reset={"interval": "month"})
        a_grant(call, 200)

        assert edited(call, remaining=300) == (300, 50)
        assert edited(call, remaining=400) == (400, -50)
        assert sum(one["remaining"] for one in balance(call)["breakdown"]) == 400

    def test_an_unlimited_source_takes_an_edit(self, call: Call) -> None:
        call(
            "balances.create",
            {"customer_id": "user_1", "feature_id": "messages", "unlimited": True},
        )
        track(call, 30)

        edit(call, usage=10, balance_id=balance(call)["breakdown"][0]["id"])
        assert left(call) == (0, 10)

    def test_an_interval_selects_sources(self, call: Call) -> None:
        a_grant(call, 200)

        assert edited(call, remaining=50, interval="month") == (250, 50)
        assert edited(call, remaining=100, interval="one_off") == (150, 150)

    def test_a_balance_id_selects_a_source(self, call: Call) -> None:
        a_grant(call, 100, balance_id="a")
        a_grant(call, 200, balance_id="b")

        assert edited(call, remaining=50, balance_id="a")[0] == 350
        edited(call, included_grant=150, remaining=100, balance_id="a")
        shown = balance(call)
        assert (shown["granted"], shown["remaining"], shown["usage"]) == (450, 400, 50)

    def test_an_edit_ends_at_the_next_reset(self, call: Call, clock: Clock) -> None:
        edited(call, remaining=500, included_grant=500)
        clock.now = NEXT_MONTH

        assert left(call) == (100, 0)
        assert balance(call)["granted"] == 100

    def test_an_edit_of_a_lifetime_grant_stays(self, call: Call, clock: Clock) -> None:
        a_grant(call, 200, balance_id="life")
        edited(call, remaining=20, balance_id="life")
        clock.now = NEXT_MONTH

        assert left(call) == (120, 180)

    def test_a_new_reset_date_is_kept_to(self, call: Call, clock: Clock) -> None:
        reset_at = START + 10 * DAY
        edited(call, remaining=5, next_reset_at=reset_at)
        assert balance(call)["next_reset_at"] == reset_at

        clock.now = reset_at
        shown = balance(call)
        assert shown["remaining"] == 100
        assert shown["next_reset_at"] == reset_at + 30 * DAY

    def test_a_reset_date_in_the_past_resets_now(self, call: Call) -> None:
        track(call, 60)

        assert edited(call, next_reset_at=START - 1) == (100, 0)

    def test_an_expiry_ends_the_source(self, call: Call, clock: Clock) -> None:
        a_grant(call, 50, expires_at=START + DAY)
        edited(call, expires_at=START + 2 * DAY)
        clock.now = START + DAY
        assert left(call)[0] == 150

        clock.now = START + 2 * DAY
        assert left(call)[0] == 100

    @pytest.mark.parametrize(
        ("fields", "status", "code"),
        [
            ({"remaining": 1, "add_to_balance": 1}, 400, "invalid_inputs"),
            ({"remaining": 1, "usage": 1}, 400, "invalid_inputs"),
            ({"remaining": "1"}, 400, "invalid_inputs"),
            ({"included_grant": -1}, 400, "invalid_inputs"),
            ({"expires_at": START}, 400, "invalid_inputs"),
            ({"remaining": 1, "interval": "decade"}, 400, "invalid_inputs"),
            ({"remaining": 1, "interval": "hour"}, 404, "invalid_request"),
            ({"remaining": 1, "balance_id": "none"}, 404, "invalid_request"),
            ({"remaining": 1, "feature_id": "users"}, 404, "invalid_request"),
            ({"remaining": 1, "feature_id": "nothing"}, 404, "feature_not_found"),
            ({"remaining": 1, "customer_id": "nobody"}, 404, "customer_not_found"),
            ({"remaining": 1, "entity_id": "e1"}, 404, "entity_not_found"),
        ],
    )
    def test_a_wrong_edit_changes_nothing(
        self, call: Call, fields: dict[str, Any], status: int, code: str
    ) -> None:
        answered = edit(call, **fields)

        assert (answered.status, answered.body["code"]) == (status, code)
        assert left(call) == (100, 0)

    def test_a_lifetime_grant_has_no_reset_date(self, call: Call) -> None:
        a_grant(call, 50, balance_id="life")

        answered = edit(call, next_reset_at=START + DAY, balance_id="life")
        assert (answered.status, answered.body["code"]) == (400, "invalid_request")

    def test_a_flag_has_nothing_to_edit(self, call: Call) -> None:
        a_flag(call)

        answered = edit(call, feature_id="dashboard", remaining=1)
        assert (answered.status, answered.body["code"]) == (400, "invalid_request")

    def test_an_entity_edits_what_it_sees(self, call: Call) -> None:
        an_entity(call)
        an_entity(call, "seat_2")
        a_grant(call, 20, entity_id="seat_1", balance_id="own")

        assert edit(call, entity_id="seat_1", balance_id="own", remaining=5).status == 200
        assert seen_by(call, "seat_1") == (105, 15)
        assert seen_by(call, "seat_2") == (100, 0)

    def test_an_edit_leaves_no_event(self, call: Call) -> None:
        edited(call, remaining=5)

        assert call("events.list", {"customer_id": "user_1"}).body["list"] == []

    def test_a_repeated_request_edits_once(self, call: Call) -> None:
        body = {"customer_id": "user_1", "feature_id": "messages", "add_to_balance": 5}
        headers = {"idempotency-key": "once"}
        assert call("balances.update", body, headers=headers).status == 200

        again = call("balances.update", body, headers=headers)
        assert (again.status, again.body["code"]) == (409, "duplicate_idempotency_key")
        assert left(call) == (105, -5)


class TestIfVersion:
    def test_an_edit_of_what_was_seen_is_made(self, call: Call) -> None:
        assert edited(call, remaining=80, if_version=version(call)) == (80, 20)
        assert edited(call, remaining=70, if_version=version(call)) == (70, 30)

    @pytest.mark.parametrize(
        ("operation", "fields"),
        [
            ("balances.track", {"value": 1}),
            ("balances.update", {"add_to_balance": 1}),
            ("balances.create", {"included_grant": 1}),
        ],
    )
    def test_an_edit_of_what_changed_since_is_a_conflict(
        self, call: Call, operation: str, fields: dict[str, Any]
    ) -> None:
        seen = version(call)
        body = {"customer_id": "user_1", "feature_id": "messages", **fields}
        assert call(operation, body).status == 200
        held = left(call)

        answered = edit(call, remaining=80, if_version=seen)
        assert (answered.status, answered.body["code"]) == (409, "version_conflict")
        assert left(call) == held

    def test_usage_between_reading_and_writing_is_a_conflict(self, call: Call, before: Any) -> None:
        seen = version(call)
        before(lambda: track(call, 30))

        answered = edit(call, remaining=80, if_version=seen)
        assert (answered.status, answered.body["code"]) == (409, "version_conflict")
        assert left(call) == (70, 30)

    def test_an_entity_has_a_version_of_what_it_sees(self, call: Call) -> None:
        an_entity(call)
        an_entity(call, "seat_2")
        a_grant(call, 20, entity_id="seat_1", balance_id="own")
        a_grant(call, 20, entity_id="seat_2")
        seen = version(call, "seat_1")
        body = {"customer_id": "user_1", "feature_id": "messages", "value": 5}
        assert call("balances.track", {**body, "entity_id": "seat_2"}).status == 200

        first = edit(call, entity_id="seat_1", balance_id="own", remaining=5, if_version=seen)
        again = edit(call, entity_id="seat_1", balance_id="own", remaining=6, if_version=seen)
        assert (first.status, again.status) == (200, 409)
        assert seen_by(call, "seat_1") == (105, 15)

    @pytest.mark.parametrize("wrong", ["", "1.5", 1.5, None, True])
    def test_a_version_is_a_whole_number(self, call: Call, wrong: Any) -> None:
        answered = edit(call, remaining=80, if_version=wrong)

        if wrong is None:
            assert answered.status == 200
        else:
            assert (answered.status, answered.body["code"]) == (400, "invalid_inputs")
            assert left(call) == (100, 0)


class TestSetUsage:
    def set_usage(self, call: Call, value: Any, **fields: Any) -> Response:
        body = {"customer_id": "user_1", "feature_id": "messages", "value": value, **fields}
        return call("balances.set_usage", body)

    def test_usage_is_set(self, call: Call) -> None:
        track(call, 70)

        assert self.set_usage(call, 40).body["success"]
        assert left(call) == (60, 40)
        assert self.set_usage(call, 120).status == 200
        assert left(call) == (0, 120)

    def test_the_older_path_leads_to_it(self, call: Call) -> None:
        body = {"customer_id": "user_1", "feature_id": "messages", "value": 12.5}

        assert call("balances.set_usage", body, route="POST /v1/usage").status == 200
        assert left(call) == (87.5, 12.5)

    def test_a_customer_that_is_not_there_is_made_with_what_is_said_of_it(self, call: Call) -> None:
        data = {"name": "Ada", "email": "ada@example.com"}

        answered = self.set_usage(call, 30, customer_id="user_2", customer_data=data)
        assert answered.status == 200, answered
        made = call("customers.get", {"customer_id": "user_2"}).body
        assert (made["name"], made["email"]) == ("Ada", "ada@example.com")
        assert made["balances"]["messages"]["remaining"] == 70

    def test_of_a_customer_that_is_there_nothing_else_changes(self, call: Call) -> None:
        assert self.set_usage(call, 30, customer_data={"name": "Eve"}).status == 200

        assert call("customers.get", {"customer_id": "user_1"}).body["name"] is None

    def test_an_entity_sets_what_it_used(self, call: Call) -> None:
        an_entity(call)
        a_grant(call, 50, entity_id="seat_1")

        assert self.set_usage(call, 30, entity_id="seat_1").status == 200
        assert seen_by(call, "seat_1") == (120, 30)

    def test_a_repetition_for_a_new_customer_is_known(self, call: Call) -> None:
        body = {"customer_id": "user_2", "feature_id": "messages", "value": 5}
        headers = {"idempotency-key": "once"}
        assert call("balances.set_usage", body, headers=headers).status == 200

        assert call("balances.set_usage", body, headers=headers).status == 409

    @pytest.mark.parametrize(
        ("fields", "status", "code"),
        [
            ({"value": "5"}, 400, "invalid_inputs"),
            ({"value": None}, 400, "invalid_inputs"),
            ({"customer_id": "a b"}, 400, "invalid_inputs"),
            ({"customer_data": {"email": "none"}}, 400, "invalid_inputs"),
            ({"feature_id": "nothing"}, 404, "feature_not_found"),
            ({"feature_id": "nothing", "customer_id": "user_2"}, 404, "feature_not_found"),
            ({"feature_id": "users"}, 404, "invalid_request"),
            ({"entity_id": "nobody"}, 404, "entity_not_found"),
        ],
    )
    def test_a_wrong_request_changes_nothing(
        self, call: Call, fields: dict[str, Any], status: int, code: str
    ) -> None:
        answered = self.set_usage(call, **{"value": 5, **fields})

        assert (answered.status, answered.body["code"]) == (status, code)
        assert left(call) == (100, 0)
        assert call("customers.get", {"customer_id": "user_2"}).status == 404

    def test_a_flag_has_no_usage(self, call: Call) -> None:
        a_flag(call)

        answered = self.set_usage(call, 5, feature_id="dashboard")
        assert (answered.status, answered.body["code"]) == (400, "invalid_request")


class TestSet:
    def set(self, call: Call, *balances: Any, **fields: Any) -> Response:
        wanted = [{"feature_id": name, "balance": amount} for name, amount in balances]
        return call("balances.set", {"customer_id": "user_1", "balances": wanted, **fields})

    def test_what_is_left_is_set_and_granted_alike(self, call: Call) -> None:
        track(call, 30)

        assert self.set(call, ("messages", 100)).body["success"]
        shown = balance(call)
        assert (shown["granted"], shown["remaining"], shown["usage"]) == (130, 100, 30)
        assert self.set(call, ("messages", 0)).status == 200
        shown = balance(call)
        assert (shown["granted"], shown["remaining"], shown["usage"]) == (30, 0, 30)

    def test_several_sources_hold_it_together(self, call: Call) -> None:
        a_grant(call, 200)
        track(call, 120)

        assert self.set(call, ("messages", 50)).status == 200
        shown = balance(call)
        assert (shown["granted"], shown["remaining"], shown["usage"]) == (170, 50, 120)

    def test_several_features_are_one_change(self, call: Call) -> None:
        a_grant(call, 5, "users")

        assert self.set(call, ("messages", 50), ("users", 9)).status == 200
        assert (left(call), left(call, "users")) == ((50, 0), (9, 0))
        assert self.set(call, ("messages", 1), ("nothing", 2)).status == 404
        assert self.set(call, ("messages", 1), ("dashboard", 2)).status == 404
        assert left(call) == (50, 0)

    def test_the_older_path_leads_to_it(self, call: Call) -> None:
        answered = call(
            "balances.set",
            {"balances": [{"feature_id": "messages", "balance": 20}]},
            route="POST /v1/customers/{customer_id}/balances",
            path={"customer_id": "user_1"},
        )

        assert answered.status == 200, answered
        assert left(call) == (20, 0)

    def test_an_entity_has_what_it_sees_set(self, call: Call) -> None:
        an_entity(call)
        a_grant(call, 20, entity_id="seat_1")

        assert self.set(call, ("messages", 150), entity_id="seat_1").status == 200
        assert seen_by(call, "seat_1") == (150, 0)

    def test_it_ends_at_the_next_reset(self, call: Call, clock: Clock) -> None:
        assert self.set(call, ("messages", 20)).status == 200
        clock.now = NEXT_MONTH

        assert left(call) == (100, 0)

    @pytest.mark.parametrize(
        ("fields", "status", "code"),
        [
            ({"balances": []}, 400, "invalid_inputs"),
            ({"balances": [{"feature_id": "messages"}]}, 400, "invalid_inputs"),
            (
                {"balances": [{"feature_id": "messages", "balance": 1}] * 2},
                400,
                "invalid_inputs",
            ),
            ({"balances": None}, 400, "invalid_inputs"),
            ({"customer_id": "nobody"}, 404, "customer_not_found"),
            ({"entity_id": "nobody"}, 404, "entity_not_found"),
            ({"balances": [{"feature_id": "users", "balance": 1}]}, 404, "invalid_request"),
            ({"balances": [{"feature_id": "nothing", "balance": 1}]}, 404, "feature_not_found"),
        ],
    )
    def test_a_wrong_request_changes_nothing(
        self, call: Call, fields: dict[str, Any], status: int, code: str
    ) -> None:
        given = {"balances": [{"feature_id": "messages", "balance": 1}]}
        answered = call("balances.set", {"customer_id": "user_1", **given, **fields})

        assert (answered.status, answered.body["code"]) == (status, code)
        assert left(call) == (100, 0)

    def test_a_flag_has_nothing_to_set(self, call: Call) -> None:
        a_flag(call)

        answered = self.set(call, ("dashboard", 5))
        assert (answered.status, answered.body["code"]) == (400, "invalid_request")
