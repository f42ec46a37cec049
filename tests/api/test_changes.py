"""changes.list: what was done to customers, by whom and why."""

import importlib
from typing import Any

import pytest

from orchard.contracts.api_keys import CreateApiKeyRequest
from orchard.contracts.cursor import Cursor, encode
from orchard.store import changes, keys
from orchard.store.session import Session
from orchard.store.statements import Put
from orchard.store.table import Table
from orchard.usecases import api_keys, budget
from tests import harness
from tests.builders import a_customer, a_feature, a_grant, a_plan, monthly
from tests.conftest import START, TENANT, Call, Clock, mint
from tests.harness import Response
from tests.jobs.conftest import Deadline
from tests.streams import recording

WHY = {"reason": "Asked for it", "reference": "T-1"}
KEY = {"type": "api_key", "name": "tests"}


class Trail:
    """Does things and looks at what is told of them."""

    def __init__(self, call: Call, table: Table, clock: Clock) -> None:
        self.call, self.table, self.clock = call, table, clock
        self.delivered = 0

    def do(self, operation: str, **body: Any) -> Any:
        """Do something to user_1, a second after what was done before."""
        self.clock.advance(seconds=1)
        answer = self.call(operation, {"customer_id": "user_1", **body})
        assert answer.status == 200, answer.body
        return answer.body

    def job(self, name: str) -> None:
        """Run a scheduled job."""
        handler: Any = importlib.import_module(f"jobs.{name}").handler
        handler(harness.sample(f"jobs/{name}"), Deadline(10**9))

    def catch_up(self) -> None:
        """Let the stream's consumer see what it has not seen."""
        told = recording.told(recording.records(self.table))
        recording.deliver(told[self.delivered :])
        self.delivered = len(told)

    def ask(self, **body: Any) -> Response:
        self.catch_up()
        return self.look(**body)

    def look(self, **body: Any) -> Response:
        """List changes that the consumer has seen."""
        response: Response = self.call("changes.list", body)
        return response

    def everything(self, **body: Any) -> list[Any]:
        answer = self.ask(**body)
        assert answer.status == 200, answer.body
        shown: list[Any] = answer.body["list"]
        return shown

    def of(self, customer_id: str = "user_1", **body: Any) -> list[Any]:
        return self.everything(customer_id=customer_id, **body)

    def last(self, **body: Any) -> Any:
        return self.of(**body)[0]


@pytest.fixture
def trail(call: Call, table: Table, clock: Clock) -> Trail:
    """user_1 with the plan `free` (100 messages a month), and a plan `pro` of the same group."""
    a_feature(call)
    a_feature(call, "seats", consumable=False)
    a_plan(call, auto_enable=True)
    a_plan(call, "pro", monthly("messages", 500))
    a_customer(call, "user_1", name="Ada", email="ada@example.com", **WHY)
    return Trail(call, table, clock)


def actions(shown: list[Any]) -> list[str]:
    return [one["action"] for one in shown]


def test_a_new_customer_is_told_with_its_plans_and_balances_in_one(trail: Trail) -> None:
    (made,) = trail.of()

    assert made.pop("id").startswith("chg_")
    after, (balance,) = made.pop("after"), made.pop("balances")
    assert made == {
        "timestamp": START,
        "customer_id": "user_1",
        "action": "customers.create",
        "actor": KEY,
        "reason": "Asked for it",
        "reference": "T-1",
        "request_id": "sample-request",
        "feature_id": "messages",
        "entity_id": None,
        "before": {},
        "details": {},
        "undoes": None,
        "undone_by": None,
        "undoable": False,
    }
    assert (after["name"], after["email"], after["metadata"]) == ("Ada", "ada@example.com", {})
    assert [(plan["plan_id"], plan["status"]) for plan in after["plans"]] == [("free", "active")]
    assert (balance["feature_id"], balance["entity_id"]) == ("messages", None)
    assert balance["before"] == {"granted": 0, "remaining": 0, "sources": {}}
    assert (balance["after"]["granted"], balance["after"]["remaining"]) == (100, 100)
    (source,) = balance["after"]["sources"].values()
    assert (source["plan_id"], source["allowance"], source["interval"]) == ("free", 100, "month")


def test_a_profile_is_told_by_what_differs(trail: Trail) -> None:
    trail.do("customers.update", name="Grace", metadata={"tier": "gold", "n": 1.5}, **WHY)

    told = trail.last()

    assert (told["action"], told["undoable"]) == ("customers.update", True)
    assert told["before"] == {"name": "Ada", "metadata": {}}
    assert told["after"] == {"name": "Grace", "metadata": {"tier": "gold", "n": 1.5}}
    assert (told["reason"], told["reference"], told["balances"]) == (*WHY.values(), [])


def test_another_id_is_told_with_the_one_before_it(trail: Trail) -> None:
    trail.do("customers.update", new_customer_id="ada", name="Grace")

    shown = trail.of("ada")

    assert actions(shown) == ["customers.update", "customers.create"]
    assert shown[0]["before"] == {"id": "user_1", "name": "Ada"}
    assert shown[0]["after"] == {"id": "ada", "name": "Grace"}
    # All of it is shown under the id that the customer has now.
    assert {one["customer_id"] for one in shown} == {"ada"}
    assert trail.everything()[0]["customer_id"] == "ada"


def test_a_claim_is_told(trail: Trail, call: Call) -> None:
    made = call("customers.get_or_create", {"customer_id": None, "email": "eve@example.com"})
    assert made.status == 200
    trail.do("customers.get_or_create", customer_id="eve", email="eve@example.com", **WHY)

    told = trail.last(customer_id="eve")

    assert (told["action"], told["before"], told["after"]) == (
        "customers.claim",
        {"id": None},
        {"id": "eve"},
    )
    assert told["reference"] == "T-1"


def test_blanks_that_are_filled_are_an_update(trail: Trail, call: Call) -> None:
    a_customer(call, "bob")
    trail.do("customers.get_or_create", customer_id="bob", name="Bob")

    assert trail.last(customer_id="bob")["action"] == "customers.update"
    assert trail.last(customer_id="bob")["after"] == {"name": "Bob"}


def test_a_plan_that_takes_the_place_of_another_is_told_with_both(trail: Trail) -> None:
    trail.do("billing.attach", plan_id="pro", **WHY)

    told = trail.last()

    (before,), after = told["before"]["plans"], told["after"]["plans"]
    assert told["action"] == "billing.attach"
    assert (before["plan_id"], before["status"], before["expires_at"]) == ("free", "active", None)
    assert [(one["plan_id"], one["status"]) for one in after] == [
        ("free", "expired"),
        ("pro", "active"),
    ]
    assert after[0] == before | {"status": "expired", "expires_at": trail.clock.now}
    assert after[1]["started_at"] == trail.clock.now
    (balance,) = told["balances"]
    assert (balance["before"]["granted"], balance["after"]["granted"]) == (100, 500)
    assert len(balance["before"]["sources"]) == len(balance["after"]["sources"]) == 1
    assert (told["reason"], told["reference"], told["undoable"]) == (*WHY.values(), False)


def test_entities_are_told_with_what_they_had(trail: Trail) -> None:
    seat = {"entity_id": "seat_1"}
    trail.do("entities.create", **seat, feature_id="seats", name="Sales", **WHY)
    controls = {"overage_allowed": [{"feature_id": "messages", "enabled": True}]}
    trail.do("entities.update", **seat, billing_controls=controls)
    trail.do("balances.create", **seat, feature_id="messages", included_grant=7)
    trail.do("entities.delete", **seat)

    gone, granted, changed, made = trail.of(entity_id="seat_1")

    assert actions([made, changed, granted, gone]) == [
        "entities.create",
        "entities.update",
        "balances.create",
        "entities.delete",
    ]
    assert (made["before"], made["after"]["entity"]["name"]) == ({}, "Sales")
    assert (made["feature_id"], made["entity_id"]) == ("seats", "seat_1")
    assert changed["before"]["entity"]["billing_controls"] == {}
    assert changed["after"]["entity"]["billing_controls"] == controls
    assert granted["balances"][0]["entity_id"] == "seat_1"
    assert gone["before"]["balances"] == {"messages": {"granted": 7, "remaining": 7, "usage": 0}}
    assert (gone["before"]["entity"]["name"], gone["after"]) == ("Sales", {})


def test_edits_of_balances_are_told_by_totals_and_sources(trail: Trail) -> None:
    trail.do("balances.track", feature_id="messages", value=30)
    done = trail.do("balances.update", feature_id="messages", add_to_balance=50, **WHY)

    told = trail.last()

    (balance,) = told["balances"]
    (was,), (now,) = (balance[side]["sources"].values() for side in ("before", "after"))
    assert (told["id"], told["action"]) == (done["change_id"], "balances.update")
    assert (balance["before"]["remaining"], balance["after"]["remaining"]) == (70, 120)
    assert (was["balance"], now["balance"]) == (70, 120)
    assert (told["feature_id"], told["undoable"], told["before"]) == ("messages", True, {})


def test_every_edit_appears_once_under_the_id_that_it_answered(trail: Trail) -> None:
    debt = {"feature_id": "messages", "balance_id": "b"}
    done = [
        trail.do("balances.create", **debt, included_grant=5, **WHY),
        trail.do("balances.update", **debt, remaining=-5, **WHY),
        trail.do("balances.recalculate", feature_id="messages", **WHY),
        trail.do("balances.set_usage", feature_id="messages", value=3, **WHY),
        trail.do("balances.set", balances=[{"feature_id": "messages", "balance": 9}], **WHY),
        trail.do("balances.delete", **debt, **WHY),
    ]
    trail.do("balances.track", feature_id="messages")

    shown = [one for one in reversed(trail.of()) if one["action"] != "customers.create"]

    assert [one["id"] for one in shown] == [one["change_id"] for one in done]
    assert actions(shown) == [
        "balances.create",
        "balances.update",
        "balances.recalculate",
        "balances.update",
        "balances.update",
        "balances.delete",
    ]
    assert {(one["reason"], one["reference"]) for one in shown} == {tuple(WHY.values())}


def test_a_reset_is_the_doing_of_time(trail: Trail) -> None:
    trail.do("balances.track", feature_id="messages", value=30)
    trail.clock.advance(days=31)
    trail.do("balances.track", feature_id="messages", value=1)

    told = trail.last()

    assert (told["action"], told["actor"]) == ("balances.reset", {"type": "time", "name": None})
    assert told["undoable"] is False
    (balance,) = told["balances"]
    assert (balance["before"]["remaining"], balance["after"]["remaining"]) == (70, 100)
    # Resets come by themselves: they are not listed among what was done to everybody.
    assert "balances.reset" not in actions(trail.everything())
    assert trail.everything(action="balances.reset") == []


def test_a_plan_that_ended_by_itself_is_the_doing_of_the_job(trail: Trail) -> None:
    trial = {"duration_length": 3, "duration_type": "day", "card_required": False}
    a_plan(trail.call, "trial", monthly("messages", 5), free_trial=trial, group="trials")
    trail.do("billing.attach", plan_id="trial")
    trail.clock.advance(days=4)
    trail.job("reset_balances")

    told = trail.last(action="plans.ended")

    assert told["actor"] == {"type": "job", "name": "reset_balances"}
    ((before,), (after,)) = (told[side]["plans"] for side in ("before", "after"))
    assert (before["plan_id"], before["status"], after["status"]) == ("trial", "active", "expired")
    assert trail.everything(actor={"type": "job"}) == [told]


def test_what_was_delivered_twice_is_told_once(trail: Trail, table: Table) -> None:
    trail.do("billing.attach", plan_id="pro")
    trail.do("balances.update", feature_id="messages", remaining=3)
    shown, everybody = trail.of(), trail.everything()

    for record in reversed(recording.told(recording.records(table))):
        recording.deliver([record])

    assert trail.of() == shown
    assert trail.everything() == everybody
    assert len(shown) == 3


class TestOfEverybody:
    def test_it_is_the_same_list_over_all_customers(self, trail: Trail, call: Call) -> None:
        for number in range(5):
            trail.clock.advance(seconds=1)
            a_customer(call, f"c{number}")
        trail.do("billing.attach", plan_id="pro")
        trail.do("customers.update", name="Grace")

        shown = trail.everything()

        assert len(shown) == 8
        times = [one["timestamp"] for one in shown]
        assert times == sorted(times, reverse=True)
        mine = [one for one in shown if one["customer_id"] == "user_1"]
        assert mine == trail.of()

    def test_of_a_deleted_customer_its_deletion_is_left(self, trail: Trail, call: Call) -> None:
        internal_id = call("customers.get", {"customer_id": "user_1", "with_autumn_id": True})
        trail.do("customers.update", name="Grace")
        trail.do("customers.delete", **WHY)

        (told,) = trail.everything()

        assert told.pop("id").startswith("chg_")
        assert told == {
            "timestamp": trail.clock.now,
            "customer_id": "user_1",
            "action": "customers.delete",
            "actor": KEY,
            "reason": "Asked for it",
            "reference": "T-1",
            "request_id": "sample-request",
            "feature_id": None,
            "entity_id": None,
            "before": {},
            "after": {},
            "balances": [],
            "details": {"internal_id": internal_id.body["autumn_id"], "purged_at": None},
            "undoes": None,
            "undone_by": None,
            "undoable": False,
        }
        assert trail.ask(customer_id="user_1").status == 404

    def test_the_deletion_outlives_the_purge_and_a_new_customer_begins_anew(
        self, trail: Trail
    ) -> None:
        trail.do("customers.delete", **WHY)
        for hours in (1, 26):
            trail.clock.advance(seconds=hours * 3600)
            trail.job("purge_customers")
        a_customer(trail.call)

        made, deleted = trail.everything()

        assert actions([made, deleted]) == ["customers.create", "customers.delete"]
        assert deleted["details"]["purged_at"] == START + 1000 + 3_600_000
        assert actions(trail.of()) == ["customers.create"]
        assert trail.everything(action="customers.delete") == [deleted]

    def test_the_other_environment_is_not_shown(self, trail: Trail, table: Table) -> None:
        live = mint(table, "live")

        assert trail.everything() != []
        assert trail.call("changes.list", {}, key=live).body["list"] == []


class TestFilters:
    @pytest.fixture(autouse=True)
    def done(self, trail: Trail, call: Call) -> None:
        """Changes of user_1 and of bob: of words, messages and a seat, by two keys."""
        a_feature(call, "words")
        a_customer(call, "bob")
        trail.do("entities.create", entity_id="seat_1", feature_id="seats")
        a_grant(call, 5, "words", entity_id="seat_1")
        trail.do("balances.update", feature_id="messages", remaining=3)
        trail.do("balances.update", customer_id="bob", feature_id="messages", remaining=4)
        request = CreateApiKeyRequest(environment="sandbox", name="server")
        server = api_keys.create(trail.table, request, START)["key"]
        trail.clock.advance(seconds=1)
        named = call("customers.update", {"customer_id": "user_1", "name": "Grace"}, key=server)
        assert named.status == 200

    def test_each_narrows_the_list(self, trail: Trail) -> None:
        expected: list[tuple[dict[str, Any], int, int]] = [
            ({"action": "balances.update"}, 1, 2),
            ({"action": ["balances.update", "customers.update"]}, 2, 3),
            ({"feature_id": "messages"}, 2, 4),
            ({"feature_id": "words"}, 1, 1),
            ({"feature_id": "seats"}, 1, 1),
            ({"entity_id": "seat_1"}, 2, 2),
            ({"entity_id": "seat_1", "feature_id": "words"}, 1, 1),
            ({"entity_id": "seat_2"}, 0, 0),
            ({"actor": {"type": "api_key"}}, 5, 7),
            ({"actor": {"type": "job"}}, 0, 0),
            ({"actor": {"name": "server"}}, 1, 1),
            ({"actor": {"type": "job", "name": "server"}}, 0, 0),
            ({"custom_range": {"start": START + 2000}}, 2, 3),
            ({"custom_range": {"start": START + 2000, "end": START + 2000}}, 1, 1),
            ({"custom_range": {"end": START - 1}}, 0, 0),
        ]

        trail.catch_up()
        found = [
            (
                filters,
                len(trail.look(customer_id="user_1", **filters).body["list"]),
                len(trail.look(**filters).body["list"]),
            )
            for filters, _mine, _all in expected
        ]

        assert found == expected

    def test_what_makes_no_sense_is_refused(self, trail: Trail) -> None:
        expected: list[tuple[dict[str, Any], str]] = [
            ({"action": "balances.track"}, "invalid_inputs"),
            ({"actor": {"type": "robot"}}, "invalid_inputs"),
            ({"actor": "server"}, "invalid_inputs"),
            ({"custom_range": {"start": 2, "end": 1}}, "invalid_inputs"),
            ({"limit": 0}, "invalid_inputs"),
            ({"limit": 1001}, "invalid_request"),
            ({"start_cursor": "nonsense"}, "invalid_cursor"),
            ({"customer_id": "a b"}, "invalid_inputs"),
        ]

        refused = [(wrong, trail.look(**wrong)) for wrong, _code in expected]

        assert [(wrong, answer.body["code"]) for wrong, answer in refused] == expected
        assert {answer.status for _wrong, answer in refused} == {400}

    def test_an_unknown_customer_is_not_found(self, trail: Trail) -> None:
        refused = trail.ask(customer_id="nobody")

        assert (refused.status, refused.body["code"]) == (404, "customer_not_found")

    @pytest.mark.parametrize("whose", [{"customer_id": "user_1"}, {}])
    @pytest.mark.parametrize("filters", [{}, {"action": "balances.update"}])
    def test_pages_follow_each_other_without_gap_or_repetition(
        self, trail: Trail, whose: dict[str, Any], filters: dict[str, Any]
    ) -> None:
        for number in range(6):
            trail.do("balances.update", feature_id="messages", remaining=number + 10)
        asked = {**whose, **filters}
        whole = trail.everything(**asked)
        assert whole == trail.everything(**asked, limit=len(whole))

        for limit in (1, 3):
            pages, cursor = [], ""
            while cursor is not None:
                body = trail.look(**asked, limit=limit, start_cursor=cursor).body
                pages += body["list"]
                cursor = body["next_cursor"]
                assert len(body["list"]) == limit or cursor is None
            assert pages == whole

    def test_a_cursor_may_lie_between_changes(self, trail: Trail) -> None:
        cursor = encode(Cursor(START + 2500, "chg_zzz"))

        assert trail.of(start_cursor=cursor)[0]["timestamp"] == START + 2000
        assert trail.everything(start_cursor=cursor)[0]["timestamp"] == START + 2000

    @pytest.mark.parametrize("whose", [{"customer_id": "user_1"}, {}])
    def test_what_would_read_too_much_says_what_to_narrow(
        self, trail: Trail, monkeypatch: pytest.MonkeyPatch, whose: dict[str, Any]
    ) -> None:
        monkeypatch.setattr(changes, "MOST_READ", 3)

        refused = trail.ask(**whose, action="plans.ended")

        assert (refused.status, refused.body["code"]) == (400, "invalid_request")
        assert "custom_range" in refused.body["message"]
        assert trail.ask(**whose, custom_range={"start": START + 3000}).status == 200

    @pytest.mark.parametrize("whose", [{"customer_id": "user_1"}, {}])
    def test_a_page_holds_no_more_than_an_answer_may(
        self, trail: Trail, monkeypatch: pytest.MonkeyPatch, whose: dict[str, Any]
    ) -> None:
        whole = trail.ask(**whose, limit=1000).body["list"]
        monkeypatch.setattr(budget, "LARGEST_ANSWER", 1500)

        pages, cursor = 0, ""
        found: list[Any] = []
        while cursor is not None:
            body = trail.look(**whose, limit=1000, start_cursor=cursor).body
            found, cursor, pages = [*found, *body["list"]], body["next_cursor"], pages + 1

        assert found == whole
        assert pages > 1

    def test_a_change_that_was_undone_says_by_which(self, trail: Trail) -> None:
        told = trail.last()
        customer = trail.call("customers.get", {"customer_id": "user_1", "with_autumn_id": True})
        key = keys.undone(TENANT, customer.body["autumn_id"], told["id"])
        trail.table.put(Put({"pk": key.pk, "sk": key.sk, "undone_by": "chg_other", "at": START}))

        again = trail.last()

        assert (again["undone_by"], again["undoable"]) == ("chg_other", False)
        assert trail.everything()[0] == again


def test_of_large_metadata_the_entries_are_told_that_changed(trail: Trail) -> None:
    for name in "abcdef":
        trail.do("customers.update", metadata={name: name * 90_000} if name < "e" else {name: 1})
    trail.do("customers.update", metadata={"a": None, "e": 2})

    last, first = trail.of(action="customers.update")[0], trail.of(action="customers.update")[-1]

    assert last["before"] == {"metadata": {"a": "a" * 90_000, "e": 1}}
    assert last["after"] == {"metadata": {"e": 2}}
    assert first["after"]["metadata"] == {"a": "a" * 90_000}


def test_all_lines_of_a_change_are_found_by_its_id(
    trail: Trail, session: Session, call: Call
) -> None:
    done = trail.do("balances.update", feature_id="messages", remaining=3)
    trail.do("balances.update", feature_id="messages", remaining=4)
    whole = call("customers.get", {"customer_id": "user_1", "with_autumn_id": True})
    internal_id = whole.body["autumn_id"]
    (made,) = trail.of(action="customers.create")

    both = changes.find(session, internal_id, made["id"])
    assert [(line.kind, line.feature_id) for line in both] == [
        ("create", None),
        ("create", "messages"),
    ]
    (line,) = changes.find(session, internal_id, done["change_id"])
    assert (line.kind, line.feature_id, line.after["remaining"]) == ("edit", "messages", 3)
    for unknown in ("chg_1", "", "chg_" + "0" * 27, "chg_" + "z" * 27, made["id"][:-1] + "#"):
        assert changes.find(session, internal_id, unknown) == ()
    assert changes.find(session, "cus_other", made["id"]) == ()
