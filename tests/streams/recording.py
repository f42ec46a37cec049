"""The table's stream as Lambda delivers it, read from the emulated table."""

import importlib
import os
from collections.abc import Callable, Sequence
from typing import Any

import boto3

from orchard.store.statements import Item, Query
from orchard.store.table import Table

os.environ |= {"EVENT_RETENTION_DAYS": "400", "EVENT_BUS_NAME": "default"}

type Record = dict[str, Any]


def records(table: Table) -> list[Record]:
    """Return every change of the table so far, oldest first, in the form of a Lambda event."""
    return following(table)()


def following(table: Table) -> Callable[[], list[Record]]:
    """Return what gives, each time, the changes of the table since the time before."""
    streams = boto3.client("dynamodbstreams")
    arn = table.client.describe_table(TableName=table.name)["Table"]["LatestStreamArn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    start = streams.get_shard_iterator(
        StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
    )
    iterator = start["ShardIterator"]

    def new() -> list[Record]:
        nonlocal iterator
        found: list[Any] = []
        while True:
            answer = streams.get_records(ShardIterator=iterator, Limit=1000)
            iterator = answer["NextShardIterator"]
            found += answer["Records"]
            if not answer["Records"]:
                return [_delivered(record) for record in found]

    return new


def told(records: Sequence[Record]) -> list[Record]:
    """Return the records that the filter of the template lets through."""
    return [record for record in records if record["dynamodb"]["Keys"]["sk"]["S"][:2] == "0#"]


def deliver(records: Sequence[Record], context: Any = None) -> dict[str, Any]:
    """Call the consumer with some records."""
    handler = importlib.import_module("streams.ledger").handler
    return dict(handler({"Records": list(records)}, context))


def catch_up(table: Table) -> dict[str, Any]:
    """Call the consumer with everything that happened so far."""
    return deliver(told(records(table)))


def partition(table: Table, pk: str) -> list[Item]:
    """Return all items of a partition."""
    return list(table.query(Query("pk = :pk", {":pk": pk})))


def _delivered(record: Any) -> Record:
    change = dict(record["dynamodb"])
    change["ApproximateCreationDateTime"] = change["ApproximateCreationDateTime"].timestamp()
    return {**record, "dynamodb": change, "eventSource": "aws:dynamodb"}
