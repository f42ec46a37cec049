"""The handlers on AWS's own engine: it serialises writes as DynamoDB does, which moto does not."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from local.dynamodb import DynamoDBLocal
from orchard.store.table import Table, connect
from orchard.triggers import connection
from tests import harness
from tests.conftest import forget


@pytest.fixture(scope="session")
def dynamodb() -> Iterator[DynamoDBLocal]:
    with DynamoDBLocal() as running:
        yield running


@pytest.fixture
def table(dynamodb: DynamoDBLocal, monkeypatch: pytest.MonkeyPatch) -> Iterator[Table]:
    """Takes the place of the table that moto plays: every other fixture builds on it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", dynamodb.endpoint)
    connected = connect(f"orchard-{uuid4().hex}")
    harness.create_table(connected.client, connected.name)
    forget()
    connection.use(connected)
    yield connected
    forget()
    connected.client.delete_table(TableName=connected.name)
