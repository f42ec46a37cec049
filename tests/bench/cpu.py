"""Processor time of a handler beside that of the bare boto3 call it makes, taken in turns."""

import json
import time
from collections.abc import Callable
from statistics import median

import boto3

from orchard.store import keys, statements
from orchard.store.table import Table
from tests.bench.world import world
from tests.harness import handler, sample

ROUNDS, CALLS = 15, 200
TENANT = "org/sandbox"


def report() -> None:
    """Print medians over the rounds and the ratio, round by round."""
    print(f"{'processor time, ms':20}{'handler':>9}{'boto3':>9}{'ratio':>9}")
    with world() as (table, call):
        for operation, bare in _bare_calls(table).items():
            ours, theirs = _measured(_handled(operation, call.keywords["key"]), bare)  # type: ignore[attr-defined]  # a partial
            ratio = median(one / other for one, other in zip(ours, theirs, strict=True))
            print(f"{operation:20}{median(ours):>9.3f}{median(theirs):>9.3f}{ratio:>9.2f}")
    print()


def _bare_calls(table: Table) -> dict[str, Callable[[], object]]:
    """The same requests through a client as boto3 makes it without any settings."""
    client = boto3.client("dynamodb")
    key = statements.key_request(keys.balance(TENANT, "user_1", "messages"))
    return {
        "balances.check": lambda: client.get_item(
            TableName=table.name, Key=key, ConsistentRead=True
        ),
        "balances.track": lambda: client.update_item(
            TableName=table.name,
            Key=key,
            UpdateExpression="SET pending = pending + :value, headroom = headroom - :value",
            ConditionExpression="plain = :true AND headroom >= :value AND valid_until > :now",
            ExpressionAttributeValues={
                ":value": {"N": "1"},
                ":true": {"BOOL": True},
                ":now": {"N": "1"},
            },
            ReturnValues="ALL_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        ),
    }


def _handled(operation: str, key: str) -> Callable[[], object]:
    event = sample(f"api/{operation}")
    event["headers"]["authorization"] = f"Bearer {key}"
    event["body"] = json.dumps({"customer_id": "user_1", "feature_id": "messages"})
    run = handler(f"api.{operation}")
    return lambda: run(event, None)


def _measured(
    ours: Callable[[], object], theirs: Callable[[], object]
) -> tuple[list[float], list[float]]:
    for warm in (ours, theirs):
        _per_call(warm)
    rounds = [(_per_call(ours), _per_call(theirs)) for _ in range(ROUNDS)]
    return [one for one, _ in rounds], [other for _, other in rounds]


def _per_call(work: Callable[[], object]) -> float:
    begun = time.thread_time()
    for _ in range(CALLS):
        work()
    return (time.thread_time() - begun) / CALLS * 1000
