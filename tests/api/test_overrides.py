"""Edits with an end, grants that expire, and `overrides.list`, which shows both."""

from typing import Any
from unittest.mock import ANY

import pytest

from orchard.store import keys
from orchard.store.statements import Put
from orchard.store.table import Table
from tests.builders import a_customer, a_feature, a_grant, a_plan, balance, left
from tests.conftest import START, TENANT, Call, Clock, mint
from tests.harness import Response
from tests.harness import call as call_with
from tests.streams import recording

DAY = 86_400_000
FRIDAY = START + 3 * DAY


@pytest.fixture(autouse=True)
def _customer(call: Call) -> None:
    a_feature(call)
    a_feature(call, "users", consumable=False)
    a_feature(call, "dashboard", type="boolean")
    a_plan(call, "free", auto_enable=True)
    a_customer(call)


def edit(call: Call, **fields: Any) -> Response:
    body = {"customer_id": "user_1", "feature_id": "messages", "ends_at": FRIDAY, **fields}
    return call("balances.update", body)


def lent(call: Call, **fields: Any) -> str:
    answered = edit(call, **fields)
    assert answered.status == 200, answered
    return str(answered.body["change_id"])


def track(call: Call, value: float, **fields: Any) -> None:
    body = {"customer_id": "user_1", "feature_id": "messages", "value": value, **fields}
    answered = call("balances.track", body)
    assert answered.status == 200, answered


def listed(call: Call, **fields: Any) -> list[Any]:
    answered = call("overrides.list", fields)
    assert answered.status == 200, answered
    found: list[Any] = answered.body["list"]
    return found


def an_entity(call: Call, entity_id: str = "seat_1") -> None:
    body = {"customer_id": "user_1", "entity_id": entity_id, "feature_id": "users"}
    assert call("entities.create", body).status == 200


def test_an_addition_is_a_source_of_its_own_until_it_ends(call: Call, clock: Clock) -> None:
    lent(call, add_to_balance=5000)
    track(call, 130)

    shown = balance(call)
    assert (shown["granted"], shown["remaining"], shown["usage"]) == (5100, 4970, 130)
    assert [
        (one["plan_id"], one["remaining"], one["expires_at"]) for one in shown["breakdown"]
    ] == [
        ("free", 0, None),
        (None, 4970, FRIDAY),
    ]

    clock.advance(days=3)
    assert left(call) == (0, 100)


def test_an_addition_lives_on_while_the_plan_is_reset(call: Call, clock: Clock) -> None:
    lent(call, add_to_balance=50, ends_at=START + 40 * DAY)
    track(call, 120)

    clock.advance(days=30)
    assert left(call) == (130, 20)
    clock.advance(days=10)
    assert left(call) == (100, 0)


def test_a_reduction_comes_back_when_it_ends(call: Call, clock: Clock) -> None:
    lent(call, add_to_balance=-30)
    track(call, 20)
    assert left(call) == (50, 50)

    clock.advance(days=3, ms=-1)
    assert left(call) == (50, 50)
    clock.advance(ms=1)
    assert left(call) == (80, 20)


def test_a_reduction_is_kept_up_by_a_reset(call: Call, clock: Clock) -> None:
    lent(call, add_to_balance=-30, ends_at=START + 40 * DAY)
    track(call, 20)

    clock.advance(days=30)
    assert left(call) == (70, 30)
    clock.advance(days=10)
    assert left(call) == (100, 0)


def test_reductions_add_up_and_end_one_by_one(call: Call, clock: Clock) -> None:
    lent(call, add_to_balance=-30)
    lent(call, add_to_balance=-90, ends_at=FRIDAY + DAY)
    assert balance(call)["remaining"] == 0

    clock.advance(days=3)
    assert left(call) == (10, 90)
    clock.advance(days=1)
    assert left(call) == (100, 0)


@pytest.mark.parametrize(
    ("fields", "meanwhile"),
    [
        ({"remaining": 500}, (500, 40)),
        ({"remaining": 10}, (10, 90)),
        ({"current_balance": 10}, (10, 90)),
        ({"remaining": -10}, (0, 110)),
        ({"usage": 5}, (95, 5)),
        ({"usage": 70}, (30, 70)),
        ({"add_to_balance": 0}, (60, 40)),
        ({"remaining": 60}, (60, 40)),
        ({"add_to_balance": 0.5}, (60.5, 40)),
    ],
)
def test_whatever_amount_is_set_holds_until_the_end(
    call: Call, clock: Clock, fields: dict[str, float], meanwhile: tuple[float, float]
) -> None:
    track(call, 40)
    assert edit(call, **fields).status == 200
    assert left(call) == meanwhile

    clock.advance(days=3)
    assert left(call) == (60, 40)


def test_an_edit_that_changes_nothing_is_no_change(call: Call) -> None:
    answered = edit(call, add_to_balance=0)

    assert (answered.status, answered.body) == (200, {"success": True, "change_id": None})
    assert listed(call) == []


def test_what_is_overdrawn_takes_nothing_from_an_addition(call: Call, clock: Clock) -> None:
    track(call, 120, overage_behavior="overflow")
    assert left(call) == (0, 120)

    lent(call, remaining=50)
    assert balance(call)["remaining"] == 50
    clock.advance(days=3)
    assert left(call) == (0, 120)


def test_a_refund_does_not_give_back_what_is_withheld(call: Call, clock: Clock) -> None:
    lent(call, add_to_balance=-30)
    track(call, 10)
    track(call, -25)
    assert left(call) == (70, 30)

    clock.advance(days=3)
    assert left(call) == (100, 0)


def test_what_is_withheld_is_not_charged_to_others_when_its_source_is_deleted(call: Call) -> None:
    a_grant(call, 50, balance_id="gift")
    lent(call, add_to_balance=-20, balance_id="gift")
    track(call, 110)
    assert left(call) == (20, 130)

    body = {"customer_id": "user_1", "feature_id": "messages", "balance_id": "gift"}
    assert call("balances.delete", {**body, "recalculate_balances": True}).status == 200
    assert balance(call)["usage"] == 110


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"included_grant": 5},
        {"add_to_balance": 5, "included_grant": 5},
        {"add_to_balance": 5, "next_reset_at": FRIDAY},
        {"add_to_balance": 5, "expires_at": FRIDAY},
        {"add_to_balance": 5, "usage": 5},
        {"add_to_balance": 5, "ends_at": START},
        {"add_to_balance": 5, "ends_at": "friday"},
    ],
)
def test_an_end_goes_with_one_amount_and_lies_ahead(call: Call, fields: dict[str, Any]) -> None:
    answered = edit(call, **fields)

    assert (answered.status, answered.body["code"]) == (400, "invalid_inputs")
    assert "ends_at" in answered.body["message"]
    assert left(call) == (100, 0)


def test_nothing_is_added_to_flags_unlimited_balances_or_debts_for_a_while(call: Call) -> None:
    call("balances.create", {"customer_id": "user_1", "feature_id": "dashboard"})
    flagged = edit(call, feature_id="dashboard", add_to_balance=5)
    track(call, 120, overage_behavior="overflow")
    owing = edit(call, remaining=-5)
    body = {"customer_id": "user_1", "feature_id": "messages", "unlimited": True}
    call("balances.create", body)
    unlimited = edit(call, add_to_balance=5)

    assert [one.status for one in (flagged, owing, unlimited)] == [400] * 3
    assert "below zero" in owing.body["message"]
    assert "unlimited" in unlimited.body["message"]


def test_who_has_no_such_balance_gets_none_for_a_while(call: Call) -> None:
    a_feature(call, "words")
    assert edit(call, feature_id="words", add_to_balance=5).status == 404
    assert edit(call, feature_id="nothing", add_to_balance=5).status == 404
    assert edit(call, customer_id="nobody", add_to_balance=5).status == 404
    assert edit(call, entity_id="nobody", add_to_balance=5).status == 404
    assert edit(call, balance_id="nothing", add_to_balance=5).status == 404


def test_an_addition_for_an_entity_is_its_own(call: Call, clock: Clock) -> None:
    an_entity(call)
    an_entity(call, "seat_2")
    lent(call, entity_id="seat_1", add_to_balance=50)

    def seen(entity_id: str) -> Any:
        body = {"customer_id": "user_1", "entity_id": entity_id, "feature_id": "messages"}
        return call("balances.check", body).body["balance"]["remaining"]

    assert (seen("seat_1"), seen("seat_2"), balance(call)["remaining"]) == (150, 100, 150)
    track(call, 60, entity_id="seat_1")
    assert (seen("seat_1"), seen("seat_2")) == (90, 90)
    (one,) = listed(call)
    assert (one["entity_id"], one["remaining"]) == ("seat_1", 0)

    clock.advance(days=3)
    assert (seen("seat_1"), seen("seat_2"), balance(call)["remaining"]) == (90, 90, 90)


def test_slices_of_entities_are_withheld_and_come_back(call: Call, clock: Clock) -> None:
    a_feature(call, "words")
    item = {"feature_id": "words", "included": 10, "entity_feature_id": "users"}
    a_plan(call, "team", item, add_on=True)
    an_entity(call)
    an_entity(call, "seat_2")
    call("billing.attach", {"customer_id": "user_1", "plan_id": "team"})

    change = lent(call, feature_id="words", add_to_balance=-15)
    shown = [(one["entity_id"], one["amount"], one["change_id"]) for one in listed(call)]
    assert balance(call, "words")["remaining"] == 5
    assert sorted(shown) == [("seat_1", 10, change), ("seat_2", 5, change)]

    clock.advance(days=3)
    assert balance(call, "words")["remaining"] == 20
    assert listed(call) == []


def test_seats_stay_in_use_when_an_addition_ends(call: Call, clock: Clock) -> None:
    a_plan(call, "team", {"feature_id": "users", "included": 2}, add_on=True)
    call("billing.attach", {"customer_id": "user_1", "plan_id": "team"})
    lent(call, feature_id="users", add_to_balance=3)
    track(call, 4, feature_id="users")
    assert left(call, "users") == (1, 4)

    clock.advance(days=3)
    assert left(call, "users") == (0, 4)


def test_seats_of_an_entity_stay_in_use_when_its_addition_ends(call: Call, clock: Clock) -> None:
    a_feature(call, "desks", consumable=False)
    a_plan(call, "team", {"feature_id": "desks", "included": 2}, add_on=True)
    call("billing.attach", {"customer_id": "user_1", "plan_id": "team"})
    an_entity(call)
    lent(call, feature_id="desks", entity_id="seat_1", add_to_balance=3)
    track(call, 4, feature_id="desks", entity_id="seat_1")
    assert left(call, "desks") == (1, 4)

    clock.advance(days=3)
    assert left(call, "desks") == (1, 4)
    assert listed(call) == []

    track(call, -4, feature_id="desks", entity_id="seat_1")
    assert left(call, "desks") == (2, 0)


def test_an_edit_with_an_end_may_require_the_version_that_was_seen(call: Call) -> None:
    seen = balance(call)["version"]
    track(call, 1)

    refused = edit(call, add_to_balance=5, if_version=seen)

    assert (refused.status, refused.body["code"]) == (409, "version_conflict")
    assert edit(call, add_to_balance=5, if_version=balance(call)["version"]).status == 200


def test_the_list_says_who_gave_what_until_when_and_why(call: Call, table: Table) -> None:
    told = {"reason": "Outage", "reference": "T-7"}
    less = lent(call, add_to_balance=-30, ends_at=FRIDAY + 1, **told)
    more = lent(call, add_to_balance=500, reason="Launch")
    body = {"customer_id": "user_1", "feature_id": "messages", "included_grant": 20}
    given = call("balances.create", {**body, "balance_id": "gift", "expires_at": START + DAY})
    track(call, 90)
    recording.catch_up(table)

    gift, addition, reduction = listed(call)
    common = {"customer_id": "user_1", "entity_id": None, "feature_id": "messages"}
    who = {"actor": {"type": "api_key", "name": "tests"}, "starts_at": START}
    assert gift == {
        "id": "gift",
        **common,
        "type": "grant",
        "amount": 20,
        "remaining": 0,
        **who,
        "ends_at": START + DAY,
        "reason": None,
        "reference": None,
        "change_id": given.body["change_id"],
    }
    assert addition == {
        "id": ANY,
        **common,
        "type": "addition",
        "amount": 500,
        "remaining": 500,
        **who,
        "ends_at": FRIDAY,
        "reason": "Launch",
        "reference": None,
        "change_id": more,
    }
    assert reduction == {
        "id": less,
        **common,
        "type": "reduction",
        "amount": 30,
        "remaining": 30,
        **who,
        "ends_at": FRIDAY + 1,
        **told,
        "change_id": less,
    }


def test_the_latest_says_who_made_it_even_before_the_ledger_knows(call: Call) -> None:
    lent(call, add_to_balance=5, reason="Outage")

    (one,) = listed(call)

    assert (one["actor"]["name"], one["reason"]) == ("tests", "Outage")


def test_flags_and_unlimited_grants_have_no_amount(call: Call) -> None:
    for fields in ({"feature_id": "dashboard"}, {"feature_id": "messages", "unlimited": True}):
        body = {"customer_id": "user_1", "expires_at": FRIDAY, **fields}
        assert call("balances.create", body).status == 200

    shown = [(one["type"], one["amount"], one["remaining"]) for one in listed(call)]
    assert shown == [("grant", None, None)] * 2


def test_what_ended_is_not_listed_though_nobody_wrote_it_down(call: Call, clock: Clock) -> None:
    lent(call, add_to_balance=-30)
    lent(call, add_to_balance=5, ends_at=FRIDAY + DAY)
    assert len(listed(call)) == 2

    clock.advance(days=3)
    assert [one["type"] for one in listed(call)] == ["addition"]
    assert [one["type"] for one in listed(call, customer_id="user_1")] == ["addition"]
    clock.advance(days=1)
    assert listed(call) == []


def test_the_list_can_be_narrowed(call: Call) -> None:
    a_feature(call, "words")
    a_customer(call, "user_2")
    a_grant(call, 5, "words", expires_at=FRIDAY)
    lent(call, add_to_balance=5)
    lent(call, customer_id="user_2", add_to_balance=5, ends_at=FRIDAY + 1)

    def found(**fields: Any) -> set[tuple[str, str]]:
        return {(one["customer_id"], one["feature_id"]) for one in listed(call, **fields)}

    first, second, third = ("user_1", "words"), ("user_1", "messages"), ("user_2", "messages")
    assert found() == {first, second, third}
    assert found(customer_id="user_1") == {first, second}
    assert found(feature_id="messages") == {second, third}
    assert found(feature_id="words", customer_id="user_2") == set()
    assert found(ends_before=FRIDAY) == set()
    assert found(ends_before=FRIDAY + 1) == {first, second}
    assert found(customer_id="user_2", ends_before=FRIDAY + 1) == set()


@pytest.mark.parametrize(("limit", "narrowed"), [(1, {"feature_id": "messages"}), (4, {})])
def test_pages_follow_the_ends_across_balances(
    call: Call, clock: Clock, limit: int, narrowed: dict[str, str]
) -> None:
    """Every balance ends something early and something late; many ends are the same."""
    for number in range(3):
        who = f"user_{number}"
        a_customer(call, who)
        for days in (1 + number % 2, 5, 9 - number):
            lent(call, customer_id=who, add_to_balance=days, ends_at=START + days * DAY)
    clock.advance(seconds=90)
    pages, cursor = [], ""
    while cursor is not None:
        asked = {"limit": limit, "start_cursor": cursor, **narrowed}
        answered = call("overrides.list", asked)
        assert answered.status == 200, answered
        pages.append(answered.body["list"])
        cursor = answered.body["next_cursor"]

    found = [one for page in pages for one in page]
    assert all(len(page) == limit for page in pages[:-1])
    assert len({one["id"] for one in found}) == len(found) == 9
    ends = [one["ends_at"] for one in found]
    assert ends == sorted(ends)


def test_a_page_of_one_customer_goes_on_where_the_last_ended(call: Call) -> None:
    for days in (3, 1, 2):
        lent(call, add_to_balance=days, ends_at=START + days * DAY)
    asked = {"customer_id": "user_1", "limit": 2}

    first = call("overrides.list", asked).body
    rest = call("overrides.list", {**asked, "start_cursor": first["next_cursor"]}).body

    assert [one["amount"] for one in (*first["list"], *rest["list"])] == [1, 2, 3]
    assert rest["next_cursor"] is None


def test_a_page_is_not_looked_for_without_end(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    for feature_id in ("messages", "users"):
        a_grant(call, 1, feature_id, expires_at=FRIDAY)
    monkeypatch.setattr("orchard.usecases.overrides._MOST_READ", 1)

    refused = call("overrides.list", {"feature_id": "messages"})

    assert (refused.status, refused.body["code"]) == (400, "invalid_request")
    assert "customer_id" in refused.body["message"]
    assert len(listed(call, customer_id="user_1")) == 2
    assert listed(call, feature_id="messages", ends_before=FRIDAY) == []


def test_a_balance_holds_so_many_edits_with_an_end(
    call: Call, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchard.domain.overrides.MOST", 3)
    first = lent(call, add_to_balance=-5)
    for amount in (7, -9):
        lent(call, add_to_balance=amount)

    refused = edit(call, add_to_balance=1)
    assert (refused.status, refused.body["code"]) == (400, "invalid_request")

    recording.catch_up(table)
    call("changes.undo", {"customer_id": "user_1", "change_id": first})
    assert edit(call, add_to_balance=1).status == 200


def test_what_the_list_is_asked_has_to_make_sense(call: Call) -> None:
    unknown = call("overrides.list", {"customer_id": "nobody"})
    cursor = call("overrides.list", {"start_cursor": "?"})
    limit = call("overrides.list", {"limit": 0})

    assert (unknown.status, unknown.body["code"]) == (404, "customer_not_found")
    assert (cursor.status, cursor.body["code"]) == (400, "invalid_cursor")
    assert limit.status == 400


def test_another_environment_has_a_list_of_its_own(call: Call, table: Table) -> None:
    lent(call, add_to_balance=5)

    answered = call_with("overrides.list", {}, key=mint(table, "live"))

    assert answered.body == {"list": [], "next_cursor": None}


def test_an_override_follows_its_customer_to_another_id(call: Call, clock: Clock) -> None:
    lent(call, add_to_balance=5)
    body = {"customer_id": "user_1", "new_customer_id": "user_9"}
    assert call("customers.update", body).status == 200

    assert [one["customer_id"] for one in listed(call)] == ["user_9"]
    clock.advance(days=3)
    assert listed(call) == []


def test_an_override_goes_with_its_customer_or_its_source(call: Call) -> None:
    a_grant(call, 5, expires_at=FRIDAY, balance_id="gift")
    body = {"customer_id": "user_1", "feature_id": "messages", "balance_id": "gift"}
    assert call("balances.delete", body).status == 200
    assert listed(call) == []

    lent(call, add_to_balance=5)
    assert len(listed(call)) == 1
    assert call("customers.delete", {"customer_id": "user_1"}).status == 200
    assert listed(call) == []


def test_what_a_deleted_customer_left_is_not_listed(call: Call, table: Table) -> None:
    """A large customer is not removed at once."""
    lent(call, add_to_balance=5)
    left_behind = table.get(keys.balance(TENANT, "user_1", "messages"))
    assert left_behind is not None
    assert call("customers.delete", {"customer_id": "user_1"}).status == 200
    table.put(Put(left_behind))

    assert listed(call) == []
    a_customer(call)
    assert listed(call) == []


def test_an_override_of_an_entity_goes_with_it(call: Call) -> None:
    an_entity(call)
    lent(call, entity_id="seat_1", add_to_balance=5)
    body = {"customer_id": "user_1", "entity_id": "seat_1"}
    assert call("entities.delete", body).status == 200

    assert listed(call) == []


def test_a_balance_is_in_the_list_only_while_something_of_it_is_temporary(
    call: Call, clock: Clock, table: Table
) -> None:
    key = keys.balance(TENANT, "user_1", "messages")

    def place() -> Any:
        item = table.get(key)
        assert item is not None
        return item.get("listing_pk"), item.get("listing_sk", "")[:15]

    assert place() == (None, "")
    lent(call, add_to_balance=5)
    lent(call, add_to_balance=-5, ends_at=FRIDAY - 1)
    track(call, 1)
    assert place() == (f"{TENANT}#OVERRIDES", f"{FRIDAY - 1:015}")

    clock.advance(days=3, ms=-1)
    edit(call, ends_at=None, add_to_balance=1)
    assert place() == (f"{TENANT}#OVERRIDES", f"{FRIDAY:015}")
    clock.advance(ms=1)
    edit(call, ends_at=None, add_to_balance=1)
    assert place() == (None, "")


def test_the_end_of_an_addition_can_be_moved(call: Call, clock: Clock) -> None:
    lent(call, add_to_balance=50)
    (one,) = listed(call)
    body = {"customer_id": "user_1", "feature_id": "messages", "balance_id": one["id"]}
    assert call("balances.update", {**body, "expires_at": FRIDAY + DAY}).status == 200

    assert [one["ends_at"] for one in listed(call)] == [FRIDAY + DAY]
    clock.advance(days=3)
    assert left(call) == (150, 0)


def test_an_undo_ends_an_edit_early_and_charges_what_was_used_of_it(
    call: Call, table: Table
) -> None:
    more = lent(call, add_to_balance=50)
    track(call, 120)
    less = lent(call, add_to_balance=-10)
    recording.catch_up(table)

    for change_id, remaining, usage in ((less, 30, 120), (more, 0, 120)):
        undone = call("changes.undo", {"customer_id": "user_1", "change_id": change_id})
        assert undone.status == 200, undone
        assert left(call) == (remaining, usage)
    assert listed(call) == []


def test_an_end_that_was_undone_holds_again_once_the_undo_is(
    call: Call, clock: Clock, table: Table
) -> None:
    change_id = lent(call, add_to_balance=-30)
    for _turn in range(2):
        recording.catch_up(table)
        body = {"customer_id": "user_1", "change_id": change_id}
        change_id = str(call("changes.undo", body).body["change_id"])

    assert left(call) == (70, 30)
    assert len(listed(call)) == 1
    clock.advance(days=3)
    assert left(call) == (100, 0)


def test_a_preview_shows_an_edit_with_an_end_and_writes_nothing(call: Call) -> None:
    body = {"customer_id": "user_1", "feature_id": "messages", "add_to_balance": 50}

    answered = call("balances.preview_update", {**body, "ends_at": FRIDAY})

    assert answered.status == 200, answered
    assert answered.body["before"]["balance"]["remaining"] == 100
    assert answered.body["after"]["balance"]["remaining"] == 150
    assert answered.body["lasts_until"] == FRIDAY
    assert left(call) == (100, 0)
