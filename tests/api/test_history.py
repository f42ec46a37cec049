"""`balances.history`: bins, marks, views, and what can't be asked."""

from collections.abc import Callable
from typing import Any

import pytest

from orchard.store import keys
from orchard.store.history import Owned, figures
from orchard.store.table import Table
from orchard.usecases import purging
from tests.bench.requests import cost_of
from tests.builders import a_customer, a_feature, a_grant, a_plan, balance
from tests.conftest import START, TENANT, Call, Clock
from tests.streams import recording

HOUR, DAY = 3_600_000, 86_400_000
NOTHING = {"granted": None, "remaining": None, "usage": None, "unlimited": None}

type Told = Callable[..., Any]


@pytest.fixture
def told(call: Call, table: Table) -> Told:
    """The history of messages, after all that happened was told."""

    def ask(status: int = 200, **fields: Any) -> Any:
        recording.catch_up(table)
        body = {"customer_id": "user_1", "feature_id": "messages", **fields}
        answered = call("balances.history", body)
        assert answered.status == status, answered
        return answered.body

    return ask


@pytest.fixture(autouse=True)
def _customer(call: Call) -> None:
    a_feature(call)
    a_feature(call, "seats", consumable=False)
    a_plan(call, "free", auto_enable=True)
    a_customer(call)


def track(call: Call, value: float, **fields: Any) -> None:
    body = {"customer_id": "user_1", "feature_id": "messages", "value": value, **fields}
    assert call("balances.track", body).status == 200


def edit(call: Call, **fields: Any) -> None:
    body = {"customer_id": "user_1", "feature_id": "messages", **fields}
    assert call("balances.update", body).status == 200


def shown(granted: float, usage: float) -> dict[str, Any]:
    remaining = granted - usage
    return {"granted": granted, "remaining": remaining, "usage": usage, "unlimited": False}


def by_period(answer: Any) -> dict[int, Any]:
    """The figures of each bin, by days (or hours) since the start."""
    span = HOUR if answer["bin_size"] == "hour" else DAY
    return {
        (one["period"] - START) // span: {name: one[name] for name in NOTHING}
        for one in answer["list"]
    }


def test_a_month_is_told_day_by_day(call: Call, clock: Clock, told: Told) -> None:
    clock.advance(days=1.5)
    track(call, 10)
    clock.advance(days=2)
    edit(call, included_grant=150)
    clock.advance(days=30)

    answer = told()

    assert (answer["start"], answer["end"]) == (clock.now - 30 * DAY, clock.now)
    assert answer["bin_size"] == "day"
    days = by_period(answer)
    assert list(days) == list(range(3, 34))
    # The edit lasts until the reset a month after the start.
    assert [days[day] for day in (3, 29, 30, 33)] == [
        shown(150, 60),
        shown(150, 60),
        shown(100, 0),
        shown(100, 0),
    ]
    assert answer["list"][-1]["period"] == START + 33 * DAY


def test_a_bin_shows_what_was_there_at_its_end(call: Call, clock: Clock, told: Told) -> None:
    clock.advance(seconds=1800)
    track(call, 10)
    clock.advance(seconds=1800)
    track(call, 5)
    clock.advance(seconds=1800)

    hours = by_period(told(custom_range={"start": START}, bin_size="hour"))
    before = by_period(told(custom_range={"start": START, "end": START + HOUR - 1}))

    assert hours == {0: shown(100, 10), 1: shown(100, 15)}
    assert before == {0: shown(100, 10)}


def test_there_is_nothing_before_the_customer(clock: Clock, told: Told) -> None:
    clock.advance(days=1)

    days = by_period(told(range="7d"))

    assert days == {**dict.fromkeys(range(-6, 0), NOTHING), 0: shown(100, 0), 1: shown(100, 0)}


def test_an_instant_is_exact(call: Call, clock: Clock, told: Told) -> None:
    clock.advance(seconds=10)
    track(call, 1)
    at = clock.now
    clock.advance(ms=1)
    track(call, 1)
    clock.advance(days=1)

    usages = [told(at=at + ms)["usage"] for ms in (-1, 0, 1)]

    assert usages == [0, 1, 2]
    assert told(at=at) == {
        "customer_id": "user_1",
        "feature_id": "messages",
        "entity_id": None,
        "at": at,
        **shown(100, 1),
    }


def test_now_is_what_a_check_shows_though_the_stream_lags(call: Call, clock: Clock) -> None:
    clock.advance(seconds=10)
    track(call, 7)
    body = {"customer_id": "user_1", "feature_id": "messages"}

    at = call("balances.history", {**body, "at": clock.now}).body
    over_time = call("balances.history", body).body

    assert at["usage"] == over_time["list"][-1]["usage"] == balance(call)["usage"] == 7


def test_changes_are_marked_with_who_and_why(call: Call, clock: Clock, told: Told) -> None:
    clock.advance(seconds=10)
    edit(call, remaining=40, reason="Goodwill", reference="T-7")
    edited_at = clock.now
    clock.advance(ms=1)
    a_grant(call, 30, expires_at=clock.now + DAY)
    clock.advance(days=40)
    track(call, 1)

    marks = told(range="90d")["marks"]

    assert [one["type"] for one in marks] == ["plan_change", "edit", "grant", "reset"]
    assert marks[1] == {
        "timestamp": edited_at,
        "type": "edit",
        "change_id": marks[1]["change_id"],
        "entity_id": None,
        "actor": {"type": "api_key", "name": "tests"},
        "reason": "Goodwill",
        "reference": "T-7",
        "before": {"remaining": 100, "usage": 0},
        "after": {"remaining": 40, "usage": 60},
    }
    assert marks[3]["actor"]["type"] == "time"
    assert marks[2]["after"]["granted"] - marks[2]["before"]["granted"] == 30


def test_a_reset_is_told_from_an_expiry(call: Call, clock: Clock, told: Told) -> None:
    a_grant(call, 30, expires_at=clock.now + DAY)
    for days in (2, 40):
        clock.advance(days=days)
        track(call, 1)

    marks = [(one["type"], one["timestamp"]) for one in told(range="90d")["marks"]]

    assert marks[2:] == [("expiry", START + DAY), ("reset", START + 30 * DAY)]


@pytest.mark.parametrize("amount", [20, -20])
def test_an_edit_that_ends_by_itself_is_marked_so(
    call: Call, clock: Clock, told: Told, amount: int
) -> None:
    clock.advance(ms=1)
    edit(call, add_to_balance=amount, ends_at=START + DAY)
    clock.advance(days=2)
    track(call, 1)

    marks = told()["marks"]

    assert [one["type"] for one in marks] == ["plan_change", "edit", "edit_end"]
    assert marks[2]["timestamp"] == START + DAY


def test_other_features_leave_no_marks(call: Call, told: Told) -> None:
    a_grant(call, 3, "seats")

    assert {one["type"] for one in told()["marks"]} == {"plan_change"}


@pytest.fixture
def _entities(call: Call, clock: Clock) -> None:
    """A day after the start each of two entities gets 10, of which e1 uses 4 and leaves."""
    a_grant(call, 5, "seats")
    clock.advance(days=1)
    for entity_id in ("e1", "e2"):
        body = {"customer_id": "user_1", "entity_id": entity_id, "feature_id": "seats"}
        assert call("entities.create", body).status == 200
        a_grant(call, 10, entity_id=entity_id)
    clock.advance(days=1)
    track(call, 4, entity_id="e1")
    clock.advance(days=1)
    assert call("entities.delete", {"customer_id": "user_1", "entity_id": "e1"}).status == 200
    clock.advance(days=1)


@pytest.mark.usefixtures("_entities")
def test_a_customer_sees_what_its_entities_had(told: Told) -> None:
    days = by_period(told(custom_range={"start": START}))

    assert days == {
        0: shown(100, 0),
        1: shown(120, 0),
        2: shown(120, 4),
        3: shown(110, 0),
        4: shown(110, 0),
    }


@pytest.mark.usefixtures("_entities")
def test_an_entity_sees_its_own_and_what_it_shares(call: Call, told: Told) -> None:
    track(call, 5)

    days = by_period(told(custom_range={"start": START}, entity_id="e2"))

    assert days == {
        0: NOTHING,
        1: shown(110, 0),
        2: shown(110, 0),
        3: shown(110, 0),
        4: shown(110, 5),
    }
    told(404, entity_id="e1")


@pytest.mark.usefixtures("_entities")
def test_an_entity_apart_from_its_customer_sees_its_own_alone(call: Call, told: Told) -> None:
    body = {"customer_id": "user_1", "config": {"disable_pooled_balance": True}}
    assert call("customers.update", body).status == 200

    assert by_period(told(custom_range={"start": START + 2 * DAY}, entity_id="e2"))[3] == shown(
        10, 0
    )


@pytest.mark.usefixtures("_entities")
def test_marks_of_an_entity_leave_out_those_of_others(told: Told) -> None:
    places = {
        one["entity_id"] for one in told(custom_range={"start": START}, entity_id="e2")["marks"]
    }

    assert places == {None, "e2"}


def test_a_customer_that_moved_keeps_its_past(call: Call, clock: Clock, told: Told) -> None:
    clock.advance(days=1)
    track(call, 3)
    clock.advance(days=1)
    body = {"customer_id": "user_1", "new_customer_id": "moved"}
    assert call("customers.update", body).status == 200
    clock.advance(days=1)
    track(call, 3, customer_id="moved")

    days = by_period(told(custom_range={"start": START}, customer_id="moved"))

    assert [days[day]["usage"] for day in range(4)] == [0, 3, 3, 6]


def test_a_customer_made_anew_has_no_past(call: Call, clock: Clock, told: Told) -> None:
    track(call, 3)
    told()
    clock.advance(days=1)
    assert call("customers.delete", {"customer_id": "user_1"}).status == 200
    a_customer(call)

    assert by_period(told(custom_range={"start": START}, bin_size="day")) == {
        0: NOTHING,
        1: shown(100, 0),
    }


def test_a_purge_leaves_nothing_of_the_past(call: Call, clock: Clock, table: Table) -> None:
    track(call, 3)
    recording.catch_up(table)
    internal_id = call("customers.get", {"customer_id": "user_1", "with_autumn_id": True}).body[
        "autumn_id"
    ]
    assert recording.partition(table, keys.history(TENANT, internal_id))
    assert call("customers.delete", {"customer_id": "user_1"}).status == 200

    key = keys.deletion(TENANT, internal_id)
    assert purging.purge(table, key, clock.now, lambda: True)

    assert recording.partition(table, keys.history(TENANT, internal_id)) == []


def test_what_has_no_bound_shows_as_such(call: Call, clock: Clock, told: Told) -> None:
    clock.advance(days=1)
    a_grant(call, 0, included_grant=None, unlimited=True, expires_at=clock.now + DAY)
    track(call, 5)
    clock.advance(days=2)

    days = by_period(told(custom_range={"start": START}))

    unlimited = {"granted": 0, "remaining": 0, "usage": 5, "unlimited": True}
    assert [days[day] for day in range(4)] == [
        shown(100, 0),
        unlimited,
        shown(100, 0),
        shown(100, 0),
    ]


def test_a_quiet_balance_is_known_after_its_points_are_forgotten(
    call: Call, clock: Clock, table: Table, told: Told
) -> None:
    clock.advance(days=1)
    track(call, 30)
    a_grant(call, 7)
    told()
    clock.advance(days=500)
    track(call, 1)
    told()
    forgotten = 0
    for item in recording.partition(table, history_of(call)):
        if item["ttl"] * 1000 < clock.now:
            table.delete_many([keys.Key(item["pk"], item["sk"])])
            forgotten += 1

    assert forgotten
    assert told(at=START + 102 * DAY)["granted"] == 107
    assert told(at=clock.now - 1)["usage"] == 0
    assert told(at=clock.now)["usage"] == 1


def history_of(call: Call) -> str:
    body = {"customer_id": "user_1", "with_autumn_id": True}
    return keys.history(TENANT, call("customers.get", body).body["autumn_id"])


def since(**times: int) -> dict[str, Any]:
    return {"custom_range": times}


@pytest.mark.parametrize(
    ("fields", "code", "message"),
    [
        ({"at": START + HOUR + 1}, "invalid_inputs", "at: must not be in the future"),
        (since(end=START + HOUR + 1), "invalid_inputs", "end: must not be in the future"),
        (since(start=START + HOUR + 1), "invalid_inputs", "start must not be later than end"),
        (since(start=2, end=1), "invalid_inputs", "start must not be later than end"),
        ({"at": 1}, "invalid_inputs", "at: history is kept for 400 days"),
        (since(start=1), "invalid_inputs", "start: history is kept for 400 days"),
        ({"at": 1, "range": "7d"}, "invalid_inputs", "at: does not go with range"),
        (
            {"range": "7d", **since(start=1)},
            "invalid_inputs",
            "range and custom_range: only one of them can be given",
        ),
        ({"range": "5d"}, "invalid_inputs", "range: must be one of: 24h, 7d, 30d, 90d"),
        ({"bin_size": "year"}, "invalid_inputs", "must be one of: hour, day, week, month"),
        ({"range": "90d", "bin_size": "hour"}, "invalid_request", "More than 400 bins"),
        ({"customer_id": "nobody"}, "customer_not_found", "Customer nobody not found"),
        ({"entity_id": "nobody"}, "entity_not_found", "Entity nobody not found"),
        ({"feature_id": "nothing"}, "feature_not_found", "Feature nothing not found"),
    ],
)
def test_what_cannot_be_told_is_refused(
    clock: Clock, told: Told, fields: dict[str, Any], code: str, message: str
) -> None:
    clock.advance(seconds=3600)

    body = told(404 if code.endswith("not_found") else 400, **fields)

    assert body["code"] == code
    assert message in body["message"]


def test_a_shorter_retention_shortens_a_range(
    clock: Clock, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENT_RETENTION_DAYS", "3")
    clock.advance(days=10)

    answer = told()

    assert answer["start"] == clock.now - 3 * DAY
    assert len(answer["list"]) == 4


@pytest.mark.usefixtures("_entities")
def test_many_entities_in_many_bins_are_too_much(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three balances were part of what the customer saw, one of which is gone."""
    monkeypatch.setattr("orchard.usecases.history._MOST_FIGURES", 14)

    refused = told(400, custom_range={"start": START})

    assert refused["code"] == "invalid_request"
    assert "name an entity_id" in refused["message"]
    assert len(told(custom_range={"start": START}, entity_id="e2")["list"]) == 5
    assert len(told(custom_range={"start": START + DAY})["list"]) == 4
    monkeypatch.setattr("orchard.usecases.history._MOST_BALANCES", 2)
    told(400, at=START)


def test_a_dense_past_is_not_read_whole(
    call: Call, clock: Clock, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there are more points than pages to read, each bin is looked up by itself."""
    monkeypatch.setattr("orchard.store.history._IN_A_ROW", 10)
    for _hour in range(30):
        clock.advance(seconds=3600)
        track(call, 1)
    for record in recording.told(recording.records(table)):
        recording.deliver([record])
    owned = Owned(TENANT, history_of(call).rpartition("#")[2], "messages")
    instants = [START + hour * HOUR for hour in range(1, 30, 3)]

    found: list[Any] = []
    cost = cost_of(table, lambda: found.extend(figures(table, owned, instants)))

    assert [one.usage for one in found] == list(range(1, 30, 3))
    # Two to begin with, then one for each of the instants that are left.
    assert len(cost.verbs) <= 2 + len(instants)


def test_an_answer_takes_few_requests(call: Call, clock: Clock, table: Table) -> None:
    clock.advance(days=1)
    track(call, 1)
    recording.catch_up(table)
    body = {"customer_id": "user_1", "feature_id": "messages"}
    call("balances.history", body)

    cost = cost_of(table, lambda: call("balances.history", body))

    # The customer; whether entities ever had a balance; the past, twice; the marks.
    assert cost.verbs == ("Query",) * 5


def test_marks_are_looked_for_among_so_many_changes(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert told()["marks"]
    monkeypatch.setattr("orchard.usecases.history._MOST_READ", 0)

    refused = told(400)

    assert refused["code"] == "invalid_request"
    assert "choose a shorter time" in refused["message"]
