"""changes.undo: a mistake is taken back, whatever was used since."""

from collections.abc import Callable
from typing import Any
from unittest.mock import ANY

import pytest

from orchard.domain import ids
from orchard.store import keys
from orchard.store.keys import Key
from orchard.store.statements import Update
from orchard.store.table import Table
from tests.builders import a_customer, a_feature, a_grant, a_plan, balance, left, monthly
from tests.conftest import START, TENANT, Call, Clock
from tests.harness import Response
from tests.streams import recording

HOUR, DAY = 3_600_000, 86_400_000
NEXT_MONTH = 1_790_812_800_000


class Desk:
    """Where user_1 is looked after: what was done is in the ledger before it is looked at."""

    def __init__(self, call: Call, table: Table, clock: Clock) -> None:
        self.call, self.table, self.clock = call, table, clock
        self.new = recording.following(table)

    def asked(self, operation: str, **body: Any) -> Response:
        self.clock.advance(seconds=1)
        if operation.startswith("changes."):
            self.catch_up()
        answer: Response = self.call(operation, {"customer_id": "user_1", **body})
        return answer

    def catch_up(self) -> None:
        recording.deliver(recording.told(self.new()))

    def did(self, operation: str, **body: Any) -> Any:
        """Do something and return the answer."""
        answer = self.asked(operation, **body)
        assert answer.status == 200, answer.body
        return answer.body

    def change(self, operation: str, **body: Any) -> str:
        """Change a balance of messages, unless another is named, and return the change's id."""
        did = self.did(operation, **{"feature_id": "messages", **body})
        change_id: str = did["change_id"]
        return change_id

    def latest(self) -> str:
        """The id of the latest change."""
        shown = self.did("changes.list", limit=1)["list"]
        return str(shown[0]["id"])

    def use(self, value: float, feature_id: str = "messages", **body: Any) -> None:
        self.did("balances.track", feature_id=feature_id, value=value, **body)

    def undo(self, change_id: str, **body: Any) -> str:
        """Undo a change and return the id of the undo."""
        did = self.did("changes.undo", change_id=change_id, **body)
        assert (did["success"], did["undoes"]) == (True, change_id)
        undo_id: str = did["change_id"]
        return undo_id

    def refused(self, change_id: str, code: str = "change_not_undoable") -> str:
        """Fail to undo a change, leave everything as it is, and return the sentence."""
        before = self.items()
        answer = self.asked("changes.undo", change_id=change_id)
        assert (answer.status, answer.body["code"]) == (409, code), answer.body
        assert self.items() == before
        message: str = answer.body["message"]
        return message

    def items(self) -> list[Any]:
        return recording.partition(self.table, keys.hot_partition(TENANT, "user_1"))

    def left(self, feature_id: str = "messages") -> tuple[float, float, float]:
        """Granted, remaining and usage."""
        shown = balance(self.call, feature_id)
        return shown["granted"], shown["remaining"], shown["usage"]


@pytest.fixture
def desk(call: Call, table: Table, clock: Clock) -> Desk:
    """user_1 with 100 messages a month."""
    a_feature(call)
    a_feature(call, "words")
    a_plan(call, "free", monthly("messages", 100), auto_enable=True)
    a_customer(call, "user_1", name="Ada", email="ada@example.com")
    return Desk(call, table, clock)


def test_an_edit_goes_back_and_what_was_used_since_stays(desk: Desk) -> None:
    edit = desk.change("balances.update", add_to_balance=50)
    desk.use(30)

    undo = desk.undo(edit, reason="Wrong customer", reference="T-9")

    assert desk.left() == (100, 70, 30)
    latest, before = desk.did("changes.list", limit=2)["list"]
    assert (latest["id"], latest["action"], latest["undoes"]) == (undo, "changes.undo", edit)
    assert (latest["reason"], latest["reference"]) == ("Wrong customer", "T-9")
    assert (before["id"], before["undone_by"], before["undoable"]) == (edit, undo, False)


def test_the_answer_says_what_became_of_the_balances(desk: Desk) -> None:
    edit = desk.change("balances.update", add_to_balance=50)
    (row,) = balance(desk.call)["breakdown"]

    did = desk.did("changes.undo", change_id=edit)

    assert did == {
        "success": True,
        "change_id": ANY,
        "undoes": edit,
        "customer": {"before": {}, "after": {}},
        "balances": [
            {
                "feature_id": "messages",
                "entity_id": None,
                "before": {
                    "remaining": 150,
                    "usage": -50,
                    "sources": {row["id"]: {"balance": 150}},
                },
                "after": {"remaining": 100, "usage": 0, "sources": {row["id"]: {"balance": 100}}},
            }
        ],
    }


def test_a_dry_run_tells_the_same_and_writes_nothing(desk: Desk) -> None:
    edit = desk.change("balances.update", remaining=20)
    before = desk.items()

    tried = desk.did("changes.undo", change_id=edit, dry_run=True)

    assert desk.items() == before
    assert tried["change_id"] is None
    assert desk.did("changes.undo", change_id=edit) == {**tried, "change_id": ANY}
    assert desk.left() == (100, 100, 0)


def test_what_was_used_beyond_the_balance_there_would_have_been_is_owed(desk: Desk) -> None:
    edit = desk.change("balances.update", add_to_balance=50)
    desk.use(130)

    desk.undo(edit)

    assert desk.left() == (100, 0, 130)
    assert desk.asked("balances.check", feature_id="messages").body["allowed"] is False


def test_what_one_source_can_not_bear_is_taken_from_the_others(desk: Desk) -> None:
    a_grant(desk.call, 200)
    edit = desk.change("balances.update", add_to_balance=50, interval="month")
    desk.use(150)

    desk.undo(edit)

    assert desk.left() == (300, 150, 150)
    rows = {row["included_grant"]: row["remaining"] for row in balance(desk.call)["breakdown"]}
    assert rows == {100: 0, 200: 150}


def test_each_way_to_edit_a_balance_goes_back(desk: Desk) -> None:
    ways: list[tuple[dict[str, Any], tuple[float, float, float]]] = [
        ({"remaining": 10}, (100, 10, 90)),
        ({"usage": 40}, (100, 60, 40)),
        ({"included_grant": 300}, (300, 100, 200)),
        ({"included_grant": 300, "remaining": 120}, (300, 120, 180)),
    ]
    for fields, edited in ways:
        edit = desk.change("balances.update", **fields)
        assert desk.left() == edited

        desk.undo(edit)

        assert desk.left() == (100, 100, 0)


def test_dates_go_back(desk: Desk) -> None:
    edit = desk.change("balances.update", next_reset_at=START + 5 * DAY, expires_at=START + 9 * DAY)

    desk.undo(edit)

    (row,) = balance(desk.call)["breakdown"]
    assert (row["reset"]["resets_at"], row["expires_at"]) == (NEXT_MONTH, None)


def test_a_balance_that_was_set_is_set_back(desk: Desk) -> None:
    a_grant(desk.call, 10, "words")
    both = [{"feature_id": "messages", "balance": 500}, {"feature_id": "words", "balance": 3}]
    change = desk.change("balances.set", balances=both)
    desk.use(20)
    assert (desk.left(), desk.left("words")) == ((500, 480, 20), (3, 3, 0))

    desk.undo(change)

    assert (desk.left(), desk.left("words")) == ((100, 80, 20), (10, 10, 0))


def test_usage_that_was_set_is_set_back(desk: Desk) -> None:
    change = desk.change("balances.set_usage", value=70)
    desk.use(3)

    desk.undo(change)

    assert desk.left() == (100, 97, 3)


def test_a_grant_goes_and_what_was_used_of_it_is_charged_to_the_rest(desk: Desk) -> None:
    desk.did("balances.track", feature_id="messages", value=90)
    grant = desk.change("balances.create", included_grant=1000, balance_id="gift")
    desk.use(15)

    desk.undo(grant)

    assert desk.left() == (100, 0, 105)
    assert [row["id"] for row in balance(desk.call)["breakdown"]] != []


def test_the_only_grant_goes_and_leaves_what_was_used(desk: Desk) -> None:
    grant = desk.change("balances.create", feature_id="words", included_grant=1000)
    desk.use(15, "words")

    undo = desk.undo(grant)
    assert desk.left("words") == (0, 0, 15)

    desk.undo(undo)
    assert desk.left("words") == (1000, 985, 15)


def test_an_unused_grant_and_a_flag_go_without_a_trace(desk: Desk) -> None:
    grant = desk.change("balances.create", feature_id="words", included_grant=1000)
    a_feature(desk.call, "dashboard", type="boolean")
    flag = desk.change("balances.create", feature_id="dashboard")

    desk.undo(grant)
    desk.undo(flag)

    assert balance(desk.call, "words") is None
    check = desk.did("balances.check", feature_id="dashboard")
    assert check["allowed"] is False


def test_an_addition_for_a_while_ends_early(desk: Desk) -> None:
    addition = desk.change("balances.update", add_to_balance=50, ends_at=START + DAY)
    desk.use(120)
    assert desk.left() == (150, 30, 120)

    undo = desk.undo(addition)

    assert desk.left() == (100, 0, 120)
    assert desk.did("overrides.list")["list"] == []
    desk.undo(undo)
    assert desk.left() == (150, 30, 120)
    assert [one["change_id"] for one in desk.did("overrides.list")["list"]] == [addition]


def test_refunds_give_back_no_more_than_was_used_of_an_addition_that_ended_early(
    desk: Desk,
) -> None:
    desk.change("balances.create", feature_id="words", included_grant=10, balance_id="base")
    until = START + 20 * DAY
    addition = desk.change("balances.update", feature_id="words", add_to_balance=50, ends_at=until)
    desk.use(30, "words")
    desk.change("balances.delete", feature_id="words", balance_id="base")
    desk.undo(addition)
    owed = desk.left("words")

    desk.use(-100, "words")

    assert owed == (0, 0, 30)
    assert balance(desk.call, "words") is None


def test_an_addition_that_has_ended_can_not_end_early(desk: Desk) -> None:
    addition = desk.change("balances.update", add_to_balance=50, ends_at=START + DAY)
    desk.clock.now = START + DAY

    assert "is gone" in desk.refused(addition)


def test_what_is_withheld_for_a_while_comes_back_early_even_after_a_reset(desk: Desk) -> None:
    ends_at = NEXT_MONTH + 9 * DAY
    reduction = desk.change("balances.update", add_to_balance=-30, ends_at=ends_at)
    desk.use(10)
    assert desk.left() == (100, 60, 40)
    desk.clock.now = NEXT_MONTH
    desk.use(5)
    assert desk.left() == (100, 65, 35)

    undo = desk.undo(reduction)
    assert desk.left() == (100, 95, 5)
    assert desk.did("overrides.list")["list"] == []

    again = desk.undo(undo)
    assert desk.left() == (100, 65, 35)
    desk.clock.now = ends_at
    assert desk.left() == (100, 95, 5)
    assert "come back by itself" in desk.refused(again)


def test_what_came_back_by_itself_is_not_withheld_again(desk: Desk) -> None:
    ends_at = START + DAY
    undo = desk.undo(desk.change("balances.update", add_to_balance=-30, ends_at=ends_at))
    desk.clock.now = ends_at

    assert "would have come back" in desk.refused(undo)


@pytest.mark.parametrize("recalculate", [False, True])
def test_a_deleted_balance_comes_back(desk: Desk, *, recalculate: bool) -> None:
    desk.change("balances.create", included_grant=50, balance_id="gift")
    desk.use(120)
    delete = desk.change("balances.delete", balance_id="gift", recalculate_balances=recalculate)
    desk.use(0)

    desk.undo(delete)

    assert desk.left() == (150, 30, 120)


def test_a_deleted_balance_that_only_bears_what_was_used_comes_back(desk: Desk) -> None:
    desk.change("balances.create", feature_id="words", included_grant=50)
    desk.use(20, "words")
    delete = desk.change("balances.delete", feature_id="words", recalculate_balances=True)
    assert desk.left("words") == (0, 0, 20)

    desk.undo(delete)

    assert desk.left("words") == (50, 30, 20)


def test_levelled_balances_go_back_to_what_they_were(desk: Desk) -> None:
    desk.change("balances.update", add_to_balance=-130)
    desk.change("balances.create", included_grant=50)
    before = [row["remaining"] for row in balance(desk.call)["breakdown"]]
    level = desk.change("balances.recalculate")
    assert desk.left()[1] == 20

    desk.undo(level)

    assert [row["remaining"] for row in balance(desk.call)["breakdown"]] == before
    assert desk.left()[1] == 50


def test_an_undo_can_be_undone_and_that_again(desk: Desk) -> None:
    edit = desk.change("balances.update", add_to_balance=50)
    first = desk.undo(edit)
    desk.use(10)
    second = desk.undo(first)
    assert desk.left() == (100, 140, -40)

    desk.undo(second)

    assert desk.left() == (100, 90, 10)
    third = desk.latest()
    assert f"undone by {third}" in desk.refused(edit, "already_undone")
    assert f"undone by {second} and is back since {third}" in desk.refused(first, "already_undone")


def test_a_change_is_undone_once_though_others_came_since(desk: Desk) -> None:
    first = desk.change("balances.update", add_to_balance=50)
    desk.change("balances.update", add_to_balance=7)

    undo = desk.undo(first)

    assert desk.left() == (100, 107, -7)
    assert undo in desk.refused(first, "already_undone")


def test_a_reset_since_stands_in_the_way(desk: Desk) -> None:
    edit = desk.change("balances.update", add_to_balance=50)
    desk.clock.now = NEXT_MONTH
    desk.use(1)

    assert "was reset since" in desk.refused(edit)


def test_a_reset_that_nobody_wrote_down_stands_in_the_way_as_well(desk: Desk) -> None:
    edit = desk.change("balances.update", add_to_balance=50)
    desk.clock.now = NEXT_MONTH

    assert "was reset since" in desk.refused(edit)


def test_a_grant_that_was_reset_since_leaves_nothing_to_others(desk: Desk) -> None:
    rolling = {"reset": {"interval": "month"}, "rollover": {"length": 3}}
    grant = desk.change("balances.create", included_grant=40, balance_id="gift", **rolling)
    desk.clock.now = NEXT_MONTH + DAY
    desk.use(5)

    sentence = desk.refused(grant)

    assert "was reset since" in sentence
    assert "balances.delete" in sentence
    assert desk.left() == (180, 175, 5)


def test_a_flag_that_is_on_again_does_not_come_back_twice(desk: Desk) -> None:
    a_feature(desk.call, "dashboard", type="boolean")
    desk.change("balances.create", feature_id="dashboard")
    deletion = desk.change("balances.delete", feature_id="dashboard")
    desk.change("balances.create", feature_id="dashboard")

    assert "switched on again" in desk.refused(deletion)


def test_a_balance_that_is_gone_stands_in_the_way(desk: Desk) -> None:
    desk.change("balances.create", included_grant=50, expires_at=START + DAY, balance_id="gift")
    edit = desk.change("balances.update", add_to_balance=5, balance_id="gift")
    desk.clock.now = START + DAY

    assert "is gone" in desk.refused(edit)


def test_a_date_that_was_changed_again_stands_in_the_way(desk: Desk) -> None:
    first = desk.change("balances.update", expires_at=START + 9 * DAY)
    second = desk.change("balances.update", expires_at=START + 10 * DAY)

    assert "expires_at" in desk.refused(first)
    desk.undo(second)
    desk.undo(first)


def test_a_deleted_balance_whose_reset_has_passed_stays_away(desk: Desk) -> None:
    delete = desk.change("balances.delete")
    desk.clock.now = NEXT_MONTH

    assert "passed" in desk.refused(delete)


def test_a_deleted_balance_of_a_plan_that_ended_stays_away(desk: Desk) -> None:
    a_plan(desk.call, "pro", monthly("messages", 500))
    delete = desk.change("balances.delete")
    desk.did("billing.attach", plan_id="pro")

    assert "plan" in desk.refused(delete)


def test_entities_and_what_they_have_go_back(desk: Desk) -> None:
    a_feature(desk.call, "users", consumable=False)
    desk.did("entities.create", entity_id="seat_1", feature_id="users")
    grant = desk.change("balances.create", included_grant=40, entity_id="seat_1")
    edit = desk.change("balances.update", add_to_balance=20, entity_id="seat_1")
    desk.use(55, entity_id="seat_1")

    desk.undo(edit)
    shown = desk.did("balances.check", feature_id="messages", entity_id="seat_1")["balance"]
    assert shown["remaining"] == 85

    desk.undo(grant)
    shown = desk.did("balances.check", feature_id="messages", entity_id="seat_1")["balance"]
    assert (shown["granted"], shown["remaining"], shown["usage"]) == (100, 45, 55)


def test_what_an_entity_had_that_was_made_anew_stays_away(desk: Desk) -> None:
    a_feature(desk.call, "users", consumable=False)
    desk.did("entities.create", entity_id="seat_1", feature_id="users")
    grant = desk.change("balances.create", included_grant=40, entity_id="seat_1")
    desk.did("entities.delete", entity_id="seat_1")
    desk.clock.advance(seconds=1)
    desk.did("entities.create", entity_id="seat_1", feature_id="users")

    assert "seat_1" in desk.refused(grant)


def test_slices_of_entities_come_back_also_to_those_that_came_since(desk: Desk) -> None:
    a_feature(desk.call, "users", consumable=False)
    per_seat = {**monthly("words", 30), "entity_feature_id": "users"}
    a_plan(desk.call, "team", per_seat, add_on=True)
    desk.did("entities.create", entity_id="seat_1", feature_id="users")
    desk.did("billing.attach", plan_id="team")
    desk.use(10, "words", entity_id="seat_1")
    delete = desk.change("balances.delete", feature_id="words")
    desk.did("entities.create", entity_id="seat_2", feature_id="users")
    assert balance(desk.call, "words") is None

    desk.undo(delete)

    for entity_id, remaining in (("seat_1", 20), ("seat_2", 30)):
        shown = desk.did("balances.check", feature_id="words", entity_id=entity_id)
        assert shown["balance"]["remaining"] == remaining


def test_fields_of_a_customer_go_back(desk: Desk) -> None:
    fields = {"name": "Eve", "email": "eve@example.com", "send_email_receipts": True}
    before = {name: desk.did("customers.get")[name] for name in fields}
    desk.did("customers.update", **fields)

    undo = desk.undo(desk.latest())

    assert {name: desk.did("customers.get")[name] for name in fields} == before
    desk.undo(undo)
    assert {name: desk.did("customers.get")[name] for name in fields} == fields


def test_fields_that_were_filled_in_go_back(desk: Desk) -> None:
    a_customer(desk.call, "user_2")
    a_customer(desk.call, "user_2", name="Bob")
    whose = {"customer_id": "user_2", "action": "customers.update"}
    filled = desk.did("changes.list", **whose)["list"][0]["id"]

    desk.undo(filled, customer_id="user_2")

    assert desk.did("customers.get", customer_id="user_2")["name"] is None


def test_of_documents_only_the_entries_go_back_that_were_changed(desk: Desk) -> None:
    desk.did("customers.update", metadata={"tier": "gold", "team": {"size": 3}})
    desk.did("customers.update", metadata={"tier": None, "team": {"size": 4}, "vip": True})
    change = desk.latest()
    desk.did("customers.update", metadata={"note": "called"})

    desk.undo(change)

    shown = desk.did("customers.get")["metadata"]
    assert shown == {"tier": "gold", "team": {"size": 3}, "note": "called"}


def test_controls_go_back_in_the_balances_too(desk: Desk) -> None:
    limit = {"feature_id": "messages", "limit": 5, "interval": "month"}
    desk.did("customers.update", billing_controls={"usage_limits": [limit]})
    change = desk.latest()
    assert desk.did("balances.check", feature_id="messages", required_balance=9)["allowed"] is False

    undo = desk.undo(change)
    assert desk.did("balances.check", feature_id="messages", required_balance=9)["allowed"] is True

    desk.undo(undo)
    assert desk.did("balances.check", feature_id="messages", required_balance=9)["allowed"] is False


def test_a_customer_goes_back_to_its_former_id(desk: Desk) -> None:
    desk.use(30)
    desk.did("customers.update", new_customer_id="user_2", name="Eve")
    desk.catch_up()
    shown = desk.call("changes.list", {"customer_id": "user_2", "limit": 1}).body["list"]
    rename = shown[0]["id"]

    answer = desk.asked("changes.undo", customer_id="user_2", change_id=rename)
    assert answer.status == 200, answer.body

    assert desk.did("customers.get")["name"] == "Ada"
    assert desk.left() == (100, 70, 30)
    assert desk.asked("customers.get", customer_id="user_2").status == 404
    latest = desk.did("changes.list", limit=1)["list"][0]
    assert (latest["action"], latest["undoes"]) == ("changes.undo", rename)
    desk.undo(latest["id"])
    assert desk.asked("customers.get").status == 404
    assert desk.asked("customers.get", customer_id="user_2").body["name"] == "Eve"


def test_a_former_id_that_was_given_away_stays_away(desk: Desk) -> None:
    desk.did("customers.update", new_customer_id="user_2")
    desk.catch_up()
    shown = desk.call("changes.list", {"customer_id": "user_2", "limit": 1}).body["list"]
    a_customer(desk.call, "user_1")

    answer = desk.asked("changes.undo", customer_id="user_2", change_id=shown[0]["id"])

    assert (answer.status, answer.body["code"]) == (409, "customer_already_exists")


def test_a_field_that_was_changed_again_stands_in_the_way(desk: Desk) -> None:
    desk.did("customers.update", name="Eve", metadata={"tier": "gold"})
    first = desk.latest()
    desk.did("customers.update", name="Zoe")
    second = desk.latest()

    assert "name was changed again" in desk.refused(first)
    desk.undo(second)
    desk.did("customers.update", metadata={"tier": "lead"})
    assert "metadata.tier was changed again" in desk.refused(first)


def test_an_address_that_another_customer_has_by_now_stays_away(call: Call, desk: Desk) -> None:
    made = call("customers.get_or_create", {"customer_id": None, "email": "a@example.com"}).body
    internal_id = made.get("autumn_id") or desk_internal(desk, "a@example.com")
    call("customers.update", {"customer_id": internal_id, "email": "b@example.com"})
    desk.catch_up()
    shown = call("changes.list", {"customer_id": internal_id, "limit": 1}).body["list"]
    call("customers.get_or_create", {"customer_id": None, "email": "a@example.com"})

    answer = desk.asked("changes.undo", customer_id=internal_id, change_id=shown[0]["id"])

    assert (answer.status, answer.body["code"]) == (409, "change_not_undoable")


def desk_internal(desk: Desk, email: str) -> str:
    item = desk.table.get(keys.email_pointer(TENANT, email))
    assert item is not None
    return str(item["internal_id"])


@pytest.mark.parametrize(
    ("operation", "body", "instead"),
    [
        ("billing.attach", {"plan_id": "pro"}, "billing.attach"),
        ("entities.create", {"entity_id": "seat_1", "feature_id": "users"}, "entities.delete"),
    ],
)
def test_what_can_not_be_undone_says_what_to_do_instead(
    desk: Desk, operation: str, body: dict[str, Any], instead: str
) -> None:
    a_feature(desk.call, "users", consumable=False)
    a_plan(desk.call, "pro", monthly("messages", 500))
    desk.did(operation, **body)

    assert instead in desk.refused(desk.latest())


def test_a_new_customer_is_not_undone(desk: Desk) -> None:
    assert "customers.delete" in desk.refused(desk.latest())


def test_a_reset_is_not_undone(desk: Desk) -> None:
    desk.use(5)
    desk.clock.now = NEXT_MONTH
    desk.use(1)

    assert "balances.update" in desk.refused(desk.latest())


def test_an_unknown_change_and_an_unknown_customer_are_not_found(desk: Desk) -> None:
    old = ids.new("chg_", START - DAY)
    edit = desk.change("balances.update", add_to_balance=50)
    a_customer(desk.call, "user_2")

    for body, code in (
        ({"change_id": old}, "change_not_found"),
        ({"change_id": "no such id"}, "change_not_found"),
        ({"change_id": edit, "customer_id": "nobody"}, "customer_not_found"),
    ):
        answer = desk.asked("changes.undo", **body)
        assert (answer.status, answer.body["code"]) == (404, code)
    desk.clock.advance(seconds=120)
    answer = desk.asked("changes.undo", change_id=edit, customer_id="user_2")
    assert (answer.status, answer.body["code"]) == (404, "change_not_found")


@pytest.mark.parametrize("body", [{}, {"change_id": ""}, {"change_id": 5}])
def test_a_request_without_a_change_is_refused(desk: Desk, body: dict[str, Any]) -> None:
    answer = desk.asked("changes.undo", **body)

    assert (answer.status, answer.body["code"]) == (400, "invalid_inputs")


@pytest.mark.parametrize("minutes", [0, 10])
def test_a_change_that_is_not_in_the_ledger_yet_is_to_be_waited_for(
    desk: Desk, minutes: int
) -> None:
    edit = desk.call(
        "balances.update",
        {"customer_id": "user_1", "feature_id": "messages", "add_to_balance": 50},
    ).body["change_id"]
    # However late the stream is: the balance itself says who was the last to change it.
    desk.clock.advance(seconds=60 * minutes)

    answer = desk.call("changes.undo", {"customer_id": "user_1", "change_id": edit})

    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    desk.catch_up()
    desk.undo(edit)
    assert desk.left() == (100, 100, 0)


def test_half_a_change_is_never_undone(desk: Desk) -> None:
    a_grant(desk.call, 10, "words")
    both = [{"feature_id": "messages", "balance": 500}, {"feature_id": "words", "balance": 0}]
    body = {"customer_id": "user_1", "balances": both}
    change = desk.call("balances.set", body).body["change_id"]
    found = recording.told(recording.records(desk.table))
    recording.deliver([one for one in found if "words" not in one["dynamodb"]["Keys"]["sk"]["S"]])
    undo = {"customer_id": "user_1", "change_id": change}

    desk.clock.advance(days=0.5)
    early = desk.call("changes.undo", undo)
    desk.clock.advance(days=1)
    late = desk.call("changes.undo", undo)

    assert (early.status, late.status, late.body["code"]) == (503, 409, "change_not_undoable")
    recording.deliver(found)
    assert desk.did("changes.undo", change_id=change)["success"] is True


def test_an_idempotency_key_undoes_once(desk: Desk) -> None:
    edit = desk.change("balances.update", add_to_balance=50)
    desk.catch_up()
    body = {"customer_id": "user_1", "change_id": edit}
    headers = {"idempotency-key": "undo-1"}

    first = desk.call("changes.undo", body, headers=headers)
    again = desk.call("changes.undo", body, headers=headers)

    assert (first.status, again.status) == (200, 409)
    assert again.body["code"] == "duplicate_idempotency_key"
    assert left(desk.call) == (100, 0)


def test_a_rival_that_undoes_the_same_change_first_wins(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit = desk.change("balances.update", add_to_balance=50)
    before(desk, monkeypatch, lambda: desk.undo(edit))

    assert desk.asked("changes.undo", change_id=edit).body["code"] == "already_undone"
    assert desk.left() == (100, 100, 0)


def test_usage_and_edits_right_before_the_undo_is_written_count(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit = desk.change("balances.update", add_to_balance=50)

    def meanwhile() -> None:
        desk.use(30)
        desk.change("balances.update", add_to_balance=7)

    before(desk, monkeypatch, meanwhile)

    desk.undo(edit)

    assert desk.left() == (100, 77, 23)


def test_a_customer_that_is_deleted_leaves_no_mark_behind(desk: Desk) -> None:
    edit = desk.change("balances.update", add_to_balance=50)
    desk.undo(edit)
    desk.did("customers.delete")

    assert desk.asked("changes.undo", change_id=edit).status == 404


def test_a_change_by_an_older_version_says_no_number_of_lines(desk: Desk) -> None:
    edit = desk.change("balances.update", add_to_balance=50)
    desk.catch_up()
    (item,) = (
        one
        for one in recording.partition(desk.table, ledger_of(desk))
        if one.get("id") == edit and one["sk"].startswith("CHANGE")
    )
    key = Key(item["pk"], item["sk"])
    desk.table.update(Update(key, "REMOVE basis", {}))

    desk.undo(edit)

    assert desk.left() == (100, 100, 0)


def ledger_of(desk: Desk) -> str:
    own = next(item for item in desk.items() if keys.is_customer(item["sk"]))
    return keys.ledger(TENANT, own["internal_id"])


def before(desk: Desk, monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Let a rival act once, right before the next transaction."""
    real = desk.table.client.transact_write_items

    def call(**arguments: Any) -> Any:
        monkeypatch.setattr(desk.table.client, "transact_write_items", real)
        act()
        return real(**arguments)

    monkeypatch.setattr(desk.table.client, "transact_write_items", call)
