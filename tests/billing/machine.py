"""What follows a use by itself: the stream, its consumer, the queue behind it, the bus."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import boto3
import pytest

from orchard.gateways import aws
from orchard.store.table import Table
from tests import harness
from tests.acceptance.world import Bus
from tests.billing.conftest import Shop
from tests.streams.recording import deliver, following, told

PUBLISHED = "before-parameter-build.events.PutEvents"


class Machine:
    """The stream with its consumer, the queue behind it, and the bus."""

    def __init__(self, shop: Shop, table: Table) -> None:
        self.shop, self.bus = shop, Bus()
        self._new = following(table)
        self._sqs: Any = cast("Any", boto3).client("sqs")
        self.url = self._sqs.create_queue(QueueName="top-ups")["QueueUrl"]

    def run(self, *, twice: bool = False) -> list[str]:
        """Let all that was written have its consequences; return what failed."""
        failed: list[str] = []
        while self.read(twice=twice):
            for _ in range(1 + twice):
                failed += self.buy()
            self.forget()
        self.shop.report()
        return failed

    def read(self, *, twice: bool = False) -> bool:
        """Let the consumer read what is new in the stream; whether there was anything."""
        records = told(self._new())
        for _ in range(1 + twice if records else 0):
            assert deliver(records) == {"batchItemFailures": []}
        return bool(records)

    def buy(self) -> list[str]:
        """Hand all messages to the function, which stay in the queue."""
        answer = harness.handler("queues.top_up")({"Records": self.messages()}, None)
        return [one["itemIdentifier"] for one in answer["batchItemFailures"]]

    def messages(self) -> list[dict[str, Any]]:
        """Return the messages that wait."""
        got = self._sqs.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10, VisibilityTimeout=0
        )
        return [
            {"messageId": one["MessageId"], "body": one["Body"], "handle": one["ReceiptHandle"]}
            for one in got.get("Messages", ())
        ]

    def forget(self) -> None:
        """Remove all messages."""
        for one in self.messages():
            self._sqs.delete_message(QueueUrl=self.url, ReceiptHandle=one["handle"])

    def notices(self) -> list[tuple[str, dict[str, Any]]]:
        """Return what the bus was told of top-ups."""
        found = ((one["DetailType"], json.loads(one["Detail"])) for one in self.bus.put)
        return [one for one in found if one[0].startswith("billing.auto_topup")]

    def close(self) -> None:
        """Remove the queue."""
        self._sqs.delete_queue(QueueUrl=self.url)
        self._sqs.close()


@contextmanager
def running(shop: Shop, table: Table, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """Give the machine, with the consumer of the stream knowing its queue."""
    boto3.setup_default_session()
    assert boto3.DEFAULT_SESSION is not None
    made = Machine(shop, table)
    boto3.DEFAULT_SESSION.events.register(PUBLISHED, made.bus.hear)
    aws.forget()
    monkeypatch.setenv("TOP_UP_QUEUE_URL", made.url)
    yield made
    boto3.DEFAULT_SESSION.events.unregister(PUBLISHED, made.bus.hear)
    aws.forget()
    made.close()
