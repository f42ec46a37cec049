"""The event bus: what is published, and what happens when something is not."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, cast

import boto3
import pytest

from orchard.errors import Unavailable
from orchard.gateways import aws, bus
from orchard.store.table import Table
from tests.conftest import START

type Published = Callable[[], list[Any]]


def entry(number: int) -> dict[str, Any]:
    return {"detail_type": "balances.limit_reached", "detail": {"n": number}, "time": START}


@pytest.fixture
def published(table: Table, monkeypatch: pytest.MonkeyPatch) -> Iterator[Published]:
    """A bus, and what it accepted."""
    del table
    events: Any = cast("Any", boto3).client("events")
    events.create_event_bus(Name="orchard")
    monkeypatch.setenv("EVENT_BUS_NAME", "orchard")
    original = aws.call
    accepted: list[Any] = []

    def watched(service: Any, verb: str, **arguments: Any) -> Any:
        answer = original(service, verb, **arguments)
        accepted.extend(arguments["Entries"])
        return answer

    monkeypatch.setattr(aws, "call", watched)
    yield lambda: accepted
    events.delete_event_bus(Name="orchard")
    events.close()


def test_an_event_says_what_happened_and_when(published: Published) -> None:
    bus.publish([entry(1)])

    assert published() == [
        {
            "EventBusName": "orchard",
            "Source": "orchard",
            "DetailType": "balances.limit_reached",
            "Detail": '{"n":1}',
            "Time": datetime(2026, 9, 1, tzinfo=UTC),
        }
    ]


def test_many_are_published_in_tens(published: Published) -> None:
    bus.publish([entry(number) for number in range(23)])

    assert [json.loads(event["Detail"])["n"] for event in published()] == list(range(23))


def test_nothing_is_published_without_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(aws, "call")

    bus.publish([])


def test_what_is_refused_alone_is_sent_again_alone(
    published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = aws.call
    sent: list[int] = []

    def busy(service: Any, verb: str, *, Entries: Any) -> Any:  # noqa: N803 - AWS's name
        sent.append(len(Entries))
        if len(sent) > 1:
            return original(service, verb, Entries=Entries)
        done = original(service, verb, Entries=Entries[:1])["Entries"]
        return {"Entries": [*done, {"ErrorCode": "ThrottlingException"}]}

    monkeypatch.setattr(aws, "call", busy)

    bus.publish([entry(1), entry(2)])

    assert sent == [2, 1]
    assert [json.loads(event["Detail"])["n"] for event in published()] == [1, 2]


@pytest.mark.usefixtures("published")
def test_a_bus_that_refuses_every_time_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = {"Entries": [{"ErrorCode": "InternalFailure"}]}
    monkeypatch.setattr(aws, "call", lambda *_, **__: refusal)

    with pytest.raises(Unavailable):
        bus.publish([entry(1)])


def test_an_event_too_large_for_the_bus_is_refused_before_any_is_published(
    published: Published,
) -> None:
    large = {**entry(2), "detail": {"text": "x" * 30_000}}

    with pytest.raises(ValueError, match="too large"):
        bus.publish([entry(1), large])

    assert published() == []
