"""balances.check and .track: the tables of the specification that need one feature."""

from typing import Any

import pytest

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
from tests.conftest import START, Call, Clock

DAY = 86_400_000


@pytest.fixture(autouse=True)
def _features(call: Call) -> None:
    a_feature(call)
    a_feature(call, "users", consumable=False)
    a_feature(call, "dashboard", type="boolean")


def customer_with(call: Call, *items: dict[str, Any], **fields: Any) -> None:
    a_plan(call, "free", *items, auto_enable=True, **fields)
    a_customer(call)


def track(call: Call, value: float | None = None, feature_id: str = "messages", **more: Any) -> Any:
    body = {"customer_id": "user_1", "feature_id": feature_id, **more}
    if value is not None:
        body["value"] = value
    answered = call("balances.track", body)
    assert answered.status == 200, answered
    return answered.body


def check(call: Call, feature_id: str = "messages", **more: Any) -> Any:
    answered = call("balances.check", {"customer_id": "user_1", "feature_id": feature_id, **more})
    assert answered.status == 200, answered
    return answered.body


class TestTrack:
    def test_without_a_value_it_counts_one(self, call: Call) -> None:
        customer_with(call)

        answered = track(call)
        assert answered["value"] == 1
        assert left(call) == (99, 1)

    def test_fractions_are_exact(self, call: Call) -> None:
        customer_with(call)

        for value in (23.47, 0.1, 0.2):
            track(call, value)
        assert left(call) == (76.23, 23.77)

    def test_a_boolean_feature_is_recorded_and_not_used_up(self, call: Call) -> None:
        customer_with(call, {"feature_id": "dashboard"})

        answered = track(call, feature_id="dashboard")
        assert (answered["balance"], answered["value"], answered["deductions"]) == (None, 1, [])
        assert check(call, "dashboard")["flag"]["plan_id"] == "free"

    def test_unlimited_counts_usage(self, call: Call) -> None:
        customer_with(call, {"feature_id": "messages", "unlimited": True})
        track(call, 1)

        shown = balance(call)
        assert (shown["unlimited"], shown["granted"], shown["remaining"]) == (True, 0, 0)
        assert (shown["usage"], shown["next_reset_at"], len(shown["breakdown"])) == (1, None, 1)
        assert check(call, required_balance=10**9)["allowed"] is True

    def test_without_a_balance_only_the_event_remains(self, call: Call) -> None:
        a_customer(call)

        for value in (1, 2, 3):
            answered = track(call, value)
            assert (answered["balance"], answered["deductions"]) == (None, [])
        assert check(call)["balance"] is None
        assert call("customers.get", {"customer_id": "user_1"}).body["balances"] == {}

    def test_what_does_not_fit_is_dropped(self, call: Call) -> None:
        customer_with(call)

        answered = track(call, 150)
        assert (answered["value"], answered["deductions"][0]["value"]) == (150, 100)
        assert left(call) == (0, 100)
        assert track(call, 5)["deductions"] == []

    def test_reject_takes_all_or_nothing(self, call: Call) -> None:
        customer_with(call)
        body = {
            "customer_id": "user_1",
            "feature_id": "messages",
            "value": 101,
            "overage_behavior": "reject",
        }

        answered = call("balances.track", body)
        assert (answered.status, answered.body["code"]) == (400, "insufficient_balance")
        assert answered.body["message"] == (
            "Insufficient balance to deduct 101 from feature messages"
        )
        assert left(call) == (100, 0)
        assert call("balances.track", {**body, "value": 100}).status == 200

    def test_overflow_goes_below_zero(self, call: Call) -> None:
        customer_with(call)
        track(call, 150, overage_behavior="overflow")

        assert left(call) == (0, 150)
        assert check(call)["allowed"] is False
        track(call, 10)
        assert left(call) == (0, 150)

    def test_a_refund_stops_at_what_was_granted(self, call: Call) -> None:
        customer_with(call)

        seen = []
        for value in (30, -10, -50):
            track(call, value)
            seen.append(left(call))
        assert seen == [(70, 30), (80, 20), (100, 0)]
        assert track(call, -37.89)["deductions"] == []

    def test_a_refund_that_overflows_goes_above_what_was_granted(self, call: Call) -> None:
        customer_with(call)
        track(call, 30)
        track(call, -50, overage_behavior="overflow")

        assert left(call) == (120, -20)

    def test_a_refund_stops_at_the_edited_grant(self, call: Call) -> None:
        customer_with(call)
        body = {"customer_id": "user_1", "feature_id": "messages"}
        call("balances.update", {**body, "remaining": 10, "included_grant": 10})
        track(call, 5)
        track(call, -100)

        assert left(call) == (10, 0)

    def test_free_seats_may_be_overdrawn(self, call: Call) -> None:
        customer_with(call, lifetime("users", 5))

        seen = []
        for value in (8, -2, -2, -20):
            track(call, value, "users")
            seen.append(left(call, "users"))
        assert seen == [(0, 8), (0, 6), (1, 4), (5, 0)]
        assert balance(call, "users")["breakdown"][0]["reset"] is None

    def test_free_seats_that_must_fit_stop_at_zero(self, call: Call) -> None:
        customer_with(call, lifetime("users", 5))
        body = {"customer_id": "user_1", "feature_id": "users", "value": 6}

        answered = call("balances.track", {**body, "overage_behavior": "reject"})
        assert answered.status == 400
        assert left(call, "users") == (5, 0)

    def test_each_source_that_paid_is_named(self, call: Call) -> None:
        customer_with(call)
        a_grant(call, 50, balance_id="promo")

        paid = track(call, 120)["deductions"]
        assert [(one["plan_id"], one["value"]) for one in paid] == [("free", 100), (None, 20)]
        assert paid[0]["reset"] == {"interval": "month", "resets_at": 1_790_812_800_000}
        assert paid[1]["reset"] == {"interval": "one_off", "resets_at": None}
        assert all(one["balance_id"].startswith("cus_ent_") for one in paid)

    def test_every_feature_that_counts_an_event_is_tracked(self, call: Call) -> None:
        a_feature(call, "emails", event_names=["sent"])
        a_feature(call, "credits", event_names=["sent", "other"])
        customer_with(call, monthly("emails", 10), monthly("credits", 5))
        body = {"customer_id": "user_1", "event_name": "sent", "value": 4}

        answered = call("balances.track", body).body
        assert answered["event_name"] == "sent"
        assert answered["balance"] is None
        assert sorted(answered["balances"]) == ["credits", "emails"]
        assert (left(call, "emails"), left(call, "credits")) == ((6, 4), (1, 4))
        alone = call("balances.track", {**body, "event_name": "other"}).body
        assert alone["balance"]["feature_id"] == "credits"
        assert "balances" not in alone

    @pytest.mark.parametrize(
        ("body", "status", "code"),
        [
            ({"feature_id": "nothing"}, 404, "feature_not_found"),
            ({"feature_id": "messages", "customer_id": "nobody"}, 404, "customer_not_found"),
            ({"feature_id": "messages", "entity_id": "e1"}, 404, "entity_not_found"),
            ({"event_name": "nothing"}, 404, "invalid_request"),
            ({"event_name": "x", "overage_behavior": "reject"}, 400, "invalid_request"),
            ({}, 400, "invalid_inputs"),
            ({"feature_id": "messages", "event_name": "x"}, 400, "invalid_inputs"),
            ({"feature_id": "messages", "overage_behavior": "stop"}, 400, "invalid_inputs"),
            ({"feature_id": "messages", "value": 1e16}, 400, "invalid_inputs"),
            ({"feature_id": "messages", "value": None}, 400, "invalid_inputs"),
            ({"feature_id": "messages", "timestamp": 0}, 400, "invalid_inputs"),
            ({"feature_id": "messages", "timestamp": START + 1}, 400, "invalid_inputs"),
            ({"feature_id": "messages", "timestamp": 1.5}, 400, "invalid_inputs"),
            ({"feature_id": "messages", "properties": [1]}, 400, "invalid_inputs"),
            ({"feature_id": "messages", "properties": {"a": "x" * 10_000}}, 400, "invalid_inputs"),
        ],
    )
    def test_a_wrong_request_says_what_is_wrong(
        self, call: Call, body: dict[str, Any], status: int, code: str
    ) -> None:
        customer_with(call)
        answered = call("balances.track", {"customer_id": "user_1", **body})

        assert (answered.status, answered.body["code"]) == (status, code)
        assert left(call) == (100, 0)


class TestOrder:
    def test_sooner_expiry_pays_first(self, call: Call) -> None:
        a_customer(call)
        a_grant(call, 100, expires_at=START + 365 * DAY, balance_id="late")
        a_grant(call, 100, expires_at=START + 30 * DAY, balance_id="soon")
        track(call, 60)

        shown = {one["id"]: one["remaining"] for one in balance(call)["breakdown"]}
        assert shown == {"soon": 40, "late": 100}

    def test_what_resets_pays_before_what_lasts(self, call: Call) -> None:
        customer_with(call, monthly("messages", 500))
        a_plan(call, "addon", lifetime("messages", 200), add_on=True)
        call("billing.attach", {"customer_id": "user_1", "plan_id": "addon"})

        seen = []
        for value in (100, 450):
            track(call, value)
            seen.append([one["remaining"] for one in balance(call)["breakdown"]])
        assert seen == [[400, 200], [0, 150]]

    def test_shorter_intervals_pay_first_and_a_plan_before_a_grant(self, call: Call) -> None:
        customer_with(call, monthly("messages", 10))
        a_grant(call, 50)
        a_grant(call, 5, reset={"interval": "hour"})

        track(call, 7)
        assert [one["remaining"] for one in balance(call)["breakdown"]] == [8, 50]

    def test_older_grants_pay_first(self, call: Call, clock: Clock) -> None:
        a_customer(call)
        a_grant(call, 100, balance_id="old")
        clock.advance(seconds=1)
        a_grant(call, 50, balance_id="new")
        track(call, 120)

        assert left(call) == (30, 20)
        assert [one["id"] for one in balance(call)["breakdown"]] == ["new"]


class TestCheck:
    def test_a_feature_that_is_not_granted(self, call: Call) -> None:
        a_customer(call)

        answered = check(call)
        assert answered.pop("check_id").startswith("chk_")
        assert answered == {
            "allowed": False,
            "customer_id": "user_1",
            "required_balance": 1,
            "balance": None,
            "flag": None,
        }

    def test_a_flag(self, call: Call) -> None:
        customer_with(call, {"feature_id": "dashboard"})

        shown = check(call, "dashboard", expand=["flag.feature"])
        assert (shown["allowed"], shown["balance"]) == (True, None)
        assert shown["flag"]["feature_id"] == "dashboard"
        assert shown["flag"]["feature"]["type"] == "boolean"

    @pytest.mark.parametrize(
        ("required", "allowed"), [(100, True), (100.01, False), (0, True), (-5, True)]
    )
    def test_what_is_required_must_remain(
        self, call: Call, required: float, *, allowed: bool
    ) -> None:
        customer_with(call)

        assert check(call, required_balance=required)["allowed"] is allowed
        assert left(call) == (100, 0)

    def test_with_send_event_it_uses_what_it_checks(self, call: Call) -> None:
        customer_with(call, monthly("messages", 1000))

        first = check(call, required_balance=150, send_event=True)
        assert (first["allowed"], first["balance"]["remaining"]) == (True, 850)
        second = check(call, required_balance=900, send_event=True)
        assert (second["allowed"], second["balance"]["remaining"]) == (False, 850)

    def test_giving_back_is_always_allowed(self, call: Call) -> None:
        customer_with(call)
        track(call, 10)

        for _ in range(2):
            shown = check(call, required_balance=-8, send_event=True)
            assert shown["allowed"] is True
        assert left(call) == (100, 0)
        body = {"customer_id": "user_1", "feature_id": "messages", "value": -5}
        refund = call("balances.track", {**body, "overage_behavior": "reject"})
        assert (refund.status, refund.body["deductions"]) == (200, [])

    def test_the_older_name_of_what_is_required_counts(self, call: Call) -> None:
        customer_with(call)

        shown = check(call, required_quantity=101)
        assert (shown["allowed"], shown["required_balance"]) == (False, 101)

    def test_seats_stop_at_zero_with_send_event(self, call: Call) -> None:
        customer_with(call, lifetime("users", 5))

        answers = [check(call, "users", send_event=True)["allowed"] for _ in range(7)]
        assert answers == [True] * 5 + [False] * 2
        assert left(call, "users") == (0, 5)

    def test_a_flag_is_not_used_up(self, call: Call) -> None:
        customer_with(call, {"feature_id": "dashboard"})
        body = {"customer_id": "user_1", "feature_id": "dashboard", "send_event": True}

        assert call("balances.check", body).body["code"] == "invalid_request"

    def test_the_older_path_works(self, call: Call) -> None:
        customer_with(call)
        body = {"customer_id": "user_1", "feature_id": "messages"}

        assert call("balances.check", body, route="POST /v1/check").body["allowed"] is True

    @pytest.mark.parametrize(
        ("body", "status", "code"),
        [
            ({"feature_id": "nothing"}, 404, "feature_not_found"),
            ({"feature_id": "messages", "customer_id": "nobody"}, 404, "customer_not_found"),
            ({"feature_id": "messages", "entity_id": "e1"}, 404, "entity_not_found"),
            ({}, 400, "invalid_inputs"),
            ({"feature_id": "messages", "expand": ["wallet"]}, 400, "invalid_inputs"),
        ],
    )
    def test_a_wrong_request_says_what_is_wrong(
        self, call: Call, body: dict[str, Any], status: int, code: str
    ) -> None:
        a_customer(call)
        answered = call("balances.check", {"customer_id": "user_1", **body})

        assert (answered.status, answered.body["code"]) == (status, code)


class TestTime:
    def test_a_due_balance_starts_anew_for_whoever_looks_first(
        self, call: Call, clock: Clock
    ) -> None:
        customer_with(call)
        track(call, 50)
        clock.now = 1_790_812_800_000

        assert left(call) == (100, 0)
        track(call, 20)
        shown = balance(call)
        assert (shown["remaining"], shown["next_reset_at"]) == (80, 1_793_491_200_000)

    def test_missed_periods_are_one_reset(self, call: Call, clock: Clock) -> None:
        customer_with(call)
        track(call, 50)
        clock.advance(days=200)

        assert left(call) == (100, 0)
        assert balance(call)["next_reset_at"] > clock.now

    def test_an_expired_grant_is_gone(self, call: Call, clock: Clock) -> None:
        customer_with(call)
        a_grant(call, 50, expires_at=START + DAY)
        assert left(call) == (150, 0)
        clock.advance(days=1)

        assert left(call) == (100, 0)
        assert track(call, 120)["deductions"][0]["value"] == 100

    def test_rollover_is_used_first_and_shown(self, call: Call, clock: Clock) -> None:
        a_customer(call)
        a_grant(call, 400, reset={"interval": "month"}, rollover={"max": 500, "length": 1})
        track(call, 250)
        clock.now = 1_790_812_800_000

        shown = balance(call)
        assert (shown["remaining"], shown["usage"], shown["granted"]) == (550, 0, 550)
        assert shown["rollovers"][0]["balance"] == 150
        track(call, 200)
        assert left(call) == (350, 200)
