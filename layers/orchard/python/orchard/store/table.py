"""The DynamoDB table: the only module that knows boto3.

Items are plain dicts of str, int, Decimal, bool, None, list and dict. A failed condition is
`ConditionFailed` with the item that was there; contention is `Contention`; anything that a later
try may cure is `Unavailable`.
"""

import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

import boto3
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    HTTPClientError,
)
from botocore.exceptions import (
    ConnectionError as ConnectionFailed,
)

from orchard.errors import Invalid, Unavailable
from orchard.store import statements
from orchard.store.keys import Key
from orchard.store.statements import (
    ConditionFailed,
    Contention,
    Delete,
    Item,
    Put,
    Query,
    Update,
    Write,
    dump,
    load,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

_THROTTLED = {
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingException",
    "LimitExceededException",
}
_TRIES = 5
_BATCH_GET, _BATCH_WRITE = 100, 25


class Table:
    """One table; safe to share between threads."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self.client = client
        self.name = name

    def get(self, key: Key) -> Item | None:
        """Return the item, strongly consistent, or None."""
        answer = self._call("get_item", Key=statements.key_request(key), ConsistentRead=True)
        return load(answer["Item"]) if "Item" in answer else None

    def query(
        self,
        query: Query,
        looked_at: Callable[[int], None] | None = None,
        goes_on: Callable[[Item], bool] | None = None,
    ) -> Iterator[Item]:
        """Yield the items of the range in order, page after page as they are needed.

        Strongly consistent on the table; an index may lag behind it by a moment. `looked_at` is
        told how many items each page read, those that a filter leaves out among them. `goes_on` is
        asked after each page but the last one, with the key of what was read last.
        """
        asked = statements.query_request(query)
        while True:
            answer = self._call("query", **asked)
            if looked_at is not None:
                looked_at(answer["ScannedCount"])
            yield from map(load, answer["Items"])
            last = answer.get("LastEvaluatedKey")
            if last is None or (goes_on is not None and not goes_on(load(last))):
                return
            asked["ExclusiveStartKey"] = last

    def page(self, query: Query) -> tuple[list[Item], Item | None]:
        """Return what one request finds of the range, and where it stopped; None at the end."""
        answer = self._call("query", **statements.query_request(query))
        stopped = answer.get("LastEvaluatedKey")
        return [load(item) for item in answer["Items"]], stopped and load(stopped)

    def batch_get(self, wanted: Sequence[Key]) -> dict[Key, Item]:
        """Return those of the items that exist."""
        found: dict[Key, Item] = {}
        for start in range(0, len(wanted), _BATCH_GET):
            left: Any = {
                self.name: {
                    "Keys": [
                        statements.key_request(key) for key in wanted[start : start + _BATCH_GET]
                    ],
                    "ConsistentRead": True,
                }
            }
            for pause in _pauses():
                answer = self._call("batch_get_item", RequestItems=left)
                for item in map(load, answer["Responses"].get(self.name, [])):
                    found[Key(item["pk"], item["sk"])] = item
                left = answer.get("UnprocessedKeys")
                if not left:
                    break
                time.sleep(pause)
            else:
                raise Unavailable("The table is overloaded")
        return found

    def put(self, put: Put) -> None:
        """Store one item; its condition is checked."""
        self._call("put_item", **statements.put_request(put))

    def update(self, update: Update, *, counter: bool = False) -> Item:
        """Change one item and return it as it is now.

        `counter` says that a repetition would count twice: such a call is tried again only when
        DynamoDB certainly did not apply it.
        """
        request = {"ReturnValues": "ALL_NEW", **statements.update_request(update)}
        try:
            answer = self._call("update_item", repeatable=not counter, **request)
        except ConditionFailed as refused:
            if refused.item and update.token and update.token in refused.item.get("recent", ""):
                return refused.item
            raise
        return load(answer["Attributes"])

    def delete(self, delete: Delete) -> None:
        """Remove one item; its condition is checked."""
        self._call("delete_item", **statements.delete_request(delete))

    def delete_many(self, keys: Sequence[Key]) -> None:
        """Remove items without conditions, in batches."""
        for start in range(0, len(keys), _BATCH_WRITE):
            batch = [
                {"DeleteRequest": {"Key": statements.key_request(key)}}
                for key in keys[start:][:_BATCH_WRITE]
            ]
            self._write_batch(batch)

    def put_many(self, items: Sequence[Item]) -> None:
        """Store items without conditions, in batches."""
        for start in range(0, len(items), _BATCH_WRITE):
            self._write_batch(
                [{"PutRequest": {"Item": dump(one)}} for one in items[start:][:_BATCH_WRITE]]
            )

    def transact(self, writes: Sequence[Write]) -> None:
        """Apply all of the writes or none; at most 100.

        Errors: `ConditionFailed` with the position of the first write refused, `Contention`.
        """
        items = [statements.transaction_item(self.name, write) for write in writes]
        # One token for all tries: DynamoDB then applies the transaction once.
        self._call("transact_write_items", TransactItems=items, ClientRequestToken=str(uuid4()))

    def _write_batch(self, batch: list[Any]) -> None:
        for pause in _pauses():
            answer = self._call("batch_write_item", RequestItems={self.name: batch})
            batch = answer.get("UnprocessedItems", {}).get(self.name, [])
            if not batch:
                return
            time.sleep(pause)
        raise Unavailable("The table is overloaded")

    def _call(self, verb: str, *, repeatable: bool = True, **arguments: Any) -> Any:
        if "RequestItems" not in arguments and "TransactItems" not in arguments:
            arguments["TableName"] = self.name
        for pause in _pauses():
            try:
                return getattr(self.client, verb)(**arguments)
            except ClientError as refused:
                if not _may_repeat(refused, repeatable=repeatable):
                    raise _translated(refused) from refused
            except (ConnectionFailed, HTTPClientError) as lost:
                if not repeatable:
                    raise Unavailable("The table did not answer") from lost
            time.sleep(pause)
        raise Unavailable("The table is overloaded")


def connect(name: str | None = None) -> Table:
    """Return the table named in the environment (TABLE_NAME), or the one given."""
    config = Config(
        retries={"total_max_attempts": 1},
        connect_timeout=1,
        read_timeout=4,
        max_pool_connections=32,
        # Requests are built here and tested; checking each again costs a tenth of a request.
        parameter_validation=False,
        account_id_endpoint_mode="disabled",
        # Given whole, it is not put together again for every request.
        user_agent="orchard",
    )
    return Table(boto3.client("dynamodb", config=config), name or os.environ["TABLE_NAME"])


def _pauses() -> Iterator[float]:
    """Seconds to wait after each try: jittered, doubling, about a second in all."""
    for attempt in range(_TRIES):
        yield random.uniform(0, 0.05 * 2**attempt)  # noqa: S311 - spreads retries, guards nothing


def _may_repeat(refused: ClientError, *, repeatable: bool) -> bool:
    code = refused.response["Error"]["Code"]
    status = refused.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return code in _THROTTLED or (
        repeatable and (status >= 500 or code == "TransactionInProgressException")
    )


def _translated(refused: ClientError) -> Exception:
    answer = cast("dict[str, Any]", refused.response)
    code = answer["Error"]["Code"]
    if code == "ConditionalCheckFailedException":
        return ConditionFailed(load(answer["Item"]) if answer.get("Item") else None)
    if code == "TransactionConflictException":
        return Contention()
    if code == "TransactionCanceledException":
        return _canceled(answer)
    if code == "ValidationException" and "tem size" in answer["Error"].get("Message", ""):
        return Invalid("With this, the customer or balance would hold more than can be stored")
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return Unavailable("The table did not answer") if status >= 500 else refused


def _canceled(answer: dict[str, Any]) -> Exception:
    reasons = answer.get("CancellationReasons", [])
    for position, reason in enumerate(reasons):
        if reason.get("Code") == "ConditionalCheckFailed":
            return ConditionFailed(load(reason["Item"]) if reason.get("Item") else None, position)
    codes = {reason.get("Code") for reason in reasons} - {"None", None}
    if any("tem size" in reason.get("Message", "") for reason in reasons):
        return Invalid("With this, the customer or balance would hold more than can be stored")
    if codes <= {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}:
        return Contention()
    return RuntimeError(f"Transaction refused: {answer['Error'].get('Message', codes)}")
