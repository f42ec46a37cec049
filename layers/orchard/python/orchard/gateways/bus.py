"""The event bus (EVENT_BUS_NAME), on which Orchard tells others what happened."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import batched
from typing import Any

from orchard.errors import Unavailable
from orchard.gateways import aws

SOURCE = "orchard"
#: What EventBridge takes in one request; entries of this size together stay within its bytes.
_TOGETHER = 10
_LARGEST_BYTES = 25_000

type Entry = Mapping[str, Any]


def publish(entries: Sequence[Entry]) -> None:
    """Publish entries, each with `detail_type`, `detail` (JSON) and `time` (ms).

    An entry may be published twice: what must be recognised carries an id in its detail. Errors:
    `Unavailable` when some were not published; `ValueError` for one that can't be: none is then.
    """
    prepared = [_request(entry) for entry in entries]
    for some in batched(prepared, _TOGETHER, strict=False):
        _put(list(some))


def _put(left: list[dict[str, Any]]) -> None:
    for seconds in aws.pauses():
        answer = aws.call("events", "put_events", Entries=left)
        left = list(_refused(left, answer))
        if not left:
            return
        aws.pause(seconds)
    raise Unavailable("The event bus did not accept an event", "internal_error")


def _refused(sent: list[dict[str, Any]], answer: Any) -> Iterator[dict[str, Any]]:
    """The answer has one result for each entry, in order."""
    for entry, result in zip(sent, answer["Entries"], strict=True):
        if "EventId" not in result:
            yield entry


def _request(entry: Entry) -> dict[str, Any]:
    detail = json.dumps(entry["detail"], separators=(",", ":"))
    if len(detail) > _LARGEST_BYTES:
        raise ValueError(f"An event {entry['detail_type']} is too large to be published")
    return {
        "EventBusName": os.environ["EVENT_BUS_NAME"],
        "Source": SOURCE,
        "DetailType": entry["detail_type"],
        "Detail": detail,
        "Time": datetime.fromtimestamp(entry["time"] / 1000, UTC),
    }
