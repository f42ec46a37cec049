"""balances.create and .list, billing.attach: what customers are granted."""

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


def an_entity(call: Call) -> None:
    body = {"customer_id": "user_1", "entity_id": "seat_1", "feature_id": "users"}
    assert call("entities.create", body).status == 200


def track(call: Call, value: float) -> None:
    call("balances.track", {"customer_id": "user_1", "feature_id": "messages", "value": value})


class TestCreate:
    def test_a_grant_is_a_source_without_a_plan(self, call: Call) -> None:
        a_grant(call, 500, reset={"interval": "month"}, balance_id="promo")

        shown = balance(call)
        (promo,) = [one for one in shown["breakdown"] if one["id"] == "promo"]
        assert (shown["granted"], promo["plan_id"], promo["included_grant"]) == (600, None, 500)
        assert promo["reset"] == {"interval": "month", "resets_at": NEXT_MONTH}

    def test_the_first_boundary_may_be_given(self, call: Call, clock: Clock) -> None:
        first = START + 10 * DAY
        a_grant(call, 50, reset={"interval": "month"}, next_reset_at=first, balance_id="own")
        track(call, 10)
        clock.now = first + 5 * DAY

        (own,) = [one for one in balance(call)["breakdown"] if one["id"] == "own"]
        assert own["remaining"] == 50
        assert own["reset"]["resets_at"] == first + 30 * DAY

    def test_an_expiry_without_a_boundary_never_resets(self, call: Call) -> None:
        expires_at = START + 90 * DAY
        a_grant(call, 50, reset={"interval": "month"}, expires_at=expires_at, balance_id="own")

        (own,) = [one for one in balance(call)["breakdown"] if one["id"] == "own"]
        assert (own["expires_at"], own["reset"]["resets_at"]) == (expires_at, None)

    def test_a_boolean_feature_is_switched_on(self, call: Call) -> None:
        body = {"customer_id": "user_1", "feature_id": "dashboard"}
        assert call("balances.create", body).status == 200
        assert call("balances.check", body).body["flag"]["plan_id"] is None

        again = call("balances.create", body)
        assert (again.status, again.body["code"]) == (409, "invalid_request")

    def test_a_balance_id_is_unique_for_the_customer(self, call: Call) -> None:
        a_grant(call, 100, balance_id="mine")
        a_customer(call, "user_2")
        body = {"feature_id": "messages", "included_grant": 1, "balance_id": "mine"}

        again = call("balances.create", {"customer_id": "user_1", **body})
        assert (again.status, again.body["code"]) == (409, "invalid_request")
        assert call("balances.create", {"customer_id": "user_2", **body}).status == 200

    @pytest.mark.parametrize(
        "fields",
        [
            {},
            {"included_grant": 5, "unlimited": True},
            {"unlimited": True, "reset": {"interval": "month"}},
            {"included_grant": -5},
            {"included_grant": 5, "reset": {"interval": "decade"}},
            {"included_grant": 5, "reset": {"interval": "month", "interval_count": 0}},
            {"included_grant": 5, "rollover": {"length": 1}},
            {"included_grant": 5, "next_reset_at": START + DAY},
            {"included_grant": 5, "reset": {"interval": "day"}, "next_reset_at": START},
            {"included_grant": 5, "expires_at": START - 1},
            {
                "included_grant": 5,
                "reset": {"interval": "one_off"},
                "next_reset_at": START + DAY,
            },
            {
                "included_grant": 5,
                "reset": {"interval": "month"},
                "rollover": {"length": 1},
                "expires_at": START + DAY,
            },
            {
                "included_grant": 5,
                "reset": {"interval": "day"},
                "next_reset_at": START + DAY,
                "expires_at": START + DAY,
            },
            {"feature_id": "users", "included_grant": 5, "rollover": {"length": 1}},
            {"feature_id": "dashboard", "included_grant": 5},
        ],
    )
    def test_a_grant_that_makes_no_sense_is_refused(
        self, call: Call, fields: dict[str, Any]
    ) -> None:
        body = {"customer_id": "user_1", "feature_id": "messages", **fields}
        answered = call("balances.create", body)

        assert (answered.status, answered.body["code"]) == (400, "invalid_inputs")
        assert left(call) == (100, 0)

    def test_an_entity_is_granted_what_others_do_not_see(self, call: Call) -> None:
        an_entity(call)
        a_grant(call, 7, entity_id="seat_1", balance_id="own")

        body = {"customer_id": "user_1", "feature_id": "messages", "required_balance": 105}
        assert call("balances.check", {**body, "entity_id": "seat_1"}).body["allowed"] is True
        assert call("balances.check", body).body["allowed"] is False

    def test_an_entity_is_not_granted_what_it_is_a_unit_of(self, call: Call) -> None:
        an_entity(call)
        body = {"customer_id": "user_1", "feature_id": "users", "included_grant": 5}

        answered = call("balances.create", {**body, "entity_id": "seat_1"})
        assert (answered.status, answered.body["code"]) == (400, "invalid_request")

    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"customer_id": "nobody"}, "customer_not_found"),
            ({"feature_id": "nothing"}, "feature_not_found"),
            ({"entity_id": "e1"}, "entity_not_found"),
        ],
    )
    def test_what_is_named_must_exist(self, call: Call, fields: dict[str, Any], code: str) -> None:
        body = {"customer_id": "user_1", "feature_id": "messages", "included_grant": 1, **fields}
        answered = call("balances.create", body)

        assert (answered.status, answered.body["code"]) == (404, code)


class TestList:
    def test_sources_are_listed_in_pages(self, call: Call) -> None:
        for number in range(4):
            a_grant(call, 10 + number, balance_id=f"g{number}")
        a_customer(call, "user_2")

        seen: list[str] = []
        cursor = ""
        while True:
            page = call("balances.list", {"limit": 2, "start_cursor": cursor}).body
            seen += [one["id"] for one in page["list"]]
            assert page["has_more"] is (page["next_cursor"] is not None)
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert len(seen) == len(set(seen)) == 6

    def test_filters(self, call: Call) -> None:
        a_grant(call, 10, balance_id="own")
        body = {"customer_id": "user_1"}

        loose = call("balances.list", {**body, "plan_id": None}).body["list"]
        assert [one["id"] for one in loose] == ["own"]
        planned = call("balances.list", {**body, "plan_id": "free"}).body["list"]
        assert [one["plan_id"] for one in planned] == ["free"]
        assert call("balances.list", {**body, "feature_id": "users"}).body["list"] == []
        assert call("balances.list", {**body, "statuses": ["expired"]}).body["list"] == []
        assert call("balances.list", {"customer_id": "nobody"}).status == 404
        assert call("balances.list", {**body, "limit": 201}).status == 400
        assert call("balances.list", {"entity_id": "e1"}).body["code"] == "invalid_inputs"


class TestAttach:
    def attach(self, call: Call, plan_id: str, **fields: Any) -> Response:
        return call("billing.attach", {"customer_id": "user_1", "plan_id": plan_id, **fields})

    def test_a_plan_without_a_price_is_attached_at_once(self, call: Call) -> None:
        a_plan(call, "seats", lifetime("users", 3), group="seats")

        answered = self.attach(call, "seats", subscription_id="sub_own")
        assert answered.body == {"customer_id": "user_1", "payment_url": None}
        assert left(call, "users") == (3, 0)
        held = call("customers.get", {"customer_id": "user_1"}).body["subscriptions"]
        assert "sub_own" in [one["id"] for one in held]

    def test_a_repetition_is_a_conflict(self, call: Call) -> None:
        answered = self.attach(call, "free")

        assert (answered.status, answered.body["code"]) == (409, "plan_already_attached")
        assert left(call) == (100, 0)

    def test_a_plan_of_the_same_group_takes_its_place(self, call: Call) -> None:
        track(call, 40)
        a_plan(call, "larger", monthly("messages", 500))

        assert self.attach(call, "larger").status == 200
        view = call("customers.get", {"customer_id": "user_1"}).body
        assert [one["plan_id"] for one in view["subscriptions"]] == ["larger"]
        assert left(call) == (500, 0)
        listed = call("customers.list", {"plans": [{"id": "free"}]}).body["list"]
        assert listed == []

    def test_an_add_on_is_held_beside_and_more_than_once(self, call: Call) -> None:
        a_plan(call, "pack", lifetime("messages", 10), add_on=True)

        assert [self.attach(call, "pack").status for _ in range(2)] == [200, 200]
        assert left(call) == (120, 0)

    @pytest.mark.parametrize(
        ("body", "status", "code"),
        [
            ({"plan_id": "nothing"}, 404, "product_not_found"),
            ({"plan_id": "free", "version": 9}, 404, "product_not_found"),
            ({"plan_id": "free", "customer_id": "nobody"}, 404, "customer_not_found"),
            ({"plan_id": "free", "entity_id": "e1"}, 404, "entity_not_found"),
            ({"plan_id": "free", "customize": {"price": None}}, 409, "plan_already_attached"),
            ({}, 400, "invalid_inputs"),
        ],
    )
    def test_a_wrong_attach_changes_nothing(
        self, call: Call, body: dict[str, Any], status: int, code: str
    ) -> None:
        a_plan(call, "pro", monthly("messages", 1), price={"amount": 20, "interval": "month"})
        answered = call("billing.attach", {"customer_id": "user_1", **body})

        assert (answered.status, answered.body["code"]) == (status, code)
        assert left(call) == (100, 0)
