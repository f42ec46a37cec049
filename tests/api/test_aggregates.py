"""events.aggregate: usage summed over time, from roll-ups and from events."""

import random
from collections import defaultdict
from typing import Any

import pytest

from orchard.store import customers as stored
from orchard.store import keys
from orchard.store.session import Session
from orchard.store.table import Table
from orchard.usecases import aggregating, budget, events
from tests.builders import a_customer, a_feature, a_grant, a_plan, monthly
from tests.conftest import START, TENANT, Call, Clock
from tests.streams import recording

HOUR, DAY = 3_600_000, 86_400_000
#: A Tuesday, 10:30 UTC.
NOW = START + 10 * HOUR + HOUR // 2
HERE = {"customer_id": "user_1"}

type Ask = Any


@pytest.fixture
def customers(call: Call, clock: Clock) -> None:
    """Two customers with a thousand messages each, who also count words."""
    clock.now = NOW
    a_feature(call, "messages", event_names=["action"])
    a_feature(call, "words")
    for customer in ("user_1", "user_2"):
        a_customer(call, customer)
        a_grant(call, 1000, customer_id=customer, reset={"interval": "month"})


@pytest.fixture
def track(call: Call, customers: None) -> Ask:
    del customers

    def track(value: float = 1, **fields: Any) -> None:
        body = {**HERE, "feature_id": "messages", "value": value, **fields}
        body = {name: content for name, content in body.items() if content is not None}
        assert call("balances.track", body).status == 200

    return track


@pytest.fixture
def summed(call: Call, table: Table) -> Ask:
    """`summed(...)` lets the stream catch up and sums up."""

    seen = 0

    def summed(feature_id: Any = "messages", **body: Any) -> Any:
        nonlocal seen
        told = recording.told(recording.records(table))
        recording.deliver(told[seen:])
        seen = len(told)
        answer = call("events.aggregate", {"feature_id": feature_id, **body})
        assert answer.status == 200, answer.body
        return answer.body

    return summed


def used(answer: Any, name: str = "messages") -> dict[int, float]:
    """What was used of a feature, by bin; bins without use are left out."""
    return {one["period"]: one["values"][name] for one in answer["list"] if one["values"][name]}


def groups(answer: Any, name: str = "messages") -> dict[str, float]:
    """What each group used of a feature in all bins."""
    found: dict[str, float] = defaultdict(int)
    for one in answer["list"]:
        for group, value in one["grouped_values"][name].items():
            found[group] += value
    return dict(found)


def test_usage_is_summed_by_day_with_zeros_where_there_is_none(track: Ask, summed: Ask) -> None:
    track(2)
    track(3.5)
    track(-1)
    track(7, timestamp=NOW - 3 * DAY)
    track(100, timestamp=NOW - 9 * DAY)

    answer = summed(**HERE, range="7d")

    days = [START + number * DAY for number in range(-7, 1)]
    assert answer == {
        "list": [
            {"period": day, "values": {"messages": {START: 4.5, START - 3 * DAY: 7}.get(day, 0)}}
            for day in days
        ],
        "total": {"messages": {"count": 4, "sum": 11.5}},
    }


def test_a_day_is_shown_by_the_hour(track: Ask, summed: Ask) -> None:
    track(2)
    track(3, timestamp=NOW - 24 * HOUR)
    track(4, timestamp=NOW - 25 * HOUR)

    answer = summed(**HERE, range="24h")

    periods = [one["period"] for one in answer["list"]]
    assert periods == [START + 10 * HOUR - number * HOUR for number in range(24, -1, -1)]
    assert used(answer) == {START + 10 * HOUR: 2, START - 14 * HOUR: 3}
    assert len(summed(**HERE, range="24h", bin_size="day")["list"]) == 2


def test_weeks_begin_on_monday_and_months_on_their_first(track: Ask, summed: Ask) -> None:
    track(1, timestamp=START - 1)
    track(2, timestamp=START)

    weeks = summed(**HERE, range="30d", bin_size="week")
    months = summed(**HERE, range="90d", bin_size="month")

    assert used(weeks) == {START - DAY: 3}
    assert used(months) == {START - 31 * DAY: 1, START: 2}
    assert months["list"][0]["period"] == START - 92 * DAY


def test_several_features_and_event_names_are_summed_side_by_side(track: Ask, summed: Ask) -> None:
    track(2)
    track(3, feature_id="words")
    track(4, feature_id=None, event_name="action")

    answer = summed(["messages", "words", "action", "nothing", "words"], **HERE, range="24h")

    assert answer["total"] == {
        "messages": {"count": 1, "sum": 2},
        "words": {"count": 1, "sum": 3},
        "action": {"count": 1, "sum": 4},
        "nothing": {"count": 0, "sum": 0},
    }
    assert answer["list"][-1]["values"] == {"messages": 2, "words": 3, "action": 4, "nothing": 0}


def test_what_was_asked_for_is_summed_and_not_what_there_was(track: Ask, summed: Ask) -> None:
    track(1500)
    track(5)

    assert summed(**HERE, range="24h")["total"] == {"messages": {"count": 2, "sum": 1505}}


def test_uses_can_be_counted_instead(track: Ask, summed: Ask) -> None:
    track(20)
    track(30)

    answer = summed(**HERE, range="24h", measure="count")

    assert used(answer) == {START + 10 * HOUR: 2}
    assert answer["total"] == {"messages": {"count": 2, "sum": 50}}


def test_any_range_has_the_sum_of_the_events_that_are_listed(
    track: Ask, summed: Ask, call: Call
) -> None:
    chance = random.Random(4)
    for _use in range(30):
        whose = {"customer_id": chance.choice(("user_1", "user_2"))}
        feature = {"feature_id": chance.choice(("messages", "words"))}
        at = chance.choice((chance.randrange(4 * DAY), chance.randrange(96) * HOUR)) - 1
        track(chance.randrange(-9, 99) / 4, **whose, **feature, timestamp=NOW - 4 * DAY + at)
    summed()

    for _range in range(12):
        start, end = sorted(chance.sample(range(NOW - 4 * DAY, NOW + HOUR), 2))
        cut = {"start": start - start % chance.choice((1, HOUR, DAY)), "end": end}
        name = chance.choice(("messages", "words"))
        asked = {"custom_range": cut, "feature_id": name, **chance.choice(({}, HERE))}
        size = chance.choice(("hour", "day", "week", "month"))
        listed = call("events.list", {**asked, "limit": 1000}).body["list"]
        answer = call("events.aggregate", {**asked, "bin_size": size}).body

        found: dict[int, float] = defaultdict(int)
        for event in listed:
            periods = [one["period"] for one in answer["list"]]
            found[max(at for at in periods if at <= event["timestamp"])] += event["value"]
        assert used(answer, name) == {at: value for at, value in found.items() if value}
        whole = {"count": len(listed), "sum": sum(event["value"] for event in listed)}
        assert answer["total"] == {name: whole}


def test_a_range_is_filled_until_now(track: Ask, summed: Ask, call: Call) -> None:
    track(1)
    summed()

    def of(start: int, end: int, size: str = "day") -> Any:
        asked = {**HERE, "feature_id": "messages", "bin_size": size}
        answer = call("events.aggregate", {**asked, "custom_range": {"start": start, "end": end}})
        return [(one["period"], one["values"]["messages"]) for one in answer.body["list"]]

    assert of(START - DAY, START + 90 * DAY) == [(START - DAY, 0), (START, 1)]
    assert of(START, START + 90 * DAY, "hour")[-2:] == [
        (START + 9 * HOUR, 0),
        (START + 10 * HOUR, 1),
    ]
    assert of(START - 2 * DAY, START - 1) == [(START - 2 * DAY, 0), (START - DAY, 0)]
    assert of(START + DAY, START + 90 * DAY) == []


def test_usage_of_all_customers_is_summed_together_or_side_by_side(track: Ask, summed: Ask) -> None:
    track(2)
    track(5, customer_id="user_2")
    track(7, customer_id="user_2", timestamp=NOW - 2 * DAY)

    together = summed(range="7d")
    apart = summed(range="7d", group_by="$customer_id")

    assert used(together) == {START: 7, START - 2 * DAY: 7}
    assert apart["total"] == together["total"] == {"messages": {"count": 3, "sum": 14}}
    assert groups(apart) == {"user_1": 2, "user_2": 12}
    assert groups(summed(**HERE, range="7d", group_by="$customer_id")) == {"user_1": 2}


def test_deleted_customers_count_no_more_and_renamed_ones_under_their_new_id(
    call: Call, track: Ask, summed: Ask
) -> None:
    track(2)
    track(5, customer_id="user_2")
    summed()
    assert call("customers.delete", HERE).status == 200
    renamed = {"customer_id": "user_2", "new_customer_id": "user_9"}
    assert call("customers.update", renamed).status == 200

    answer = summed(range="24h", group_by="$customer_id")

    assert groups(answer) == {"user_9": 5}
    assert answer["total"]["messages"]["sum"] == 5
    assert call("events.aggregate", {**HERE, "feature_id": "messages"}).status == 404


def test_events_are_grouped_by_a_property_of_theirs(track: Ask, summed: Ask) -> None:
    for value, model in ((5, "small"), (3, "large"), (2, 7), (1, True), (9, None)):
        track(value, properties={"model": model})
    track(4)
    track(6, properties={"model": ["a"]})
    track(8, properties={"model": "y" * 300})

    answer = summed(**HERE, range="24h", group_by="properties.model")

    expected = {"small": 5, "large": 3, "7": 2, "true": 1, "null": 13, '["a"]': 6, "y" * 255: 8}
    assert groups(answer) == groups(summed(range="24h", group_by="properties.model")) == expected
    assert answer["total"]["messages"]["sum"] == 38


def test_groups_beyond_the_largest_are_one_more(track: Ask, summed: Ask) -> None:
    for number in range(12):
        track(number + 1, properties={"model": f"m{number:02}"})

    usual = groups(summed(**HERE, range="24h", group_by="properties.model"))
    two = groups(summed(**HERE, range="24h", group_by="properties.model", max_groups=2))

    assert len(usual) == 10
    assert usual["Other"] == 1 + 2 + 3
    assert two == {"m11": 12, "m10": 11, "Other": 55}


@pytest.fixture
def _seats(call: Call, customers: None) -> None:
    """Two seats, each with messages of its own from a plan."""
    del customers
    a_feature(call, "seats", consumable=False)
    item = {**monthly("messages", 10), "entity_feature_id": "seats"}
    a_plan(call, "team", item)
    for entity_id in ("e1", "e2"):
        body = {**HERE, "entity_id": entity_id, "feature_id": "seats"}
        assert call("entities.create", body).status == 200
    assert call("billing.attach", {**HERE, "plan_id": "team"}).status == 200


@pytest.mark.usefixtures("_seats")
def test_usage_of_entities_is_told_apart(track: Ask, summed: Ask) -> None:
    track(2, entity_id="e1")
    track(5, entity_id="e2")
    track(1)

    assert groups(summed(**HERE, range="24h", group_by="$entity_id")) == {
        "e1": 2,
        "e2": 5,
        "null": 1,
    }
    assert summed(**HERE, range="24h", entity_id="e2")["total"]["messages"]["sum"] == 5
    assert summed(range="24h", entity_id="e1")["total"]["messages"]["sum"] == 2
    assert summed(**HERE, range="24h", entity_id="e9")["total"]["messages"]["sum"] == 0


@pytest.mark.usefixtures("_seats")
def test_usage_is_grouped_by_the_plan_that_paid_most(track: Ask, summed: Ask) -> None:
    track(4)
    track(0.5, feature_id="words")
    track(10, entity_id="e1")

    answer = summed(["messages", "words"], **HERE, range="24h", group_by="$plan_id")

    assert groups(answer) == {"team": 14}
    assert groups(answer, "words") == {"null": 0.5}


def test_events_are_filtered_by_their_properties(track: Ask, summed: Ask) -> None:
    track(1, properties={"model": "Small", "n": 5})
    track(2, properties={"model": "small", "n": 6})
    track(4, properties={"model": "large"})
    track(8)

    def sum_of(**filters: str) -> float:
        answer = summed(**HERE, range="24h", filter_by=filters)
        everybody = summed(range="24h", filter_by=filters)
        assert answer == everybody
        return float(answer["total"]["messages"]["sum"])

    assert sum_of(model="SMALL") == 3
    assert sum_of(model="small", n="6") == 2
    assert sum_of(model="none") == 0
    assert sum_of() == 15


def test_what_each_balance_paid_is_shown_beside_the_sums(
    call: Call, track: Ask, summed: Ask
) -> None:
    schema = [{"metered_feature_id": "words", "credit_cost": 0.5}]
    a_feature(call, "credits", type="credit_system", credit_schema=schema)
    a_grant(call, 4, "words")
    a_grant(call, 100, "credits", reset={"interval": "month"})
    track(10, feature_id="words")
    track(6, feature_id="words")

    answer = summed("words", **HERE, range="7d", aggregate_on="deducted")

    *earlier, today = answer["deductions"]
    assert [one["period"] for one in answer["list"]] == [
        one["period"] for one in answer["deductions"]
    ]
    assert all(one["values"] == {} for one in earlier)
    own, system = today["values"]["words"], today["values"]["credits"]
    (word_row,) = own.pop("balances")
    (credit_row,) = system.pop("balances")
    assert own == {"feature_type": "metered", "deducted": 4, "events": 1}
    assert system == {"feature_type": "credit_system", "deducted": 6, "events": 2}
    assert (word_row["credit_cost"], credit_row["credit_cost"]) == (None, 0.5)
    assert (word_row["reset"]["interval"], credit_row["reset"]["interval"]) == ("one_off", "month")
    assert (credit_row["entity_id"], credit_row["plan_id"], credit_row["events"]) == (None, None, 2)
    assert answer["total"] == {"words": {"count": 2, "sum": 16}}
    assert "grouped_values" not in today


def test_a_balance_that_is_drawn_on_at_several_rates_has_none_but_its_groups_have(
    call: Call, track: Ask, summed: Ask
) -> None:
    schema = [
        {"metered_feature_id": "words", "credit_cost": 0.5},
        {"metered_feature_id": "pages", "credit_cost": 3},
    ]
    a_feature(call, "pages")
    a_feature(call, "credits", type="credit_system", credit_schema=schema)
    a_grant(call, 100, "credits")
    track(10, feature_id="words")
    track(2, feature_id="pages")

    answer = summed(
        ["words", "pages"],
        **HERE,
        range="24h",
        aggregate_on="deducted",
        group_by="$feature_id",
    )

    last = answer["deductions"][-1]
    (row,) = last["values"]["credits"]["balances"]
    assert (row["credit_cost"], row["deducted"]) == (None, 11)
    assert last["grouped_values"] == {
        row["balance_id"]: {
            "words": {"deducted": 5, "credit_cost": 0.5},
            "pages": {"deducted": 6, "credit_cost": 3},
        }
    }


@pytest.mark.usefixtures("_seats")
def test_a_balance_of_an_entity_is_shown_as_its_own(call: Call, track: Ask, summed: Ask) -> None:
    track(4, entity_id="e1")
    track(12, entity_id="e2")

    answer = summed(**HERE, range="24h", aggregate_on="deducted", group_by="$entity_id")

    last = answer["deductions"][-1]
    rows = last["values"]["messages"]["balances"]
    paid = {(row["entity_id"], row["plan_id"]): row["deducted"] for row in rows}
    assert paid == {
        ("e1", "team"): 4,
        ("e2", "team"): 10,
        (None, None): 2,
    }
    assert last["values"]["messages"]["events"] == 2
    by_group = [group for found in last["grouped_values"].values() for group in found]
    assert set(by_group) == {"e1", "e2"}
    listed = call("events.list", HERE).body["list"]
    assert all("entity_id" not in paid for event in listed for paid in event["deductions"])


def test_one_use_of_several_features_is_one_event_of_a_balance(
    call: Call, track: Ask, summed: Ask
) -> None:
    schema = [
        {"metered_feature_id": "left", "credit_cost": 1},
        {"metered_feature_id": "right", "credit_cost": 2},
    ]
    for feature in ("left", "right"):
        a_feature(call, feature, event_names=["both"])
    a_feature(call, "credits", type="credit_system", credit_schema=schema)
    a_grant(call, 100, "credits")
    track(5, feature_id=None, event_name="both")

    answer = summed("both", **HERE, range="24h", aggregate_on="deducted")

    shown = answer["deductions"][-1]["values"]["credits"]
    assert (shown["deducted"], shown["events"], len(shown["balances"])) == (15, 1, 1)
    assert shown["balances"][0]["credit_cost"] is None


def test_a_cycle_is_that_of_the_balance_for_a_customer_without_a_subscription(
    track: Ask, summed: Ask, clock: Clock
) -> None:
    clock.advance(days=40)
    for days in (0, 9, 20, 39, 41, 55):
        track(1, timestamp=clock.now - days * DAY)

    def found(name: str) -> tuple[float, int]:
        answer = summed(**HERE, range=name)
        return answer["total"]["messages"]["sum"], len(answer["list"])

    # The cycle that began on 1 October has 31 days; the one before it began with the grant.
    assert found("1bc") == (3, 32)
    assert found("3bc") == (6, 94)
    assert found("last_cycle") == (2, 31)
    assert summed(**HERE)["total"] == summed(**HERE, range="1bc")["total"]


def test_the_first_cycle_stands_for_the_one_before_it(
    track: Ask, summed: Ask, clock: Clock
) -> None:
    clock.advance(days=3)
    track(1)
    track(2, timestamp=NOW - DAY)

    assert summed(**HERE, range="last_cycle")["total"]["messages"]["sum"] == 1


def test_cycles_of_everybody_or_of_who_has_none_are_the_last_day(
    call: Call, track: Ask, summed: Ask
) -> None:
    a_customer(call, "user_3")
    for days in (0, 3):
        track(1, timestamp=NOW - days * DAY, customer_id="user_3")

    for asked in ({}, {"customer_id": "user_3"}):
        for name in ("1bc", "3bc", "last_cycle"):
            answer = summed(**asked, range=name)
            assert [one["period"] for one in answer["list"]] == [START - DAY, START]
            assert answer["total"]["messages"]["sum"] == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"feature_id": []}, "invalid_inputs"),
        ({"feature_id": None}, "invalid_inputs"),
        ({"feature_id": ["a"] * 101}, "invalid_inputs"),
        ({"range": "1d"}, "invalid_inputs"),
        ({"range": "7d", "custom_range": {"start": 1, "end": 2}}, "invalid_inputs"),
        ({"custom_range": {"start": START, "end": START}}, "invalid_inputs"),
        ({"custom_range": {"start": START}}, "invalid_inputs"),
        ({"custom_range": {"start": START, "end": 10**20}}, "invalid_inputs"),
        ({"bin_size": "minute"}, "invalid_inputs"),
        ({"timezone": "Europe/Berlin"}, "invalid_inputs"),
        ({"group_by": "model"}, "invalid_inputs"),
        ({"group_by": "properties."}, "invalid_inputs"),
        ({"group_by": "properties.a b"}, "invalid_inputs"),
        ({"group_by": "properties.a'--"}, "invalid_inputs"),
        ({"filter_by": {"a b": "x"}}, "invalid_inputs"),
        ({"filter_by": {"a": 1}}, "invalid_inputs"),
        ({"filter_by": dict.fromkeys("abcdef", "x")}, "invalid_inputs"),
        ({"max_groups": 0}, "invalid_inputs"),
        ({"max_groups": 251}, "invalid_inputs"),
        ({"aggregate_on": "used"}, "invalid_inputs"),
        ({"measure": "average"}, "invalid_inputs"),
        ({"group_by": "$feature_id"}, "invalid_request"),
        ({"aggregate_on": "deducted"}, "invalid_request"),
        ({"aggregate_on": "deducted", **HERE, "group_by": "$plan_id"}, "invalid_request"),
        ({"aggregate_on": "deducted", **HERE, "filter_by": {"a": "x"}}, "invalid_request"),
        ({"custom_range": {"start": 0, "end": NOW}, "bin_size": "hour"}, "invalid_request"),
        ({"custom_range": {"start": 0, "end": NOW}, "group_by": "$plan_id"}, "invalid_request"),
        ({"custom_range": {"start": 1, "end": NOW}}, "invalid_request"),
    ],
)
def test_bad_input_is_refused(call: Call, body: dict[str, Any], code: str) -> None:
    answer = call("events.aggregate", {"feature_id": "messages", **body})

    assert (answer.status, answer.body["code"]) == (400, code)


def test_an_unknown_customer_is_not_found(call: Call) -> None:
    for fields in ({}, {"range": "7d"}, {"aggregate_on": "deducted"}):
        body = {"customer_id": "nobody", "feature_id": "messages", **fields}
        answered = call("events.aggregate", body)
        assert (answered.status, answered.body["code"]) == (404, "customer_not_found")


def test_days_are_known_for_good_and_hours_as_long_as_events(
    track: Ask, summed: Ask, clock: Clock, session: Session, call: Call
) -> None:
    track(3)
    track(4, customer_id="user_2")
    summed()
    clock.advance(days=900)
    span = {"start": START - 800 * DAY, "end": clock.now - clock.now % DAY - 1}

    assert used(summed(**HERE, custom_range=span)) == {START: 3}
    assert used(summed(custom_range=span, bin_size="month")) == {START: 7}
    internal_id = stored.locate(session, "user_1").internal_id
    kept = recording.partition(session.table, keys.usage(TENANT, internal_id))
    assert {item["grain"]: item.get("ttl") for item in kept} == {
        "HOUR": (START + 10 * HOUR) // 1000 + 400 * 86_400,
        "DAY": None,
    }
    odd = {**HERE, "feature_id": "messages", "custom_range": {**span, "start": START + 1}}
    refused = call("events.aggregate", odd)
    assert (refused.status, "kept for 400 days" in refused.body["message"]) == (400, True)


def test_more_than_one_answer_may_read_or_hold_is_refused_with_a_hint(
    track: Ask, call: Call, summed: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _use in range(4):
        track()
    summed()
    asked = {**HERE, "feature_id": "messages", "range": "7d"}
    with monkeypatch.context() as limits:
        limits.setattr(events, "MOST_READ", 3)
        limits.setattr(aggregating, "_MOST_NUMBERS", 8)

        events_read = call("events.aggregate", {**asked, "group_by": "$plan_id"})
        everybody = call("events.aggregate", {"feature_id": "messages", "filter_by": {"a": "b"}})
        numbers = call("events.aggregate", {**asked, "group_by": "$customer_id"})
        bins = call("events.aggregate", {**asked, "range": "24h"})
        listed = call("events.list", {**HERE, "filter_by": {"a": "b"}})

        limits.setattr(budget, "LARGEST_ANSWER", 100)
        size = call("events.aggregate", {**asked, "range": "30d", "bin_size": "week"})

    for refused in (events_read, everybody, numbers, bins, listed, size):
        assert (refused.status, refused.body["code"]) == (400, "invalid_request")
    assert "choose a shorter range" in events_read.body["message"]
    assert "would have more than" in numbers.body["message"]
    assert "narrow custom_range" in listed.body["message"]
    assert call("events.aggregate", asked).status == 200
    assert call("events.list", HERE).status == 200


def test_the_rest_path_sums_up_too(call: Call, track: Ask, summed: Ask) -> None:
    track(3)
    summed()
    body = {**HERE, "feature_id": "messages", "range": "24h"}

    answer = call("events.aggregate", body, route="POST /v1/events/aggregate")

    assert answer.body["total"] == {"messages": {"count": 1, "sum": 3}}
