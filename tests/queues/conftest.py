"""The queue of the template, with its dead letters, and the function that empties it."""

import json
import os
from collections.abc import Iterator
from typing import Any, cast

import boto3
import pytest

from orchard.store.table import Table
from tests import harness
from tests.conftest import Clock


class Deadline:
    """A function that is asked for its remaining time, and has none left after some answers."""

    def __init__(self, answers: int) -> None:
        self.answers = answers

    def get_remaining_time_in_millis(self) -> int:
        self.answers -= 1
        return 60_000 if self.answers >= 0 else 0


class Queue:
    """A queue and its dead letters; `deliver` does what Lambda's poller does."""

    def __init__(self) -> None:
        self._sqs: Any = cast("Any", boto3).client("sqs")
        declared = harness.template()["Resources"]["TrackQueue"]["Properties"]
        self.dead = self._create("dead", {})
        arn = self._attributes(self.dead)["QueueArn"]
        redrive = {
            "deadLetterTargetArn": arn,
            "maxReceiveCount": declared["RedrivePolicy"]["maxReceiveCount"],
        }
        # What fails is visible again at once: tests don't wait for the timeout.
        settings = {"RedrivePolicy": json.dumps(redrive), "VisibilityTimeout": "0"}
        self.url = self._create("tracks", settings)

    def deliver(self, context: Deadline | None = None) -> list[str]:
        """Hand everything that waits to the function once; return the ids of what failed."""
        records = self.receive(self.url)
        handler: Any = harness.handler("queues.track")
        answer = handler({"Records": records}, context)
        failed = [one["itemIdentifier"] for one in answer["batchItemFailures"]]
        for record in records:
            if record["messageId"] not in failed:
                self._sqs.delete_message(QueueUrl=self.url, ReceiptHandle=record["receiptHandle"])
        return failed

    def receive(self, url: str) -> list[dict[str, Any]]:
        """Return the messages that wait, in the words of a Lambda event; they stay."""
        found: dict[str, dict[str, Any]] = {}
        while True:
            got = self._sqs.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=10,
                VisibilityTimeout=60,
                MessageSystemAttributeNames=["All"],
            ).get("Messages", [])
            if not got:
                break
            found |= {one["MessageId"]: one for one in got}
        for one in found.values():
            self._sqs.change_message_visibility(
                QueueUrl=url, ReceiptHandle=one["ReceiptHandle"], VisibilityTimeout=0
            )
        return [
            {
                "messageId": one["MessageId"],
                "receiptHandle": one["ReceiptHandle"],
                "body": one["Body"],
                "attributes": one["Attributes"],
            }
            for one in found.values()
        ]

    def bodies(self) -> list[Any]:
        """Return what the waiting messages say."""
        return [json.loads(one["body"]) for one in self.receive(self.url)]

    def put(self, body: str) -> None:
        """Put a message in as a stranger could."""
        self._sqs.send_message(QueueUrl=self.url, MessageBody=body)

    def delete(self) -> None:
        """Remove both queues."""
        for url in (self.url, self.dead):
            self._sqs.delete_queue(QueueUrl=url)
        self._sqs.close()

    def _create(self, name: str, attributes: dict[str, str]) -> str:
        return str(self._sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])

    def _attributes(self, url: str) -> Any:
        return self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]


@pytest.fixture
def queue(table: Table, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queue]:
    del table, clock
    made = Queue()
    monkeypatch.setitem(os.environ, "TRACK_QUEUE_URL", made.url)
    yield made
    made.delete()
