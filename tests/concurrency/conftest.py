"""The handlers on AWS's own engine: it serialises writes as DynamoDB does, which moto does not."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config

from local.dynamodb import DynamoDBLocal
from orchard.gateways import bus, queue
from orchard.store.table import Table
from orchard.triggers import connection
from tests import harness
from tests.concurrency.scenarios import GIVEN, catalogue
from tests.concurrency.worlds import World
from tests.conftest import Call, Clock, forget


@pytest.fixture(scope="session")
def dynamodb() -> Iterator[DynamoDBLocal]:
    with DynamoDBLocal() as running:
        yield running


@pytest.fixture(scope="session")
def client(dynamodb: DynamoDBLocal) -> Any:
    """A client that waits for answers, however busy the machine is: tests add up what they say."""
    settings = Config(retries={"total_max_attempts": 1}, read_timeout=60, max_pool_connections=64)
    return boto3.client("dynamodb", endpoint_url=dynamodb.endpoint, config=settings)


@pytest.fixture
def table(
    request: pytest.FixtureRequest,
    dynamodb: DynamoDBLocal,
    client: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Table]:
    """Takes the place of the table that moto plays: every other fixture builds on it.

    It has a stream for tests marked `stream` alone: here each record of a stream makes all later
    transactions slower.
    """
    for service in ("DYNAMODB", "DYNAMODB_STREAMS"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", dynamodb.endpoint)
    connected = Table(client, f"orchard-{uuid4().hex}")
    streams = request.node.get_closest_marker("stream") is not None
    harness.create_table(connected.client, connected.name, streams=streams)
    forget()
    connection.use(connected)
    yield connected
    forget()
    connected.client.delete_table(TableName=connected.name)


@pytest.fixture
def world(table: Table, call: Call, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> World:
    """One customer with two entities, whose operations can be interrupted and done again."""
    world = World(table, call, clock)
    monkeypatch.setattr(table, "client", world.client)
    monkeypatch.setattr(queue, "send", _into(world.stage.messages))
    catalogue(call)
    for step in GIVEN:
        step(world.stage)
    return world


@pytest.fixture
def silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no bus here: nobody is told what the consumer would tell."""
    monkeypatch.setattr(bus, "publish", lambda _entries: None)


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was put into the queue."""
    sent: list[str] = []
    monkeypatch.setattr(queue, "send", _into(sent))
    return sent


def _into(messages: list[str]) -> Callable[[Sequence[str]], int]:
    def send(bodies: Sequence[str]) -> int:
        messages.extend(bodies)
        return len(bodies)

    return send
