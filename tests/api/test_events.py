"""events.list: usage as the ledger wrote it down."""

import base64
import json
from typing import Any

import pytest

from orchard.contracts.cursor import Cursor, encode
from orchard.store.session import Session
from orchard.store.table import Table
from orchard.triggers import http
from orchard.usecases import budget, events
from tests.bench.requests import cost_of
from tests.conftest import START, Call, Clock, mint
from tests.streams import recording

DAY = 86_400_000


@pytest.fixture
def listed(call: Call, table: Table) -> Any:
    """`listed(...)` lets the stream catch up and lists events."""

    seen = 0

    def listed(**body: Any) -> Any:
        nonlocal seen
        told = recording.told(recording.records(table))
        recording.deliver(told[seen:])
        seen = len(told)
        answer = call("events.list", body)
        assert answer.status == 200, answer.body
        return answer.body

    return listed


@pytest.fixture(autouse=True)
def customers(call: Call, table: Table) -> None:
    """Two customers with a hundred messages each; `words` are counted but granted to none."""
    del table
    for feature in ("messages", "words"):
        fields = {"feature_id": feature, "name": feature, "type": "metered", "consumable": True}
        assert call("features.create", {**fields, "event_names": ["action"]}).status == 200
    for customer in ("user_1", "user_2"):
        assert call("customers.get_or_create", {"customer_id": customer}).status == 200
        grant = {"customer_id": customer, "feature_id": "messages", "included_grant": 100}
        reset = {"reset": {"interval": "month"}}
        assert call("balances.create", {**grant, **reset}).status == 200


@pytest.fixture
def track(call: Call) -> Any:
    def track(value: float = 1, **fields: Any) -> None:
        body = {"customer_id": "user_1", "feature_id": "messages", "value": value, **fields}
        body = {name: content for name, content in body.items() if content is not None}
        assert call("balances.track", body).status == 200

    return track


def values(page: Any) -> list[float]:
    return [event["value"] for event in page["list"]]


def test_an_event_is_listed_with_what_it_took(track: Any, listed: Any, call: Call) -> None:
    track(12.5, properties={"model": "small", "nested": {"n": [1, 2.5, None]}})

    page = listed(customer_id="user_1")

    balance = call("balances.check", {"customer_id": "user_1", "feature_id": "messages"}).body
    (source,) = balance["balance"]["breakdown"]
    (event,) = page["list"]
    assert page["next_cursor"] is None
    assert event.pop("id").startswith("evt_")
    assert event == {
        "timestamp": START,
        "feature_id": "messages",
        "customer_id": "user_1",
        "value": 12.5,
        "properties": {"model": "small", "nested": {"n": [1, 2.5, None]}},
        "deductions": [
            {
                "balance_id": source["id"],
                "feature_id": "messages",
                "plan_id": None,
                "reset": {"interval": "month", "resets_at": source["reset"]["resets_at"]},
                "value": 12.5,
            }
        ],
    }


def test_the_requested_value_is_shown_and_null_when_nothing_moved(track: Any, listed: Any) -> None:
    track(120)
    track(5)
    track(3, feature_id="words")

    events = listed(customer_id="user_1")["list"]

    deductions = {event["value"]: event["deductions"] for event in events}
    assert deductions[120][0]["value"] == 100
    assert (deductions[5], deductions[3]) == (None, None)


def test_a_refund_is_a_negative_deduction(track: Any, listed: Any) -> None:
    track(10)
    track(-4)

    events = listed(customer_id="user_1")["list"]

    assert {(one["value"], one["deductions"][0]["value"]) for one in events} == {
        (10, 10),
        (-4, -4),
    }


def test_events_come_newest_first_by_the_time_the_caller_gave(
    track: Any, listed: Any, clock: Clock
) -> None:
    track(1)
    clock.advance(seconds=60)
    track(2)
    track(3, timestamp=START - 5 * DAY)

    assert values(listed(customer_id="user_1")) == [2, 1, 3]


def test_a_used_check_is_an_event_and_a_plain_one_is_not(call: Call, listed: Any) -> None:
    body = {"customer_id": "user_1", "feature_id": "messages"}
    call("balances.check", {**body, "required_balance": 7})
    call("balances.check", {**body, "required_balance": 8, "send_event": True})
    call("balances.check", {**body, "required_balance": 800, "send_event": True})

    assert values(listed(customer_id="user_1")) == [8]


def test_a_rejected_or_skipped_track_is_no_event(call: Call, track: Any, listed: Any) -> None:
    body = {"customer_id": "user_1", "feature_id": "messages", "value": 101}
    assert call("balances.track", {**body, "overage_behavior": "reject"}).status == 400
    track(1, skip_event=True)

    assert listed(customer_id="user_1")["list"] == []


def test_an_edit_is_no_event(call: Call, listed: Any) -> None:
    body = {"customer_id": "user_1", "feature_id": "messages", "remaining": 5}
    assert call("balances.update", body).status == 200

    assert listed(customer_id="user_1")["list"] == []


def test_an_event_name_is_listed_once_for_all_its_features(
    call: Call, track: Any, listed: Any
) -> None:
    grant = {"customer_id": "user_1", "feature_id": "words", "included_grant": 10}
    assert call("balances.create", grant).status == 200
    track(0.5, feature_id=None, event_name="action")

    (event,) = listed(customer_id="user_1")["list"]

    assert event["feature_id"] == "action"
    paid = [(one["feature_id"], one["value"]) for one in event["deductions"]]
    assert sorted(paid) == [("messages", 0.5), ("words", 0.5)]


def test_pages_walk_through_all_events_once(track: Any, listed: Any, clock: Clock) -> None:
    for number in range(7):
        track(number)
        clock.advance(seconds=number % 2)
    everything = listed(customer_id="user_1")["list"]

    cursor, walked = "", []
    for _page in range(4):
        page = listed(customer_id="user_1", limit=2, start_cursor=cursor)
        walked += page["list"]
        cursor = page["next_cursor"]

    assert walked == everything
    assert cursor is None


def test_a_page_ends_early_when_its_events_are_large(
    track: Any, listed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        track(number, timestamp=START - number, properties={"text": "x" * 2000})
    monkeypatch.setattr(events, "_LARGEST_PAGE", 5000)

    first = listed(customer_id="user_1", limit=4)
    rest = listed(customer_id="user_1", limit=4, start_cursor=first["next_cursor"])
    older = listed(customer_id="user_1", limit=4, offset=1)
    monkeypatch.setattr(events, "_LARGEST_PAGE", 1)

    assert (values(first), values(rest)) == ([0, 1], [2, 3])
    assert rest["next_cursor"] is None
    assert (older["total"], older["has_more"], older["limit"]) == (2, True, 2)
    assert values(listed(customer_id="user_1")) == [0]


@pytest.mark.parametrize(
    "text", ["plain", 'quotes "" and \\ back\nslashes', "müde 😀", "\x00\x1f\x7f\u2028"]
)
def test_the_size_of_an_answer_is_what_the_function_sends(text: str) -> None:
    content = [{"": {"": text, "value": 1.5, "none": None, "list": ["", ""]}}] * 3

    sent = json.dumps(http.answer(200, content)["body"], ensure_ascii=False)

    assert budget.size(content) + len('""') == len(sent.encode())


def test_looking_for_events_of_an_entity_takes_no_more_requests_for_a_small_page(
    call: Call, track: Any, listed: Any, table: Table
) -> None:
    entity = {"customer_id": "user_2", "entity_id": "seat_1", "feature_id": "messages"}
    assert call("entities.create", entity).status == 200
    track(7, customer_id="user_2", entity_id="seat_1")
    for number in range(30):
        track(number)
    listed()

    found: list[Any] = []
    asked = {"entity_id": "seat_1", "limit": 1}
    cost = cost_of(table, lambda: found.append(call("events.list", asked).body))

    assert values(found[0]) == [7]
    assert cost.verbs.count("BatchGetItem") == 2


def test_a_small_page_of_one_feature_reads_few_of_many_events(
    track: Any, listed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        track(number, timestamp=START - number)
    monkeypatch.setattr(events, "_LOOKED_THROUGH", 8)
    monkeypatch.setattr(events, "MOST_READ", 19)

    for whose in ({"customer_id": "user_1"}, {}):
        assert values(listed(feature_id="messages", **whose, limit=2)) == [0, 1]


def test_a_cursor_counts_microseconds(track: Any, listed: Any) -> None:
    track(1)
    track(2)

    page = listed(customer_id="user_1", limit=1)

    padded = page["next_cursor"] + "=" * (-len(page["next_cursor"]) % 4)
    assert json.loads(base64.urlsafe_b64decode(padded)) == {
        "v": 0,
        "id": page["list"][0]["id"],
        "t": START * 1000,
    }


def test_events_can_be_limited_to_features(track: Any, listed: Any) -> None:
    track(1)
    track(2, feature_id="words")
    track(3, feature_id=None, event_name="action")

    assert values(listed(customer_id="user_1", feature_id="words")) == [2]
    assert sorted(values(listed(customer_id="user_1", feature_id=["words", "action"]))) == [2, 3]
    assert sorted(values(listed(feature_id=["messages", "action"]))) == [1, 3]
    assert len(values(listed(customer_id="user_1", feature_id=[]))) == 3


def test_events_can_be_limited_to_a_time(track: Any, listed: Any) -> None:
    for days in range(5):
        track(days + 1, timestamp=START - days * DAY)
    range_ = {"start": START - 3 * DAY, "end": START - DAY}

    assert values(listed(customer_id="user_1", custom_range=range_)) == [2, 3, 4]
    assert values(listed(custom_range=range_)) == [2, 3, 4]
    assert values(listed(custom_range={"start": START - DAY})) == [1, 2]
    assert values(listed(custom_range={"end": START - 4 * DAY})) == [5]


def test_a_cursor_outside_the_time_asked_for_finds_nothing(track: Any, listed: Any) -> None:
    track(1)
    cursor = encode(Cursor((START - DAY) * 1000, "evt_x"))

    page = listed(customer_id="user_1", start_cursor=cursor, custom_range={"start": START})

    assert page == {"list": [], "next_cursor": None}


def test_events_can_be_limited_to_properties(track: Any, listed: Any) -> None:
    track(1, properties={"model": "Small", "n": 5})
    track(2, properties={"model": "small", "n": 6.5})
    track(3, properties={"model": "large", "n": None})
    track(4)

    for whose in ({"customer_id": "user_1"}, {}):
        assert sorted(values(listed(**whose, filter_by={"model": "SMALL"}))) == [1, 2]
        assert values(listed(**whose, filter_by={"model": "small", "n": "6.5"})) == [2]
        assert listed(**whose, filter_by={"n": "None"})["list"] == []
        first = listed(**whose, filter_by={"model": "small"}, limit=1)
        rest = listed(
            **whose, filter_by={"model": "small"}, limit=1, start_cursor=first["next_cursor"]
        )
        assert sorted(values(first) + values(rest)) == [1, 2]
        assert rest["next_cursor"] is None


def test_events_can_be_limited_to_the_days_before_now(
    track: Any, listed: Any, clock: Clock
) -> None:
    clock.advance(seconds=90)
    for days in (0, 1, 8, 32):
        track(days, timestamp=clock.now - days * DAY)

    assert values(listed(customer_id="user_1", range="24h")) == [0, 1]
    assert values(listed(range="30d")) == [0, 1, 8]
    # A balance that begins anew each month says how long a cycle is; nothing says it for all.
    assert values(listed(customer_id="user_1", range="1bc")) == [0, 1, 8]
    assert values(listed(range="1bc")) == [0, 1]


def test_older_clients_page_by_offset(call: Call, track: Any, listed: Any) -> None:
    for number in range(5):
        track(number, timestamp=START - number)

    first = listed(customer_id="user_1", offset=0, limit=2)
    last = listed(customer_id="user_1", offset=4, limit=2)
    beyond = listed(offset=9)
    older = call("events.list", {"limit": 3}, headers={"x-api-version": "2.2"}).body
    usual = call("events.list", {}, headers={"x-api-version": "2.3"}).body

    assert (values(first), values(last), values(beyond)) == ([0, 1], [4], [])
    shape = ("total", "has_more", "offset", "limit")
    assert [first[name] for name in shape] == [2, True, 0, 2]
    assert [last[name] for name in shape] == [1, False, 4, 2]
    assert [beyond[name] for name in shape] == [0, False, 9, 100]
    assert [older[name] for name in shape] == [3, True, 0, 3]
    assert older["list"] == usual["list"][:3]
    assert set(usual) == {"list", "next_cursor"}
    body = {"limit": 3, "start_cursor": older["next_cursor"]}
    behind = call("events.list", body, headers={"x-api-version": "2.2"}).body
    assert behind["list"] == usual["list"][3:]


def test_all_customers_are_listed_together_newest_first(
    track: Any, listed: Any, clock: Clock
) -> None:
    for number in range(6):
        track(number, customer_id=f"user_{number % 2 + 1}")
        clock.advance(seconds=1)

    assert values(listed()) == [5, 4, 3, 2, 1, 0]
    first = listed(limit=4)
    rest = listed(limit=4, start_cursor=first["next_cursor"])
    assert values(first) + values(rest) == [5, 4, 3, 2, 1, 0]
    assert rest["next_cursor"] is None


def test_events_follow_a_customer_to_its_new_id(call: Call, track: Any, listed: Any) -> None:
    track(1)
    renamed = call("customers.update", {"customer_id": "user_1", "new_customer_id": "user_9"})
    assert renamed.status == 200, renamed.body
    track(2, customer_id="user_9")

    for page in (listed(customer_id="user_9"), listed()):
        assert sorted(values(page)) == [1, 2]
        assert {event["customer_id"] for event in page["list"]} == {"user_9"}
    assert call("events.list", {"customer_id": "user_1"}).status == 404


def test_events_of_a_deleted_customer_are_gone_at_once(call: Call, track: Any, listed: Any) -> None:
    track(1)
    track(2, customer_id="user_2")
    assert values(listed(customer_id="user_1")) == [1]
    assert call("customers.delete", {"customer_id": "user_1"}).status == 200

    assert values(listed()) == [2]
    assert call("events.list", {"customer_id": "user_1"}).status == 404
    assert call("customers.get_or_create", {"customer_id": "user_1"}).status == 200
    assert listed(customer_id="user_1")["list"] == []


def test_a_customer_can_be_named_by_its_internal_id(
    track: Any, listed: Any, session: Session
) -> None:
    track(1)
    pk = next(
        one["dynamodb"]["NewImage"]["internal_id"]["S"]
        for one in recording.told(recording.records(session.table))
        if one["dynamodb"]["Keys"]["pk"]["S"].endswith("user_1")
    )

    assert listed(customer_id=pk)["list"][0]["customer_id"] == "user_1"


def test_an_unknown_customer_is_not_found(call: Call) -> None:
    answered = call("events.list", {"customer_id": "nobody"})

    assert (answered.status, answered.body["code"]) == (404, "customer_not_found")


def test_an_unknown_entity_has_no_events(track: Any, listed: Any) -> None:
    track(1)

    nothing: dict[str, Any] = {"list": [], "next_cursor": None}
    assert listed(customer_id="user_1", entity_id="seat_1") == nothing
    assert listed(entity_id="seat_1") == nothing


def test_environments_are_apart(call: Call, track: Any, listed: Any, table: Table) -> None:
    track(1)
    assert values(listed()) == [1]

    other = call.func("events.list", {}, key=mint(table, "live"))  # type: ignore[attr-defined]

    assert other.body == {"list": [], "next_cursor": None}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"start_cursor": "nonsense"}, "invalid_cursor"),
        ({"start_cursor": "e30"}, "invalid_cursor"),
        ({"limit": 0}, "invalid_inputs"),
        ({"limit": 5001}, "invalid_inputs"),
        ({"feature_id": ""}, "invalid_inputs"),
        ({"feature_id": [1]}, "invalid_inputs"),
        ({"feature_id": ["a"] * 101}, "invalid_inputs"),
        ({"custom_range": {"start": START, "end": START - 1}}, "invalid_inputs"),
        ({"custom_range": {"start": -1}}, "invalid_inputs"),
        ({"custom_range": {"start": "yesterday"}}, "invalid_inputs"),
        ({"custom_range": []}, "invalid_inputs"),
        ({"entity_id": ""}, "invalid_inputs"),
        ({"customer_id": 7}, "invalid_inputs"),
        ({"filter_by": {"model'": "x"}}, "invalid_inputs"),
        ({"filter_by": {"": "x"}}, "invalid_inputs"),
        ({"filter_by": {"model": 1}}, "invalid_inputs"),
        ({"filter_by": dict.fromkeys("abcdef", "x")}, "invalid_inputs"),
        ({"offset": -1}, "invalid_inputs"),
        ({"offset": 10_001}, "invalid_inputs"),
        ({"offset": 1, "start_cursor": "x"}, "invalid_inputs"),
        ({"range": "7d", "custom_range": {}}, "invalid_inputs"),
        ({"range": "1y"}, "invalid_inputs"),
    ],
)
def test_bad_input_is_refused(call: Call, body: dict[str, Any], code: str) -> None:
    answer = call("events.list", body)

    assert (answer.status, answer.body["code"]) == (400, code)


def test_the_rest_path_lists_too(call: Call, track: Any, listed: Any) -> None:
    track(1)
    listed()

    answer = call("events.list", {"customer_id": "user_1"}, route="POST /v1/events/list")

    assert values(answer.body) == [1]
