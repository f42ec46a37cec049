"""What the stream's consumer writes down of each change."""

from decimal import Decimal
from typing import Any

import pytest

from orchard.domain import edits, sources
from orchard.domain.customer import Customer
from orchard.domain.edits import Edit
from orchard.domain.holding import NOTHING, Holding, Place
from orchard.store import balances, customers, keys, moves
from orchard.store.session import Session
from orchard.store.statements import Item
from orchard.store.stored import Stored
from orchard.store.table import Table
from orchard.usecases import resets
from tests.conftest import START, TENANT, Clock
from tests.streams import recording
from tests.streams.conftest import HOT, INTERNAL, OWNER, at, count, grant, row, taken, usage

HOUR, DAY = 3_600_000, 86_400_000

pytestmark = pytest.mark.usefixtures("customer")


def lines(table: Table, start: str = "") -> list[Item]:
    found = recording.partition(table, keys.ledger(TENANT, INTERNAL))
    return [item for item in found if item["sk"].startswith(start)]


def events(table: Table) -> list[Item]:
    return lines(table, keys.EVENTS)


def changes(table: Table, kind: str) -> list[Item]:
    return [item for item in lines(table, "CHANGE") if item["kind"] == kind]


def rollups(table: Table) -> dict[str, tuple[Any, Any, Any]]:
    found = recording.partition(table, keys.usage(TENANT, INTERNAL))
    return {item["sk"]: (item["count"], item["sum"], item["deducted"]) for item in found}


def settle(session: Session, value: int | str, stored: Stored, **details: Any) -> None:
    """Track by looking at the rows, as they were read."""
    holding = taken(stored, session.now, value)
    session.commit(balances.settled(stored, holding, usage(session, value, **details)))


def read(session: Session, feature_id: str = "messages") -> Stored:
    stored = balances.get(session, HOT, Place(feature_id))
    assert stored is not None
    return stored


def paid(event: Item) -> list[tuple[str, Any]]:
    return [(one["balance_id"], one["value"]) for one in event["deductions"]]


def test_usage_becomes_an_event_with_what_each_source_paid(session: Session) -> None:
    grant(session, "messages", row(5), row(100, id="cus_ent_2", interval="month", plan_id="pro"))
    event_id = count(session, "7.5", properties='{"model":"x"}', idempotency_key="once")

    recording.catch_up(session.table)

    (event,) = events(session.table)
    assert event["sk"] == keys.event(TENANT, INTERNAL, START, event_id).sk
    assert paid(event) == [("cus_ent_1", 5), ("cus_ent_2", Decimal("2.5"))]
    assert event["deductions"][1]["plan_id"] == "pro"
    assert event["deductions"][1]["reset"] == {"interval": "month", "resets_at": None}
    assert event["before"] == {"granted": 105, "remaining": 105, "usage": 0}
    assert event["after"] == {"granted": 105, "remaining": Decimal("97.5"), "usage": Decimal("7.5")}
    told = (event["name"], event["value"], event["properties"], event["idempotency_key"])
    assert told == ("messages", Decimal("7.5"), '{"model":"x"}', "once")
    assert (event["customer_id"], event["internal_id"]) == (HOT, INTERNAL)
    assert (event["by"], event["request_id"]) == ("key:tests", "request")


def test_events_are_forgotten_after_the_retention_time(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENT_RETENTION_DAYS", "30")
    grant(session, "messages", row())
    count(session, 1, timestamp=START - 5 * DAY)

    recording.catch_up(session.table)

    assert events(session.table)[0]["ttl"] == START // 1000 + 30 * 86_400
    assert "ttl" not in changes(session.table, "grant")[0]


def test_what_was_given_back_is_a_negative_deduction(session: Session) -> None:
    grant(session, "messages", row())
    count(session, 10)
    settle(session, -4, read(session))

    recording.catch_up(session.table)

    assert sorted(paid(event) for event in events(session.table)) == [
        [("cus_ent_1", -4)],
        [("cus_ent_1", 10)],
    ]
    assert set(rollups(session.table).values()) == {(2, 6, 6)}


def test_deductions_are_null_when_nothing_moved(session: Session) -> None:
    grant(session, "messages", row(0))
    settle(session, 5, read(session))

    recording.catch_up(session.table)

    assert events(session.table)[0]["deductions"] is None
    assert set(rollups(session.table).values()) == {(1, 5, 0)}


def test_the_first_usage_of_a_feature_without_balance_is_an_event(session: Session) -> None:
    session.commit(balances.created(session, OWNER, Place("messages"), NOTHING, usage(session, 3)))

    recording.catch_up(session.table)

    assert events(session.table)[0]["deductions"] is None
    assert set(rollups(session.table).values()) == {(1, 3, 0)}


def test_silent_usage_leaves_no_event(session: Session) -> None:
    grant(session, "messages", row())
    count(session, 1, silent=True)

    recording.catch_up(session.table)

    assert events(session.table) == []
    assert rollups(session.table) == {}


def test_usage_that_arrived_between_read_and_write_is_not_paid_twice(session: Session) -> None:
    grant(session, "messages", row())
    count(session, 1)
    stored = read(session)
    count(session, 2)
    count(session, 4)
    settle(session, 8, stored)

    recording.catch_up(session.table)

    found = {event["value"]: event for event in events(session.table)}
    assert {value: paid(event) for value, event in found.items()} == {
        value: [("cus_ent_1", value)] for value in (1, 2, 4, 8)
    }
    assert (found[8]["before"]["remaining"], found[8]["after"]["remaining"]) == (93, 85)


def test_a_reset_found_by_a_track_is_a_change_of_its_own(session: Session, clock: Clock) -> None:
    grant(session, "messages", row(interval="day", next_reset_at=START + DAY))
    count(session, 30)
    clock.advance(days=1, seconds=5)
    settle(at(session, clock), 20, read(session))

    recording.catch_up(session.table)

    (reset,) = changes(session.table, "reset")
    assert reset["at"] == START + DAY
    assert (reset["before"]["remaining"], reset["after"]["remaining"]) == (70, 100)
    assert reset["before"]["sources"] == {
        "cus_ent_1": {"balance": 70, "next_reset_at": START + DAY}
    }
    assert reset["ttl"] == reset["at"] // 1000 + 400 * 86_400
    latest = events(session.table)[-1]
    assert paid(latest) == [("cus_ent_1", 20)]
    assert latest["before"]["remaining"] == 100


def test_usage_that_arrived_while_a_reset_was_decided_counts_after_it(
    session: Session, clock: Clock
) -> None:
    grant(session, "messages", row(interval="day", next_reset_at=START + DAY))
    count(session, 30)
    stored = read(session)
    # Counted by a function whose clock is a little behind.
    count(session, 5)
    clock.advance(days=1)
    settle(at(session, clock), 20, stored)

    recording.catch_up(session.table)

    found = {event["value"]: event for event in events(session.table)}
    assert paid(found[Decimal(20)]) == [("cus_ent_1", 20)]
    assert found[Decimal(20)]["after"]["remaining"] == 75


def test_usage_after_an_expiry_finds_the_source_gone(session: Session, clock: Clock) -> None:
    grant(session, "messages", row(10, expires_at=START + DAY), row(50, id="cus_ent_2"))
    clock.advance(days=2)
    settle(at(session, clock), 5, read(session))

    recording.catch_up(session.table)

    (expiry,) = changes(session.table, "reset")
    assert set(expiry["before"]["sources"]) == {"cus_ent_1"}
    assert "sources" not in expiry["after"]
    assert paid(events(session.table)[0]) == [("cus_ent_2", 5)]


def test_a_reset_by_the_job_is_one_change(session: Session, clock: Clock) -> None:
    grant(session, "messages", row(interval="day", next_reset_at=START + DAY))
    count(session, 30)
    clock.advance(days=1)
    resets.reset(session.table, keys.balance(TENANT, HOT, "messages"), clock.now)

    recording.catch_up(session.table)

    (reset,) = changes(session.table, "reset")
    assert (reset["by"], reset["at"]) == ("job:reset_balances", START + DAY)
    assert (reset["before"]["remaining"], reset["after"]["remaining"]) == (70, 100)


def test_an_edit_is_a_change_with_what_differs_and_why(session: Session) -> None:
    grant(session, "messages", row())
    count(session, 40)
    stored = read(session)
    held = stored.current(START)
    chosen = sources.of(held.rows, stored.place, held.controls)
    edited = edits.edited(chosen, Edit(remaining=Decimal(80)))
    rows = held._replace(rows=tuple(source.row for source in edited))
    last = session.stamp("edit", reason="goodwill", ticket="T-1")
    session.commit(balances.settled(stored, rows, last))

    recording.catch_up(session.table)

    (edit,) = changes(session.table, "edit")
    assert edit["before"] == {
        "remaining": 60,
        "usage": 40,
        "sources": {"cus_ent_1": {"balance": 60}},
    }
    assert edit["after"] == {
        "remaining": 80,
        "usage": 20,
        "sources": {"cus_ent_1": {"balance": 80}},
    }
    assert (edit["reason"], edit["details"]) == ("goodwill", {"ticket": "T-1"})
    assert (edit["feature_id"], edit["id"]) == ("messages", last["id"])


def test_an_update_of_a_customer_tells_only_its_own_fields(
    session: Session, customer: Customer
) -> None:
    after = customer._replace(name="Ada", version=2)
    session.commit(customers.put(session, after, (), session.stamp("update")))

    recording.catch_up(session.table)

    (update,) = changes(session.table, "update")
    assert (update["before"], update["after"]) == ({"name": None}, {"name": "Ada"})


def test_one_act_on_a_customer_and_two_balances_leaves_three_lines(
    session: Session, customer: Customer
) -> None:
    last = session.stamp("attach", plan_id="pro")
    session.commit(
        customers.put(session, customer._replace(version=2), (), last),
        balances.created(session, OWNER, Place("messages"), Holding((row(),)), last),
        balances.created(session, OWNER, Place("words"), Holding((row(),)), last),
    )

    recording.catch_up(session.table)

    found = changes(session.table, "attach")
    assert {item["feature_id"] for item in found} == {None, "messages", "words"}
    assert {item["id"] for item in found} == {last["id"]}
    assert all(item["details"] == {"plan_id": "pro"} for item in found)


def test_a_write_that_leaves_no_word_is_not_told_again(
    session: Session, customer: Customer
) -> None:
    session.commit(customers.touch(session, customer))

    recording.catch_up(session.table)

    assert [item["kind"] for item in lines(session.table)] == ["create"]


def test_a_move_to_another_id_tells_the_customer_and_counts_no_usage(
    session: Session, customer: Customer
) -> None:
    grant(session, "messages", row())
    count(session, 3)
    account = customers.require(session, HOT)
    after = customer._replace(id="user_2", version=2)
    session.commit(*moves.moved(session, account, after, session.stamp("rename")))
    balances.count(session, "user_2", Place("messages"), Decimal(4), usage(session, 4))

    recording.catch_up(session.table)

    (rename,) = changes(session.table, "rename")
    assert (rename["feature_id"], rename["after"]) == (None, {"id": "user_2"})
    assert [event["value"] for event in events(session.table)] != []
    assert set(rollups(session.table).values()) == {(2, 7, 7)}


def test_a_moved_balance_is_counted_whichever_place_is_heard_of_first(
    session: Session, customer: Customer
) -> None:
    grant(session, "messages", row())
    count(session, 3)
    account = customers.require(session, HOT)
    after = customer._replace(id="user_2", version=2)
    session.commit(*moves.moved(session, account, after, session.stamp("rename")))
    balances.count(session, "user_2", Place("messages"), Decimal(4), usage(session, 4))
    found = recording.told(recording.records(session.table))

    for place in ("user_2", HOT):
        recording.deliver([one for one in found if place in one["dynamodb"]["Keys"]["pk"]["S"]])

    assert set(rollups(session.table).values()) == {(2, 7, 7)}


def test_an_event_over_several_features_tells_what_all_of_them_paid(session: Session) -> None:
    grant(session, "messages", row())
    grant(session, "words", row(id="cus_ent_2"))
    both = [read(session), read(session, "words")]
    after = [taken(one, START, "0.5") for one in both]
    parts = [
        {"balance_id": one.rows[0].id, "feature_id": one.feature_id, "value": Decimal("0.5")}
        for one in both
    ]
    last = usage(session, "0.5", "action")
    session.commit(
        balances.settled(both[0], after[0], {**last, "deductions": parts}, exact=True),
        balances.settled(both[1], after[1], {**last, "silent": True}, exact=True),
    )

    recording.catch_up(session.table)

    (event,) = events(session.table)
    assert event["name"] == "action"
    assert paid(event) == [("cus_ent_1", Decimal("0.5")), ("cus_ent_2", Decimal("0.5"))]
    assert set(rollups(session.table).values()) == {(1, Decimal("0.5"), 1)}


def test_usage_is_summed_by_the_hour_and_day_that_the_caller_gave(session: Session) -> None:
    grant(session, "messages", row(10))
    count(session, 1)
    count(session, 2, timestamp=START + HOUR - 1)
    count(session, 3, timestamp=START - 1)
    settle(session, 7, read(session))

    recording.catch_up(session.table)

    def place(grain: str, start: int) -> str:
        return keys.rollup(TENANT, INTERNAL, "messages", grain, start).sk

    assert rollups(session.table) == {
        place("DAY", START): (3, 10, 7),
        place("HOUR", START): (3, 10, 7),
        place("DAY", START - DAY): (1, 3, 3),
        place("HOUR", START - HOUR): (1, 3, 3),
    }


def test_removed_items_and_plans_leave_nothing(session: Session) -> None:
    grant(session, "messages", row())
    before = recording.catch_up(session.table), lines(session.table)
    session.table.delete_many([keys.balance(TENANT, HOT, "messages")])

    assert (recording.catch_up(session.table), lines(session.table)) == before
