"""What is recorded of usage, read page by page or summed; and usage sent in batches."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from tests.acceptance.given import monthly, plan
from tests.acceptance.steps import track
from tests.acceptance.world import CUSTOMER, Step, World, case, play
from tests.streams import recording

ITEM = {"customer_id": CUSTOMER, "feature_id": "messages", "value": 1}
FIVE = tuple(track(value) for value in (1, 2, 3, 4, 5))


def page(world: World, **fields: Any) -> Any:
    recording.catch_up(world.table)
    return world.done("events.list", customer_id=CUSTOMER, **fields)


def one_page(world: World) -> None:
    listed = page(world)
    assert set(listed) == {"list", "next_cursor"}
    assert [one["value"] for one in listed["list"]] == [5, 4, 3, 2, 1]


def two_pages(world: World) -> None:
    first = page(world, limit=2)
    second = page(world, limit=2, start_cursor=first["next_cursor"])
    newer, older = ([one["timestamp"] for one in some["list"]] for some in (first, second))
    assert max(older) <= min(newer)
    ids = [one["id"] for some in (first, second) for one in some["list"]]
    assert len(set(ids)) == len(ids) == 4


def paid_from_both(world: World) -> None:
    """The feature's own balance and credits at a fifth each paid a part of one event."""
    recording.catch_up(world.table)
    asked = {"feature_id": "action1", "range": "24h", "aggregate_on": "deducted"}
    answered = world.done("events.aggregate", customer_id=CUSTOMER, **asked)
    assert answered["total"] == {"action1": {"count": 1, "sum": 25}}
    found = answered["deductions"][-1]["values"]
    rows = {name: one["balances"][0] for name, one in found.items()}
    assert {name: (one["deducted"], one["events"]) for name, one in found.items()} == {
        "action1": (10, 1),
        "credits": (3, 1),
    }
    assert {name: (one["credit_cost"], one["events"]) for name, one in rows.items()} == {
        "action1": (None, 1),
        "credits": (0.2, 1),
    }


def without_customer(world: World) -> None:
    body = {"feature_id": "action1", "range": "24h", "aggregate_on": "deducted"}
    answered = world.ask("events.aggregate", body)
    assert (answered.status, answered.body["code"]) == (400, "invalid_request")


def batch(items: str | list[Any], status: int, code: str | None = None) -> Step:
    """A batch is accepted or refused."""

    def sent(world: World) -> None:
        answered = world.ask("balances.batch_track", items)
        assert (answered.status, answered.body.get("code")) == (status, code), answered
        if status == 200:
            assert answered.body == {"success": True}

    return sent


@pytest.fixture
def queue(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The queue that batches wait in."""
    del world
    sqs: Any = boto3.client("sqs")
    url = sqs.create_queue(QueueName="acceptance")["QueueUrl"]
    monkeypatch.setenv("TRACK_QUEUE_URL", url)
    yield
    sqs.delete_queue(QueueUrl=url)
    sqs.close()


def without_key(world: World) -> None:
    answered = world.call("balances.batch_track", [ITEM], headers={"authorization": ""})
    assert (answered.status, answered.body["code"]) == (401, "no_secret_key")


@pytest.mark.parametrize(
    "steps",
    EVENTS := [
        case("23.15-289", *FIVE, one_page),
        case("23.15-290", *FIVE, two_pages),
        case(
            "23.15-291",
            plan("free", monthly("action1", 10), monthly("credits", 100)),
            track(25, "action1"),
            paid_from_both,
        ),
        case("23.15-292", without_customer),
    ],
)
def test_events_are_listed_and_summed(world: World, steps: tuple[Step, ...]) -> None:
    play(world, steps)


@pytest.mark.parametrize(
    "steps",
    BATCHES := [
        case("23.15-293 of a thousand", batch([ITEM] * 1000, 200)),
        case("23.15-293 of one more", batch([ITEM] * 1001, 400, "invalid_inputs")),
        case("23.15-293 of none", batch("[]", 400, "invalid_inputs")),
        case(
            "23.15-293 with a bad item",
            batch([ITEM, {**ITEM, "value": "many"}], 400, "invalid_inputs"),
        ),
        case("23.15-293 without a key", without_key),
    ],
)
@pytest.mark.usefixtures("queue")
def test_a_batch_is_taken_whole_or_not_at_all(world: World, steps: tuple[Step, ...]) -> None:
    play(world, steps)


CASES = [*EVENTS, *BATCHES]
