"""What can be asked of the table, and the wire form of each request and item."""

from decimal import Decimal
from typing import Any, NamedTuple, cast

from orchard.store.keys import Key

type Value = str | int | Decimal | bool | list[Any] | dict[str, Any] | None
type Item = dict[str, Any]


class ConditionFailed(Exception):
    """A write found another state than it required; `item` is what was there, if known."""

    def __init__(self, item: Item | None = None, position: int = 0) -> None:
        super().__init__(position)
        self.item = item
        self.position = position


class Contention(Exception):
    """Another transaction held one of the items."""


class Put(NamedTuple):
    """Store an item, on a condition if one is given."""

    item: Item
    condition: str | None = None
    values: dict[str, Any] | None = None
    names: dict[str, str] | None = None


class Update(NamedTuple):
    """Change attributes of an item in place."""

    key: Key
    expression: str
    values: dict[str, Any]
    condition: str | None = None
    names: dict[str, str] | None = None
    #: Stays in the attribute `recent` for a while, so that a write whose answer got lost is known
    #: again when it is refused for having been made.
    token: str | None = None


class Delete(NamedTuple):
    """Remove an item, on a condition if one is given."""

    key: Key
    condition: str | None = None
    values: dict[str, Any] | None = None
    names: dict[str, str] | None = None


class Check(NamedTuple):
    """Require a condition of an item that the transaction does not change."""

    key: Key
    condition: str
    values: dict[str, Any] | None = None
    names: dict[str, str] | None = None


type Write = Put | Update | Delete | Check


class Query(NamedTuple):
    """A range of one partition, of the table or of an index."""

    condition: str
    values: dict[str, Any]
    index_name: str | None = None
    filter: str | None = None
    names: dict[str, str] | None = None
    forward: bool = True
    start: Item | None = None
    page: int | None = None
    #: The attributes that are wanted, as an expression; all if there is none.
    projection: str | None = None


def load(item: dict[str, Any]) -> Item:
    """Return an item as plain values from its wire form."""
    return {name: _load(value) for name, value in item.items()}


def dump(item: Item) -> dict[str, Any]:
    """Return an item in its wire form."""
    return {name: _dump(value) for name, value in item.items()}


def _load(value: dict[str, Any]) -> Any:
    ((kind, content),) = value.items()
    if kind in {"S", "BOOL"}:
        return content
    if kind == "N":
        return Decimal(content)
    if kind == "M":
        return {name: _load(inner) for name, inner in content.items()}
    if kind == "L":
        return [_load(inner) for inner in content]
    return None


def _dump(value: Any) -> dict[str, Any]:
    kind = type(value)
    if kind is str:
        return {"S": value}
    if kind is int or kind is Decimal:
        return {"N": format(value, "f") if kind is Decimal else str(value)}
    if kind is bool:
        return {"BOOL": value}
    if value is None:
        return {"NULL": True}
    if kind is dict:
        return {"M": {name: _dump(inner) for name, inner in value.items()}}
    if isinstance(value, list | tuple):
        return {"L": [_dump(inner) for inner in value]}
    raise TypeError(f"{kind.__name__} can't be stored")


def key_request(key: Key) -> dict[str, Any]:
    """Return the wire form of a primary key."""
    return {"pk": {"S": key.pk}, "sk": {"S": key.sk}}


def _expression(write: Any) -> dict[str, Any]:
    """The condition of a write, with the names and values it uses."""
    wire: dict[str, Any] = {}
    if write.condition is not None:
        wire["ConditionExpression"] = write.condition
        wire["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    if write.values:
        wire["ExpressionAttributeValues"] = dump(write.values)
    if write.names:
        wire["ExpressionAttributeNames"] = write.names
    return wire


def put_request(put: Put) -> dict[str, Any]:
    """Return the wire form of a put."""
    return {"Item": dump(put.item), **_expression(put)}


def update_request(update: Update) -> dict[str, Any]:
    """Return the wire form of an update."""
    return {
        "Key": key_request(update.key),
        "UpdateExpression": update.expression,
        **_expression(update),
    }


def delete_request(delete: Delete | Check) -> dict[str, Any]:
    """Return the wire form of a delete, or of a check: both have a key and a condition."""
    return {"Key": key_request(delete.key), **_expression(delete)}


def transaction_item(table: str, write: Write) -> dict[str, Any]:
    """Return a write in the form that a transaction takes."""
    return cast("dict[str, Any]", _TRANSACTION[type(write)](table, write))


_TRANSACTION: dict[type, Any] = {
    Put: lambda table, write: {"Put": {"TableName": table, **put_request(write)}},
    Update: lambda table, write: {"Update": {"TableName": table, **update_request(write)}},
    Delete: lambda table, write: {"Delete": {"TableName": table, **delete_request(write)}},
    Check: lambda table, write: {"ConditionCheck": {"TableName": table, **delete_request(write)}},
}


def query_request(query: Query) -> dict[str, Any]:
    """Return the wire form of a query."""
    asked: dict[str, Any] = {
        "KeyConditionExpression": query.condition,
        "ExpressionAttributeValues": dump(query.values),
        "ScanIndexForward": query.forward,
    }
    if query.index_name is None:
        asked["ConsistentRead"] = True
    optional = {
        "IndexName": query.index_name,
        "FilterExpression": query.filter,
        "ExpressionAttributeNames": query.names,
        "ExclusiveStartKey": None if query.start is None else dump(query.start),
        "Limit": query.page,
        "ProjectionExpression": query.projection,
    }
    return asked | {name: value for name, value in optional.items() if value is not None}
