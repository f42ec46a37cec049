"""A table with one customer, on DynamoDB Local, and the handlers that serve it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import boto3

from local.dynamodb import DynamoDBLocal
from orchard.store.table import Table, connect
from orchard.triggers import connection
from tests import harness
from tests.builders import a_customer, a_feature, a_plan, monthly
from tests.conftest import Call, forget, mint


@contextmanager
def world(*, streams: bool = True) -> Iterator[tuple[Table, Call]]:
    """Yield the table and `call`; the customer user_1 has a million messages a month.

    Without its stream, which few measures need, more can be written to the table at once.
    """
    with DynamoDBLocal() as running:
        os.environ["AWS_ENDPOINT_URL_DYNAMODB"] = running.endpoint
        os.environ["EVENT_RETENTION_DAYS"] = "400"
        # Handlers are imported at their first call, and each of those would be told.
        os.environ["POWERTOOLS_LOG_LEVEL"] = "WARNING"
        table = connect(harness.TABLE_NAME)
        harness.create_table(boto3.client("dynamodb"), streams=streams)
        forget()
        connection.use(table)
        call = partial(harness.call, key=mint(table, "sandbox"))
        a_feature(call)
        a_feature(call, "words")
        a_plan(call, "free", monthly("messages", 1_000_000), auto_enable=True)
        a_plan(call, "other", monthly("words", 10))
        a_customer(call, name="Ada", email="ada@example.com")
        call("balances.check", {"customer_id": "user_1", "feature_id": "messages"})
        yield table, call
