"""Moto in a fraction of the time: most of the time of a test would go into what is left out here.

What it answers stays the same: `shorten` leaves out the wire between a client and moto, `hurry`
what moto does over and over with the same items.
"""

import copy
import json
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from botocore import xform_name
from moto.core.serialize import BaseJSONSerializer
from moto.core.utils import utcnow
from moto.dynamodb.comparisons import ConditionExpressionParser
from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.dynamodb.models.table import StreamRecord, StreamShard, Table
from moto.dynamodb.parsing import expressions
from moto.dynamodb.responses import DynamoHandler

from tests import quicker_values

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

#: The account that moto takes a caller for.
_ACCOUNT = "123456789012"
#: Requests that go the short way; others are rare, or have times in their answers.
_OFTEN = frozenset(
    {
        "BatchGetItem",
        "BatchWriteItem",
        "DeleteItem",
        "GetItem",
        "PutItem",
        "Query",
        "TransactWriteItems",
        "UpdateItem",
    }
)


#: Tables as they were created, by name; none of them is used.
_created: dict[str, Any] = {}


@contextmanager
def new_table(client: "DynamoDBClient", name: str, create: Callable[..., None]) -> Iterator[None]:
    """Give a table as `create(client, name)` makes it, which takes long and is done once."""
    tables = dynamodb_backends[_ACCOUNT][client.meta.region_name].tables
    if name not in _created:
        create(client, name)
        _created[name] = tables.pop(name)
    made = copy.copy(_created[name])
    made.items = defaultdict(dict)
    made.stream_shard = StreamShard(_ACCOUNT, made)
    tables[name] = made
    yield
    del tables[name]


def shorten(client: "DynamoDBClient") -> None:
    """Hand requests of a client, as they would be sent, to moto's own methods.

    What is refused goes the long way, to be refused in the words of the wire.
    """

    def answer(model: Any, params: Any, **_: Any) -> Any:
        if model.name not in _OFTEN:
            return None
        handler: Any = DynamoHandler()
        handler.body = handler.params = json.loads(params["body"])
        handler.current_account, handler.region = _ACCOUNT, client.meta.region_name
        try:
            result = getattr(handler, xform_name(model.name))().result
        except Exception:  # noqa: BLE001 - comes again on the long way, which knows what to answer
            return None
        known = model.output_shape.members
        told = {name: one for name, one in result.items() if name in known and one is not None}
        told["ResponseMetadata"] = {"HTTPStatusCode": 200, "HTTPHeaders": {}, "RetryAttempts": 0}
        return SimpleNamespace(status_code=200, headers={}), told

    client.meta.events.register("before-call.dynamodb", answer)


def hurry() -> None:
    """Let moto take the shorter way to the same answers, in this process."""
    quicker_values.hurry()
    _write_items_as_they_are()
    _keep_for_a_rollback_what_changes()
    _describe_changes_when_asked()
    _read_an_expression_once()
    _look_at_one_partition()


def _put(owner: Any, function: Any, name: str = "") -> None:
    setattr(owner, name or function.__name__, function)


def _write_items_as_they_are() -> None:
    """Attributes are held in the form of the wire; each was looked through for ten types."""
    slow: Any = BaseJSONSerializer._serialize_type_structure  # noqa: SLF001 - nothing public does it

    def serialize(self: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
        if shape.name == "AttributeValue" and isinstance(value, dict):
            serialized[self.get_serialized_name(shape, key)] = value
        else:
            slow(self, serialized, value, shape, key)

    _put(BaseJSONSerializer, serialize, slow.__name__)


def _keep_for_a_rollback_what_changes() -> None:
    """The whole table with its stream was copied for each write of a transaction."""
    update: Any = DynamoDBBackend.update_item
    transact: Any = DynamoDBBackend.transact_write_items

    def update_item(self: Any, table_name: str, key: Any, *rest: Any, **named: Any) -> Any:
        table = self.get_table(table_name)
        hash_key, range_key = self.get_keys_value(table, key)
        if range_key in table.items.get(hash_key, {}):
            # It is changed in place: what is kept for a rollback must not be.
            held = table.items[hash_key]
            held[range_key] = copy.deepcopy(held[range_key])
        return update(self, table_name, key, *rest, **named)

    def transact_write_items(self: Any, transact_items: Any) -> None:
        for table in self.tables.values():
            vars(table).pop("kept", None)
        transact(self, transact_items)

    _put(DynamoDBBackend, update_item)
    _put(DynamoDBBackend, transact_write_items)
    _put(Table, _kept, "__deepcopy__")


def _kept(table: Any, _memo: Any) -> Any:
    """A copy that shares its items; all writes of a transaction have the one of its beginning."""
    if "kept" not in vars(table):
        kept = copy.copy(table)
        kept.items = copy.copy(table.items)
        for name, held in table.items.items():
            kept.items[name] = dict(held)
        if table.stream_shard is not None:
            kept.stream_shard = copy.copy(table.stream_shard)
            kept.stream_shard.table = kept
            kept.stream_shard.items = list(table.stream_shard.items)
        table.kept = kept
    return table.kept


def _describe_changes_when_asked() -> None:
    """Both images of each change were written out for a stream that few tests read.

    An item is not changed once it is in the stream: a copy of it is.
    """
    describe: Any = StreamRecord.__init__

    def note(self: Any, *change: Any) -> None:
        self.change, self.noted_at = change, utcnow()

    def look(self: Any, name: str) -> Any:
        if name != "record":
            raise AttributeError(name)
        describe(self, *self.change)
        self.record["dynamodb"]["ApproximateCreationDateTime"] = self.noted_at
        return self.record

    _put(StreamRecord, note, "__init__")
    _put(StreamRecord, look, "__getattr__")


def _read_an_expression_once() -> None:
    """The same few expressions were taken apart twice and more for each request."""
    lex: Any = ConditionExpressionParser._lex_condition_expression  # noqa: SLF001 - same
    words = cache(lambda expression: tuple(lex(ConditionExpressionParser(expression, {}, {}))))

    def lexed(self: Any) -> Any:
        return deque(words(self.condition_expression))

    _put(ConditionExpressionParser, lexed, lex.__name__)
    parser: Any = vars(expressions)["UpdateExpressionParser"]
    # What is made of it is copied before it is worked on.
    _put(parser, staticmethod(cache(parser.make)), "make")


def _look_at_one_partition() -> None:
    """For each query the items of all partitions were put in order."""
    slow: Any = Table.query

    def all_items(self: Any) -> list[Any]:
        held = [item for part in self.items.values() for item in part.values()]
        return sorted(held, key=lambda item: (item.hash_key.value, item.range_key.value))

    def query(self: Any, hash_key: Any, *rest: Any, **named: Any) -> Any:
        if named.get("index_name") or (len(rest) > 6 and rest[6]):
            return slow(self, hash_key, *rest, **named)
        narrow = copy.copy(self)
        narrow.items = {hash_key: self.items.get(hash_key, {})}
        return slow(narrow, hash_key, *rest, **named)

    _put(Table, all_items)
    _put(Table, query)
