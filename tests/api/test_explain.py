"""balances.explain: why a customer was blocked or charged."""

import json
from base64 import urlsafe_b64encode
from decimal import Decimal
from functools import partial
from typing import Any
from zlib import compress

import pytest

from orchard.domain.sources import Overage
from orchard.store.session import Session
from orchard.store.table import Table
from orchard.usecases import bulk
from orchard.usecases.bulk import Event, Group
from tests.bench.requests import cost_of
from tests.builders import a_customer, a_feature, a_grant, a_plan, balance, monthly
from tests.conftest import START, Call, Clock
from tests.streams import recording

HOUR, DAY = 3_600_000, 86_400_000
USER: dict[str, Any] = {"customer_id": "user_1"}
MESSAGES = {**USER, "feature_id": "messages"}
CHAT = {**USER, "feature_id": "chat"}
METERED = {
    "feature_id": "messages",
    "included": 5,
    "reset": {"interval": "month"},
    "price": {
        "amount": 1,
        "interval": "month",
        "billing_units": 1,
        "billing_method": "usage_based",
        "max_purchase": 3,
    },
}


@pytest.fixture(autouse=True)
def _features(call: Call) -> None:
    a_feature(call, event_names=["sent"])
    a_feature(call, "words", event_names=["sent", "spoken"])
    a_feature(call, "chat")
    schema = [{"metered_feature_id": "chat", "credit_cost": 0.2}]
    a_feature(call, "credits", type="credit_system", credit_schema=schema)


def done(call: Call, operation: str, **body: Any) -> Any:
    answered = call(operation, {**USER, **body})
    assert answered.status == 200, answered
    return answered.body


def explain(call: Call, **body: Any) -> Any:
    return done(call, "balances.explain", **body)


def refused(call: Call, **body: Any) -> tuple[int, str]:
    answered = call("balances.explain", {**USER, **body})
    return answered.status, answered.body["code"]


def denied(call: Call, **body: Any) -> str:
    answered = done(call, "balances.check", **body)
    assert answered["allowed"] is False
    return str(answered["check_id"])


def customer(call: Call, *items: dict[str, Any], **fields: Any) -> None:
    """A customer with a plan of these items, which is paid for if it has a price."""
    is_free = not any("price" in item for item in items)
    a_plan(call, "plan", *items, auto_enable=is_free)
    a_customer(call, **fields)
    if not is_free:
        unpaid = {"customer_id": "user_1", "plan_id": "plan", "no_billing_changes": True}
        done(call, "billing.attach", **unpaid)


def an_entity(call: Call, granted: float) -> None:
    """An entity with messages of its own."""
    a_feature(call, "seats", consumable=False)
    done(call, "entities.create", entity_id="e1", feature_id="seats")
    a_grant(call, granted, entity_id="e1")


def limited(**controls: Any) -> dict[str, Any]:
    return {"billing_controls": controls}


def recorded(call: Call, table: Table, operation: str = "balances.track", **body: Any) -> Any:
    """Use something, let the stream catch up, and explain the event that it left."""
    known = events(call)
    done(call, operation, **body)
    recording.catch_up(table)
    (event_id,) = events(call) - known
    return explain(call, event_id=event_id)


def events(call: Call) -> set[str]:
    return {event["id"] for event in done(call, "events.list")["list"]}


def given(explained: Any) -> list[tuple[str, float, float]]:
    return [(one["feature_id"], one["holds"], one["gives"]) for one in explained["sources"]]


def limits(*entries: dict[str, Any]) -> dict[str, Any]:
    return limited(usage_limits=[{"feature_id": "messages", **entry} for entry in entries])


HOUSEHOLDS: list[tuple[str, list[dict[str, Any]], dict[str, Any]]] = [
    ("messages", [monthly("messages", 10)], {}),
    ("messages", [METERED], {}),
    ("messages", [{"feature_id": "messages", "unlimited": True}], {}),
    ("messages", [METERED], limits({"limit": 4, "interval": "day"})),
    ("messages", [METERED], limited(overage_allowed=[{"feature_id": "messages"}])),
    (
        "messages",
        [METERED],
        limited(spend_limits=[{"feature_id": "messages", "enabled": True, "overage_limit": 1}]),
    ),
    ("chat", [monthly("chat", 3), monthly("credits", 1)], {}),
    ("chat", [monthly("credits", 1)], {}),
    ("words", [monthly("messages", 10)], {}),
]


class TestNow:
    @pytest.mark.parametrize(("feature_id", "items", "controls"), HOUSEHOLDS)
    def test_it_says_what_a_check_says_and_what_a_track_takes(
        self,
        call: Call,
        feature_id: str,
        items: list[dict[str, Any]],
        controls: dict[str, Any],
    ) -> None:
        customer(call, *items, **controls)
        for required in (1, 7.5, 30):
            asked = {"feature_id": feature_id, "required_balance": required}

            told = explain(call, **asked)

            checked = done(call, "balances.check", **asked)
            tracked = done(call, "balances.track", feature_id=feature_id, value=required)
            assert (told["type"], told["at"], told["complete"]) == ("now", START, True)
            assert told["allowed"] == checked["allowed"] == ("check_id" not in checked)
            gives = {one["balance_id"]: one["gives"] for one in told["sources"] if one["gives"]}
            assert gives == {one["balance_id"]: one["value"] for one in tracked["deductions"]}
            if not told["allowed"]:
                denial = explain(call, check_id=checked["check_id"])
                assert denial == {**told, "type": "check"}

    def test_sources_stand_in_the_order_in_which_they_pay(self, call: Call) -> None:
        customer(call, monthly("chat", 3), monthly("credits", 10))
        a_grant(call, 2, "chat", balance_id="gift")

        told = explain(call, feature_id="chat", required_balance=8)

        assert [(one["position"], one["plan_id"], one["gives"]) for one in told["sources"]] == [
            (1, "plan", 3),
            (2, None, 2),
            (3, "plan", 0.6),
        ]
        assert [one["credit_cost"] for one in told["sources"]] == [1, 1, 0.2]
        assert (told["answered_by"], told["limit"]) == ("credits", None)
        assert told["summary"] == "Allowed: 1.6 of credits needed, 10 left."

    def test_controls_are_shown_with_what_is_left_of_them(self, call: Call) -> None:
        eu = {"properties": {"region": "eu"}}
        controls = limits(
            {"limit": 4, "interval": "day"}, {"limit": 9, "interval": "month", "filter": eu}
        )
        customer(call, METERED, **controls)
        done(call, "balances.track", feature_id="messages", value=3)

        told = explain(call, feature_id="messages", required_balance=2, properties={"n": 1})

        (feature,) = told["features"]
        daily, regional = feature["usage_limits"]
        assert (daily["used"], daily["left"], daily["applies"]) == (3, 1, True)
        assert START < daily["resets_at"] <= START + DAY
        assert (regional["used"], regional["applies"], regional["filter"]) == (0, False, eu)
        assert (feature["max_purchase"], feature["beyond"], feature["limit"]) == (
            3,
            3,
            "usage_limit",
        )
        assert told["limit"] == "usage_limit"
        assert told["summary"].startswith("Denied: the usage limit of 4 messages a day leaves 1")
        matched = explain(call, feature_id="messages", properties={"region": "eu"})
        assert [one["applies"] for one in matched["features"][0]["usage_limits"]] == [True, True]

    def test_an_entity_pays_with_its_own_first(self, call: Call) -> None:
        customer(call, monthly("messages", 5))
        an_entity(call, 2)

        told = explain(call, feature_id="messages", entity_id="e1", required_balance=6)

        assert [(one["entity_id"], one["gives"]) for one in told["sources"]] == [
            ("e1", 2),
            (None, 4),
        ]
        assert (told["allowed"], told["entity_id"]) == (True, "e1")

    def test_a_flag_is_on_or_there_is_none(self, call: Call) -> None:
        a_feature(call, "sso", type="boolean")
        customer(call, {"feature_id": "sso"})

        assert explain(call, feature_id="sso")["summary"] == "Allowed: sso is switched on."
        assert explain(call, feature_id="words")["summary"] == (
            "Denied: there is no balance of words."
        )

    def test_it_changes_nothing_and_takes_one_read(self, call: Call, table: Table) -> None:
        customer(call)
        before = balance(call)

        cost = cost_of(table, lambda: call("balances.explain", MESSAGES))

        assert cost.verbs == ("GetItem",)
        assert balance(call) == before

    def test_what_is_not_there_is_not_found(self, call: Call) -> None:
        customer(call)

        assert refused(call, feature_id="nope") == (404, "feature_not_found")
        assert refused(call, feature_id="messages", entity_id="e9") == (404, "entity_not_found")
        for way in ({"feature_id": "messages"}, {"event_id": "evt_1"}, {"idempotency_key": "k"}):
            missing = call("balances.explain", {"customer_id": "user_9", **way})
            assert (missing.status, missing.body["code"]) == (404, "customer_not_found")


def test_exactly_one_way_to_ask_with_what_belongs_to_it(call: Call) -> None:
    for body in (
        {},
        {"feature_id": "messages", "event_id": "evt_1"},
        {"check_id": "chk_1", "idempotency_key": "k"},
        {"event_id": "evt_1", "required_balance": 3},
        {"feature_id": "messages", "timestamp": START},
        {"check_id": "chk_1", "entity_id": "e1"},
        {"idempotency_key": ""},
    ):
        assert refused(call, **body) == (400, "invalid_inputs"), body


class TestEvents:
    def test_one_source_paid_all(self, call: Call, table: Table) -> None:
        customer(call)

        told = recorded(call, table, feature_id="messages", value=12, properties={"m": "x"})

        event = told["event"]
        assert given(told) == [("messages", 100, 12)]
        assert (event["value"], event["properties"], event["actor"]) == (
            12,
            {"m": "x"},
            {"type": "api_key", "name": "tests"},
        )
        assert (event["request_id"], event["timestamp"], told["at"]) == (
            "sample-request",
            START,
            START,
        )
        assert (told["not_covered"], told["limit"], told["complete"]) == (0, None, True)
        assert told["summary"] == "Done in full: 12 of messages was deducted (from 1 source)."

    def test_several_sources_of_one_balance(self, call: Call, table: Table) -> None:
        customer(call, monthly("messages", 10))
        a_grant(call, 20, expires_at=START + DAY)
        a_grant(call, 30, expires_at=START + 2 * DAY)

        told = recorded(call, table, feature_id="messages", value=15)

        assert given(told) == [("messages", 10, 10), ("messages", 20, 5), ("messages", 30, 0)]
        assert told["complete"] is True

    def test_several_balances_and_what_they_cost(self, call: Call, table: Table) -> None:
        customer(call, monthly("chat", 3), monthly("credits", 10))

        told = recorded(call, table, feature_id="chat", value=8)

        assert given(told) == [("chat", 3, 3), ("credits", 10, 1)]
        assert [one["credit_cost"] for one in told["sources"]] == [1, 0.2]
        assert told["summary"] == (
            "Done in full: 8 of chat was deducted (from 2 sources; 1 of credits)."
        )

    def test_credits_that_pay_alone(self, call: Call, table: Table) -> None:
        customer(call, monthly("credits", 10))
        recorded(call, table, feature_id="chat", value=8)

        told = recorded(call, table, feature_id="chat", value=5)

        assert given(told) == [("credits", 8.4, 1)]
        assert (told["sources"][0]["credit_cost"], told["complete"]) == (0.2, True)

    @pytest.mark.parametrize(
        ("feature_id", "items", "controls", "left", "limit"),
        [
            ("messages", [monthly("messages", 10)], {}, 30, "included"),
            ("messages", [METERED], {}, 32, "max_purchase"),
            ("messages", [METERED], limits({"limit": 4, "interval": "day"}), 36, "usage_limit"),
            ("chat", [monthly("chat", 3), monthly("credits", 1)], {}, 32, "included"),
            ("words", [monthly("messages", 10)], {}, 40, "included"),
        ],
    )
    def test_what_cut_a_use_short(
        self,
        call: Call,
        table: Table,
        feature_id: str,
        items: list[dict[str, Any]],
        controls: dict[str, Any],
        *,
        left: float,
        limit: str,
    ) -> None:
        customer(call, *items, **controls)
        now = explain(call, feature_id=feature_id, required_balance=40)

        told = recorded(call, table, feature_id=feature_id, value=40)

        assert (told["not_covered"], told["limit"]) == (left, limit)
        sources = [{**one, "overage": now["sources"][0]["overage"]} for one in told["sources"]]
        assert (sources, told["complete"]) == (now["sources"], True)
        assert [one["usage_limits"] for one in told["features"]] == [
            one["usage_limits"] for one in now["features"]
        ]
        # Nothing is left to take: the next use is cut short whole, and says so as well.
        again = recorded(call, table, feature_id=feature_id, value=40)
        assert (again["not_covered"], again["limit"]) == (40, limit)
        assert again["summary"].startswith("Nothing was deducted of 40")

    def test_giving_back(self, call: Call, table: Table) -> None:
        customer(call)
        recorded(call, table, feature_id="messages", value=10)

        told = recorded(call, table, feature_id="messages", value=-4)
        more = recorded(call, table, feature_id="messages", value=-9)

        assert given(told) == [("messages", 90, -4)]
        assert (more["not_covered"], more["limit"]) == (3, None)
        assert more["summary"] == (
            "Of 9 to give back, 6 of messages was given back (to 1 source): no more had been used."
        )

    def test_nothing_to_deduct(self, call: Call, table: Table) -> None:
        a_feature(call, "sso", type="boolean")
        customer(call, {"feature_id": "sso"})

        flag = recorded(call, table, feature_id="sso")
        none = recorded(call, table, feature_id="messages", value=0)

        assert flag["summary"] == "1 of sso was recorded, and nothing had to be deducted."
        assert (flag["sources"], none["not_covered"]) == ([], 0)

    def test_an_entity_and_its_customer(self, call: Call, table: Table) -> None:
        customer(call, monthly("messages", 5))
        an_entity(call, 2)

        told = recorded(call, table, feature_id="messages", entity_id="e1", value=3)

        assert [(one["entity_id"], one["gives"]) for one in told["sources"]] == [
            ("e1", 2),
            (None, 1),
        ]
        assert told["entity_id"] == "e1"

    def test_a_check_that_used_what_it_checked(self, call: Call, table: Table) -> None:
        customer(call, monthly("chat", 3), monthly("credits", 10))
        body = {"feature_id": "chat", "required_balance": 4, "send_event": True}

        told = recorded(call, table, "balances.check", **body)

        assert given(told) == [("chat", 3, 3), ("credits", 10, 0.2)]

    def test_an_event_of_several_features_is_told_in_part(self, call: Call, table: Table) -> None:
        customer(call, monthly("messages", 5), monthly("words", 5))

        told = recorded(call, table, event_name="sent", value=7)

        assert (told["complete"], told["not_covered"]) == (False, None)
        assert sorted(one["feature_id"] for one in told["sources"]) == ["messages", "words"]
        assert {one["gives"] for one in told["sources"]} == {5}
        assert told["summary"].startswith("7 of sent was recorded, 5 messages and 5 words was")

    def test_an_event_name_that_one_feature_lists_is_told_whole(
        self, call: Call, table: Table
    ) -> None:
        customer(call, monthly("words", 5))

        told = recorded(call, table, event_name="spoken", value=7)

        assert (told["feature_id"], told["answered_by"]) == ("spoken", "words")
        assert (told["complete"], told["not_covered"], told["limit"]) == (True, 2, "included")

    def test_the_uses_of_a_batch_are_told_in_part(
        self, call: Call, table: Table, session: Session
    ) -> None:
        customer(call, monthly("messages", 5))
        group = Group("user_1", None, "messages", ("messages",))
        event = Event(f"evt_{'0' * 27}", Decimal(3), Overage.CAP, START, idempotency_key="b1")
        bulk.record(session, group, [event])
        recording.catch_up(table)

        told = explain(call, event_id=event.id, timestamp=START)

        assert (told["complete"], told["event"]["idempotency_key"]) == (False, "b1")
        assert [(one["gives"], one["holds"]) for one in told["sources"]] == [(3, None)]
        (use,) = explain(call, idempotency_key="b1")["uses"]
        assert use["event_id"] == event.id

    def test_what_a_lock_settled_over_several_balances_is_told_in_part(
        self, call: Call, table: Table
    ) -> None:
        customer(call, monthly("chat", 3), monthly("credits", 10))
        lock = {"lock_id": "job", "enabled": True}
        check = {"feature_id": "chat", "required_balance": 8, "lock": lock}
        recorded(call, table, "balances.check", **check)
        body = {"lock_id": "job", "action": "confirm", "override_value": 1}

        told = recorded(call, table, "balances.finalize", **body)

        assert (told["complete"], told["event"]["value"]) == (False, -7)

    def test_an_event_with_a_time_of_its_own_is_found_by_it(self, call: Call, table: Table) -> None:
        customer(call)
        past = START - 3 * DAY
        done(call, "balances.track", feature_id="messages", value=2, timestamp=past)
        recording.catch_up(table)
        (event_id,) = events(call)

        assert refused(call, event_id=event_id) == (404, "event_not_found")
        told = explain(call, event_id=event_id, timestamp=past)
        assert (told["event"]["timestamp"], told["at"]) == (past, START)
        assert refused(call, event_id=event_id, timestamp=past + 1) == (404, "event_not_found")

    def test_an_event_of_the_same_day_is_found_without(
        self, call: Call, table: Table, clock: Clock
    ) -> None:
        customer(call)
        clock.advance(seconds=3 * 3600)
        past = START + HOUR
        done(call, "balances.track", feature_id="messages", value=2, timestamp=past)
        recording.catch_up(table)

        (event_id,) = events(call)
        told = explain(call, event_id=event_id)

        assert told["event"]["timestamp"] == past

    def test_an_id_that_is_none(self, call: Call) -> None:
        customer(call)

        for event_id in ("evt_1", "x", f"evt_{'z' * 27}", "evt_" + "é" * 27):
            assert refused(call, event_id=event_id) == (404, "event_not_found")

    def test_an_event_of_another_customer_is_not_found(self, call: Call, table: Table) -> None:
        customer(call)
        a_customer(call, "user_2")
        event_id = recorded(call, table, feature_id="messages")["event"]["id"]

        other = call("balances.explain", {"customer_id": "user_2", "event_id": event_id})

        assert (other.status, other.body["code"]) == (404, "event_not_found")


def chk(content: Any) -> str:
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return "chk_" + urlsafe_b64encode(compress(text)).decode().rstrip("=")


def forged(**changes: Any) -> str:
    fields: dict[str, Any] = {"at": START, "required": "1", "holds": "1", "limit": "included"}
    told = fields | changes
    payer = ["messages", told["required"], "0", "0", False, told["limit"]]
    source = ["cus_ent_1", "messages", told["holds"]]
    basis = [[source], "1", told["limit"], "messages", [payer]]
    return chk(["cus_1", [told["at"], "messages", told["required"], False, basis]])


NO_CHECK_IDS = [
    "",
    "chk_",
    "chk_%%%",
    "evt_3IhdaqQq3xAtvnhkQHUBM0DV4dM",
    chk(b"x" * 5_000_000),
    chk(b"[" * 50_000),
    chk({}),
    chk(["cus_1"]),
    chk(["cus_1", [START, "messages", "1", False, []]]),
    forged(at=-1),
    forged(at=10**18),
    forged(at="9" * 5000),
    forged(required="1e999999999"),
    forged(holds="NaN"),
    forged(holds="-Infinity"),
    forged(limit="\ud800"),
    forged()[:-9],
    forged() + "AAAA",
]


class TestChecks:
    def test_the_id_of_a_denied_check_says_what_decided_then(
        self, call: Call, clock: Clock
    ) -> None:
        customer(call, monthly("messages", 5))
        a_grant(call, 2)
        check_id = denied(call, feature_id="messages", required_balance=9)
        now = explain(call, feature_id="messages", required_balance=9)
        clock.advance(days=2)
        done(call, "balances.update", feature_id="messages", add_to_balance=100)

        told = explain(call, check_id=check_id)

        assert told == {**now, "type": "check"}
        assert (told["at"], told["allowed"], told["limit"]) == (START, False, "included")
        assert len(check_id) < 300

    def test_a_refused_use_has_one_too(self, call: Call) -> None:
        customer(call, monthly("chat", 3), monthly("credits", 1))
        use = {"feature_id": "chat", "required_balance": 30, "send_event": True}
        locked = {"feature_id": "words", "lock": {"lock_id": "a", "enabled": True}}

        told = explain(call, check_id=denied(call, **use))
        lacking = explain(call, check_id=denied(call, **locked))

        assert (told["not_covered"], told["limit"]) == (22, "included")
        assert lacking["summary"] == "Denied: there is no balance of words."

    def test_what_sources_sell_one_by_one_refuses_a_use_that_a_check_allows(
        self, call: Call
    ) -> None:
        spend = {"feature_id": "messages", "enabled": True, "overage_limit": 50}
        customer(call, METERED, **limited(spend_limits=[spend]))
        asked = {"feature_id": "messages", "required_balance": 30}
        assert done(call, "balances.check", **asked)["allowed"] is True

        told = explain(call, check_id=denied(call, **asked, send_event=True))

        assert (told["allowed"], told["limit"], told["not_covered"]) == (
            False,
            "max_purchase",
            22,
        )
        assert told["summary"] == (
            "Denied: 30 of messages needed, 5 left, and 3 may be bought beyond that."
        )

    def test_a_denied_check_of_an_entity(self, call: Call) -> None:
        customer(call, monthly("messages", 5))
        an_entity(call, 2)

        check = {"feature_id": "messages", "entity_id": "e1", "required_balance": 8}
        told = explain(call, check_id=denied(call, **check))

        assert (told["entity_id"], told["not_covered"]) == ("e1", 1)
        assert [one["entity_id"] for one in told["sources"]] == ["e1", None]

    def test_more_than_ten_sources_are_cut_and_counted(self, call: Call) -> None:
        a_customer(call)
        for _number in range(12):
            a_grant(call, 1)

        check_id = denied(call, feature_id="messages", required_balance=50)

        told = explain(call, check_id=check_id)
        assert (len(told["sources"]), told["omitted"], told["complete"]) == (10, 2, False)
        assert told["features"][0]["remaining"] == 12
        assert len(check_id) < 900

    def test_a_denied_check_is_still_one_read(self, call: Call, table: Table) -> None:
        customer(call)
        body = {**MESSAGES, "required_balance": 500}
        balance(call)

        assert cost_of(table, lambda: call("balances.check", body)).verbs == ("GetItem",)

    def test_it_belongs_to_its_customer_under_whichever_id(self, call: Call) -> None:
        customer(call)
        a_customer(call, "user_2")
        check_id = denied(call, feature_id="messages", required_balance=500)

        other = call("balances.explain", {"customer_id": "user_2", "check_id": check_id})
        done(call, "customers.update", new_customer_id="renamed")
        told = call("balances.explain", {"customer_id": "renamed", "check_id": check_id})

        assert (other.status, other.body["code"]) == (400, "invalid_check_id")
        assert (told.status, told.body["customer_id"]) == (200, "renamed")

    def test_what_is_no_such_id_is_refused(self, call: Call) -> None:
        customer(call)

        for check_id in NO_CHECK_IDS:
            assert refused(call, check_id=check_id) == (400, "invalid_check_id"), check_id[:50]
        assert refused(call, check_id="chk_" + "A" * 9000) == (400, "invalid_inputs")

    def test_a_forged_id_of_another_customer_is_refused(self, call: Call) -> None:
        customer(call)

        answered = call("balances.explain", {**USER, "check_id": forged()})

        assert (answered.status, answered.body["code"]) == (400, "invalid_check_id")
        assert "another customer" in answered.body["message"]


class TestIdempotencyKeys:
    def test_it_says_what_a_key_was_used_for(self, call: Call, table: Table, clock: Clock) -> None:
        customer(call)
        body, headers = {**MESSAGES, "value": 3}, {"idempotency-key": "order_1"}
        once = partial(call, "balances.track", body, headers=headers)
        assert once().status == 200
        clock.advance(seconds=60)
        assert once().status == 409
        recording.catch_up(table)

        told = explain(call, idempotency_key="order_1")

        (use,) = told["uses"]
        (event_id,) = events(call)
        assert use == {
            "sent_as": "header",
            "at": START,
            "request_id": "sample-request",
            "event_id": event_id,
            "change_id": None,
            "repeats_refused_until": START + DAY,
        }
        assert told["summary"] == (
            f"order_1 was sent in the header at 2026-09-01 00:00:00 UTC, for {event_id}; "
            "repetitions until 2026-09-02 00:00:00 UTC are answered 409 and change nothing."
        )
        assert explain(call, event_id=event_id)["event"]["value"] == 3

    def test_a_key_in_the_body_and_one_in_the_header(self, call: Call) -> None:
        customer(call)
        done(call, "balances.track", feature_id="messages", idempotency_key="k")
        body = {**MESSAGES, "remaining": 5}
        headers = {"idempotency-key": "k"}
        assert call("balances.update", body, headers=headers).status == 200

        header, in_body = explain(call, idempotency_key="k")["uses"]

        assert header["change_id"].startswith("chg_")
        assert in_body["event_id"].startswith("evt_")

    def test_a_key_of_a_read_has_no_effect_to_tell_of(self, call: Call) -> None:
        customer(call)
        assert call("balances.check", MESSAGES, headers={"idempotency-key": "k"}).status == 200

        (use,) = explain(call, idempotency_key="k")["uses"]

        assert (use["event_id"], use["change_id"]) == (None, None)

    def test_a_key_that_nobody_used_or_whose_day_is_over(self, call: Call, clock: Clock) -> None:
        customer(call)
        done(call, "balances.track", feature_id="messages", idempotency_key="k")

        assert refused(call, idempotency_key="other") == (404, "idempotency_key_not_found")
        clock.advance(days=1)
        assert refused(call, idempotency_key="k") == (404, "idempotency_key_not_found")

    def test_a_key_that_was_used_for_another_customer(self, call: Call) -> None:
        customer(call)
        a_customer(call, "user_2")
        done(call, "balances.track", feature_id="messages", idempotency_key="k")

        other = call("balances.explain", {"customer_id": "user_2", "idempotency_key": "k"})

        assert (other.status, other.body["code"]) == (404, "idempotency_key_not_found")

    def test_a_key_whose_use_failed_is_unused(self, call: Call) -> None:
        customer(call)
        body = {**MESSAGES, "value": 500, "overage_behavior": "reject"}
        assert call("balances.track", {**body, "idempotency_key": "k"}).status == 400

        assert refused(call, idempotency_key="k") == (404, "idempotency_key_not_found")
