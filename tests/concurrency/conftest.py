"""The handlers on AWS's own engine: it serialises writes as DynamoDB does, which moto does not."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config

from local.dynamodb import DynamoDBLocal
from orchard.store.table import Table
from orchard.triggers import connection
from tests import harness
from tests.conftest import forget


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
def table(dynamodb: DynamoDBLocal, client: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Table]:
    """Takes the place of the table that moto plays: every other fixture builds on it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", dynamodb.endpoint)
    connected = Table(client, f"orchard-{uuid4().hex}")
    harness.create_table(connected.client, connected.name)
    forget()
    connection.use(connected)
    yield connected
    forget()
    connected.client.delete_table(TableName=connected.name)
