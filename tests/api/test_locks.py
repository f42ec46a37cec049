"""Locks: balances.check reserves usage, balances.finalize confirms or releases it."""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from orchard.store import keys, locks
from orchard.store.session import Session
from orchard.store.table import Table
from orchard.triggers import clock as clocks
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
from tests.conftest import START, Call, Clock, mint
from tests.harness import Response
from tests.streams import recording

HOUR, DAY = 3_600_000, 86_400_000
NEXT_MONTH = 1_790_812_800_000


@pytest.fixture(autouse=True)
def _customer(call: Call) -> None:
    a_feature(call)
    a_feature(call, "words")
    a_feature(call, "users", consumable=False)
    a_feature(call, "dashboard", type="boolean")
    a_plan(call, "free", monthly("messages", 10), lifetime("users", 5), auto_enable=True)
    a_customer(call)


@pytest.fixture
def events(
    call: Call, table: Table, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], list[Any]]:
    """The events of the customer, newest first."""
    # Time passes between calls, so that events have an order.
    ticking = count(clock.now)
    monkeypatch.setattr(clocks, "now", lambda: next(ticking))

    def events() -> list[Any]:
        recording.catch_up(table)
        listed: list[Any] = call("events.list", {"customer_id": "user_1"}).body["list"]
        return listed

    return events


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


def lock(call: Call, required: float = 4, lock_id: str = "job_1", **fields: Any) -> Response:
    expiry = {"expires_at": fields.pop("until")} if "until" in fields else {}
    body = {"customer_id": "user_1", "feature_id": "messages", "required_balance": required}
    return call(
        "balances.check",
        body | fields | {"lock": {"lock_id": lock_id, "enabled": True, **expiry}},
    )


def held(call: Call, required: float = 4, **fields: Any) -> Any:
    answered = lock(call, required, **fields)
    assert (answered.status, answered.body.get("allowed")) == (200, True), answered
    return answered.body


def finalize(call: Call, action: str = "confirm", lock_id: str = "job_1", **more: Any) -> Response:
    return call("balances.finalize", {"lock_id": lock_id, "action": action, **more})


def done(answered: Response) -> None:
    assert (answered.status, answered.body) == (200, {"success": True})


def unknown(answered: Response) -> None:
    assert (answered.status, answered.body["code"]) == (400, "invalid_request")
    assert answered.body["message"] == "Lock not found for ID: job_1"


class TestTaking:
    def test_what_a_lock_reserves_is_taken_at_once(self, call: Call, events: Any) -> None:
        answer = held(call, 4, properties={"model": "small"})

        assert (answer["balance"]["remaining"], answer["required_balance"]) == (6, 4)
        assert left(call) == (6, 4)
        (event,) = events()
        assert (event["value"], event["properties"]) == (4, {"model": "small"})

    def test_what_does_not_fit_is_not_reserved_in_part(self, call: Call, events: Any) -> None:
        assert lock(call, 11).body["allowed"] is False

        assert left(call) == (10, 0)
        assert events() == []
        unknown(finalize(call))
        held(call, 4)

    def test_an_id_that_is_held_is_a_conflict(self, call: Call) -> None:
        held(call)

        again = lock(call, 1)
        assert (again.status, again.body["code"]) == (409, "lock_already_exists")
        assert left(call) == (6, 4)

    def test_an_id_is_free_again_once_its_lock_is_settled(self, call: Call) -> None:
        held(call)
        done(finalize(call))

        held(call, 3)
        done(finalize(call, "release"))
        assert left(call) == (6, 4)

    def test_an_id_is_free_again_once_its_lock_ran_out(self, call: Call, clock: Clock) -> None:
        """What it reserved is given back first, though no job came by yet."""
        held(call, 8, until=START + HOUR)
        clock.now = START + HOUR

        held(call, 9)
        assert left(call) == (1, 9)

    def test_the_same_id_is_another_lock_in_another_environment(
        self, call: Call, table: Table
    ) -> None:
        held(call)

        answered = call(
            "balances.finalize",
            {"lock_id": "job_1", "action": "release"},
            headers={"authorization": f"Bearer {mint(table, 'live')}"},
        )
        unknown(answered)
        assert left(call) == (6, 4)

    def test_locks_of_several_ids_stand_side_by_side(self, call: Call) -> None:
        held(call, 4)
        held(call, 5, lock_id="job_2")
        assert lock(call, 2, lock_id="job_3").body["allowed"] is False

        done(finalize(call, "release"))
        done(finalize(call, "confirm", "job_2"))
        assert left(call) == (5, 5)

    def test_nothing_can_be_reserved_and_used_later(self, call: Call, events: Any) -> None:
        held(call, 0)
        assert left(call) == (10, 0)

        done(finalize(call, override_value=1.2))
        assert left(call) == (8.8, 1.2)
        assert [event["value"] for event in events()] == [1.2, 0]

    def test_nothing_can_be_reserved_of_a_feature_that_is_lacking(self, call: Call) -> None:
        held(call, 0, feature_id="words")
        assert lock(call, 1, "job_2", feature_id="words").body["allowed"] is False

        done(finalize(call, override_value=3))
        assert balance(call, "words") is None

    def test_giving_back_can_be_locked(self, call: Call) -> None:
        call("balances.track", {"customer_id": "user_1", "feature_id": "messages", "value": 7})

        held(call, -5)
        assert left(call) == (8, 2)
        done(finalize(call, "release"))
        assert left(call) == (3, 7)

    def test_an_unlimited_balance_counts_what_is_reserved(self, call: Call) -> None:
        body = {"customer_id": "user_1", "feature_id": "words", "unlimited": True}
        assert call("balances.create", body).status == 200

        held(call, 500, feature_id="words")
        assert balance(call, "words")["usage"] == 500
        done(finalize(call, override_value=20))
        assert balance(call, "words")["usage"] == 20

    def test_a_repeated_request_reserves_once(self, call: Call) -> None:
        headers = {"idempotency-key": "once"}
        body = {
            "customer_id": "user_1",
            "feature_id": "messages",
            "lock": {"lock_id": "job_1", "enabled": True},
        }
        assert call("balances.check", body, headers=headers).status == 200

        again = call("balances.check", body, headers=headers)
        assert (again.status, again.body["code"]) == (409, "duplicate_idempotency_key")
        assert left(call) == (9, 1)

    @pytest.mark.parametrize(
        ("fields", "code", "message"),
        [
            ({"lock_id": ""}, "invalid_inputs", "lock.lock_id: must have at least 1 characters"),
            (
                {"lock_id": "x" * 257},
                "invalid_inputs",
                "lock.lock_id: must have at most 256 characters",
            ),
            ({"lock_id": None}, "invalid_inputs", "lock.lock_id: must be a string (received null)"),
            ({"enabled": False}, "invalid_inputs", "lock.enabled: must be true"),
            (
                {"expires_at": START},
                "invalid_request",
                "lock.expires_at: must be in the future",
            ),
            (
                {"expires_at": START + DAY + 1},
                "invalid_request",
                "lock.expires_at: at most 24 hours from now",
            ),
        ],
    )
    def test_a_lock_that_cannot_be_is_refused(
        self, call: Call, fields: dict[str, Any], code: str, message: str
    ) -> None:
        wanted = {"lock_id": "job_1", "enabled": True, **fields}
        body = {"customer_id": "user_1", "feature_id": "messages", "lock": wanted}
        answered = call("balances.check", body)

        assert (answered.status, answered.body["code"]) == (400, code)
        assert answered.body["message"] == message
        assert left(call) == (10, 0)

    @pytest.mark.parametrize(
        ("fields", "status", "code"),
        [
            ({"feature_id": "users"}, 400, "invalid_request"),
            ({"feature_id": "nothing"}, 404, "feature_not_found"),
            ({"customer_id": "nobody"}, 404, "customer_not_found"),
            ({"entity_id": "ws_1"}, 404, "entity_not_found"),
        ],
    )
    def test_what_cannot_be_reserved_is_told(
        self, call: Call, fields: dict[str, Any], status: int, code: str
    ) -> None:
        answered = lock(call, 1, **fields)

        assert (answered.status, answered.body["code"]) == (status, code)

    def test_a_flag_cannot_be_reserved(self, call: Call) -> None:
        body = {"customer_id": "user_1", "feature_id": "dashboard"}
        assert call("balances.create", body).status == 200

        answered = lock(call, 1, feature_id="dashboard")
        assert (answered.status, answered.body["code"]) == (400, "invalid_request")
        unknown(finalize(call))

    def test_a_track_takes_no_lock(self, call: Call) -> None:
        body = {"customer_id": "user_1", "feature_id": "messages"}
        wanted = {"lock": {"lock_id": "job_1", "enabled": True}}

        for more in ({}, {"async": True}):
            answered = call("balances.track", {**body, **wanted, **more})
            assert (answered.status, answered.body["code"]) == (400, "invalid_request")
        assert left(call) == (10, 0)


class TestFinalizing:
    @pytest.mark.parametrize(
        ("more", "remaining", "told"),
        [
            ({}, 6, [4]),
            ({"override_value": 4}, 6, [4]),
            ({"override_value": 1.5}, 8.5, [-2.5, 4]),
            ({"override_value": 0}, 10, [-4, 4]),
            ({"override_value": 7}, 3, [3, 4]),
            ({"override_value": 400}, 0, [396, 4]),
            ({"override_value": -3}, 10, [-7, 4]),
            ({"action": "release"}, 10, [-4, 4]),
        ],
    )
    def test_it_ends_as_what_was_used_after_all(
        self, call: Call, events: Any, more: Any, remaining: float, told: Any
    ) -> None:
        held(call, 4)

        done(call("balances.finalize", {"lock_id": "job_1", "action": "confirm", **more}))

        assert left(call) == (remaining, 10 - remaining)
        assert [event["value"] for event in events()] == told
        unknown(finalize(call))

    def test_the_last_source_that_paid_is_the_first_that_gets_back(self, call: Call) -> None:
        a_grant(call, 20, balance_id="once")
        held(call, 16)
        assert [one["remaining"] for one in balance(call)["breakdown"]] == [0, 14]

        done(finalize(call, override_value=12))
        assert [one["remaining"] for one in balance(call)["breakdown"]] == [0, 18]

        held(call, 8)
        done(finalize(call, override_value=1))
        assert [one["remaining"] for one in balance(call)["breakdown"]] == [0, 17]

    def test_what_was_carried_over_is_given_back_as_such(self, call: Call, clock: Clock) -> None:
        a_grant(
            call,
            5,
            "words",
            reset={"interval": "month"},
            rollover={"length": 1, "duration": "month"},
        )
        clock.now = NEXT_MONTH
        held(call, 7, feature_id="words")
        assert balance(call, "words")["rollovers"][0]["balance"] == 0

        done(finalize(call, "release"))
        shown = balance(call, "words")
        assert shown["rollovers"][0]["balance"] == 5
        assert (shown["remaining"], shown["usage"]) == (10, 0)

    def test_a_source_that_was_reset_since_gets_nothing_back(
        self, call: Call, clock: Clock
    ) -> None:
        """The reset has forgotten the reservation already: giving back would give it twice."""
        clock.now = NEXT_MONTH - HOUR
        held(call, 8)
        clock.now = NEXT_MONTH
        call("balances.track", {"customer_id": "user_1", "feature_id": "messages", "value": 3})

        done(finalize(call, "release"))
        assert left(call) == (7, 3)

    def test_a_source_that_is_gone_gives_back_to_those_there_are(
        self, call: Call, clock: Clock
    ) -> None:
        a_grant(call, 6, reset={"interval": "day"}, expires_at=START + HOUR, balance_id="short")
        call("balances.track", {"customer_id": "user_1", "feature_id": "messages", "value": 9})
        held(call, 4)
        clock.now = START + 2 * HOUR
        assert left(call) == (0, 10)

        done(finalize(call, "release"))
        assert left(call) == (4, 6)

    def test_the_event_has_the_properties_of_the_settlement_or_else_of_the_check(
        self, call: Call, events: Any
    ) -> None:
        held(call, 4, properties={"of": "check"})
        held(call, 4, lock_id="job_2", properties={"of": "check"})
        done(finalize(call, override_value=3))
        done(finalize(call, "release", "job_2", properties={"of": "end"}))

        told = [(event["value"], event["properties"]["of"]) for event in events()[:2]]
        assert told == [(-4, "end"), (-1, "check")]

    def test_a_lock_is_settled_whether_or_not_the_balance_still_suffices(self, call: Call) -> None:
        held(call, 6)
        edit = {"customer_id": "user_1", "feature_id": "messages", "remaining": -2}
        assert call("balances.update", edit).status == 200

        done(finalize(call, override_value=5))
        assert left(call) == (0, 11)

    def test_a_lock_that_ran_out_is_settled_no_more(self, call: Call, clock: Clock) -> None:
        held(call, 4, until=START + HOUR)
        clock.now = START + HOUR

        unknown(finalize(call))
        unknown(finalize(call, "release"))

    def test_a_lock_without_an_end_lasts_a_day(self, call: Call, clock: Clock) -> None:
        held(call, 4)
        held(call, 3, lock_id="job_2")
        clock.now = START + DAY - 1
        done(finalize(call, "confirm", "job_2"))

        clock.now = START + DAY
        unknown(finalize(call))

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ({"action": "confirm"}, "lock_id: is required"),
            ({"lock_id": "job_1"}, "action: is required"),
            (
                {"lock_id": "job_1", "action": "cancel"},
                "action: must be one of: confirm, release",
            ),
            (
                {"lock_id": "job_1", "action": "release", "override_value": 1},
                "override_value: goes with the action confirm only",
            ),
            (
                {"lock_id": "job_1", "action": "confirm", "override_value": "1"},
                "override_value: must be a number (received string)",
            ),
            (
                {"lock_id": "job_1", "action": "confirm", "properties": []},
                "properties: must be an object (received array)",
            ),
        ],
    )
    def test_a_request_that_makes_no_sense_settles_nothing(
        self, call: Call, body: dict[str, Any], message: str
    ) -> None:
        held(call)

        answered = call("balances.finalize", body)
        assert (answered.status, answered.body["code"]) == (400, "invalid_inputs")
        assert answered.body["message"] == message
        done(finalize(call, "release"))

    def test_a_lock_that_never_was_is_told_so(self, call: Call) -> None:
        unknown(finalize(call))


class TestOwners:
    def test_an_entity_reserves_of_its_own(self, call: Call) -> None:
        body = {"customer_id": "user_1", "entity_id": "seat_1", "feature_id": "users"}
        assert call("entities.create", body).status == 200
        a_grant(call, 3, entity_id="seat_1")

        held(call, 5, entity_id="seat_1")
        assert left(call) == (8, 2)
        done(finalize(call, override_value=1))
        shown = call(
            "balances.check",
            {"customer_id": "user_1", "feature_id": "messages", "entity_id": "seat_1"},
        ).body["balance"]
        assert (shown["remaining"], shown["usage"]) == (12, 1)

    def test_a_customer_that_was_renamed_gets_back_what_it_reserved(self, call: Call) -> None:
        held(call)
        body = {"customer_id": "user_1", "new_customer_id": "user_2"}
        assert call("customers.update", body).status == 200
        a_customer(call, "user_1")

        done(finalize(call, "release"))
        assert balance(call, customer_id="user_2")["remaining"] == 10
        assert balance(call, customer_id="user_1")["remaining"] == 10

    def test_another_customer_of_the_same_id_gets_nothing(self, call: Call) -> None:
        held(call)
        call("customers.delete", {"customer_id": "user_1"})
        a_customer(call)
        call("balances.track", {"customer_id": "user_1", "feature_id": "messages", "value": 5})

        done(finalize(call, "release"))
        assert left(call) == (5, 5)

    def test_a_lock_of_an_entity_that_is_gone_is_dropped(self, call: Call) -> None:
        body = {"customer_id": "user_1", "entity_id": "seat_1", "feature_id": "users"}
        assert call("entities.create", body).status == 200
        a_grant(call, 3, entity_id="seat_1")
        held(call, 3, entity_id="seat_1")
        gone = {"customer_id": "user_1", "entity_id": "seat_1"}
        assert call("entities.delete", gone).status == 200

        done(finalize(call, "release"))
        unknown(finalize(call, "release"))

    @pytest.mark.parametrize(
        ("ending", "remaining"),
        [({"action": "release"}, 8), ({"action": "confirm", "override_value": 4}, 7)],
    )
    def test_an_entity_that_is_gone_gives_back_what_it_reserved_of_the_customer(
        self, call: Call, ending: dict[str, Any], remaining: float
    ) -> None:
        body = {"customer_id": "user_1", "entity_id": "seat_1", "feature_id": "users"}
        assert call("entities.create", body).status == 200
        a_grant(call, 3, entity_id="seat_1")
        call("balances.track", {"customer_id": "user_1", "feature_id": "messages", "value": 2})
        held(call, 5, entity_id="seat_1")
        gone = {"customer_id": "user_1", "entity_id": "seat_1"}
        assert call("entities.delete", gone).status == 200
        assert left(call) == (6, 4)

        done(finalize(call, **ending))

        assert left(call) == (remaining, 10 - remaining)

    def test_an_entity_made_anew_gets_nothing_of_what_the_first_reserved(self, call: Call) -> None:
        a_plan(call, "seats", monthly("messages", 10) | {"entity_feature_id": "users"})
        assert call("billing.attach", {"customer_id": "user_1", "plan_id": "seats"}).status == 200
        body = {"customer_id": "user_1", "entity_id": "seat_1", "feature_id": "users"}
        assert call("entities.create", body).status == 200
        held(call, 5, entity_id="seat_1")
        assert call("entities.delete", body).status == 200
        assert call("entities.create", body).status == 200

        done(finalize(call, "release"))

        shown = call("entities.get", body).body["balances"]["messages"]
        slices = [one["usage"] for one in shown["breakdown"] if one["plan_id"] == "seats"]
        assert slices == [0]

    def test_an_edited_reset_date_does_not_keep_what_was_reserved(
        self, call: Call, clock: Clock
    ) -> None:
        held(call, 4)
        body = {"customer_id": "user_1", "feature_id": "messages"}
        edited = call("balances.update", {**body, "next_reset_at": clock.now + 9 * DAY})
        assert edited.status == 200

        done(finalize(call, "release"))

        assert left(call) == (10, 0)


class TestRivals:
    def test_two_that_want_the_same_id_get_one_lock(self, call: Call, before: Any) -> None:
        before(lambda: held(call, 3))

        second = lock(call, 4)
        assert (second.status, second.body["code"]) == (409, "lock_already_exists")
        assert left(call) == (7, 3)

    def test_two_customers_that_want_the_same_id_get_one_lock(
        self, call: Call, before: Any
    ) -> None:
        a_customer(call, "user_2")
        before(lambda: held(call, 3, customer_id="user_2"))

        second = lock(call, 4)
        assert (second.status, second.body["code"]) == (409, "lock_already_exists")
        assert left(call) == (10, 0)

    def test_a_lock_is_settled_once(self, call: Call, before: Any) -> None:
        held(call, 4)
        before(lambda: done(finalize(call, "release")))

        unknown(finalize(call, override_value=9))
        assert left(call) == (10, 0)

    def test_usage_between_reading_and_settling_is_kept(self, call: Call, before: Any) -> None:
        held(call, 4)
        use = {"customer_id": "user_1", "feature_id": "messages", "value": 5}
        before(lambda: call("balances.track", use))

        done(finalize(call, override_value=1))
        assert left(call) == (4, 6)

    @pytest.mark.parametrize("more", [{}, {"override_value": 1}])
    def test_a_settlement_whose_answer_got_lost_is_made_once(
        self, call: Call, table: Table, monkeypatch: pytest.MonkeyPatch, more: dict[str, Any]
    ) -> None:
        held(call, 4)
        real = table.client.transact_write_items

        def lost(**arguments: Any) -> Any:
            monkeypatch.setattr(table.client, "transact_write_items", real)
            real(**arguments)
            raise ReadTimeoutError(endpoint_url="http://table")

        monkeypatch.setattr(table.client, "transact_write_items", lost)
        # moto knows no tokens: it refuses what AWS recognises, and all that must hold here is
        # that nothing is given back or taken twice.
        finalize(call, **more)
        assert left(call)[0] == 10 - more.get("override_value", 4)


def test_a_lock_says_nothing_of_its_id_in_its_key(call: Call, session: Session) -> None:
    held(call, lock_id="secret-job")

    key = locks.key_of(session, "secret-job")
    assert key == keys.lock("org/sandbox", key.pk.rpartition("#")[2])
    assert "secret" not in key.pk
    assert locks.get(session.table, key) is not None
