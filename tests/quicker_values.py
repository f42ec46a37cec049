"""Moto's values and items, weighed, compared and copied in a fraction of the time."""

from typing import Any

from moto.dynamodb import responses
from moto.dynamodb.exceptions import ItemSizeTooLarge
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict

#: What an item may weigh in bytes; moto's own bound.
_HEAVIEST = 405_000
_TEXTS = frozenset({"N", "S"})
#: Nothing changes these in place.
_LEAVES = frozenset({"BOOL", "N", "NULL", "S"})

_size: Any = DynamoType.size
_weight: Any = Item.size
_plain: Any = DynamoType.to_regular_json
_projected: Any = Item.project
_answer: Any = vars(responses)["dynamo_to_dict"]


def hurry() -> None:
    """Let moto take the shorter way to the same answers, in this process."""
    value: Any = DynamoType
    value.size, value.to_regular_json, value.__deepcopy__ = size, plain, copied
    value.__eq__, value.__ne__, value.__lt__ = same, other_than, less
    vars(responses)["dynamo_to_dict"] = answer
    item: Any = Item
    item.__init__, item.size, item.__deepcopy__ = begin, weight, copied_item
    item.project = projected


def begin(item: Any, hash_key: Any, range_key: Any, attrs: dict[str, Any]) -> None:
    """Make an item and weigh it once; all of it was weighed again for each attribute."""
    item.hash_key, item.range_key, item.attrs = hash_key, range_key, LimitedSizeDict()
    dict.update(item.attrs, {name: DynamoType(one) for name, one in attrs.items()})
    if _weight(item) > _HEAVIEST:
        raise ItemSizeTooLarge


def weight(item: Any) -> int:
    """Whoever reads an item has it as it stays: what changes is a copy."""
    if "weight" not in vars(item):
        item.weight = _weight(item)
    return int(item.weight)


def size(value: Any) -> int:
    """Texts and maps directly; the rest as moto does."""
    if value.type in _TEXTS:
        return len(value.value) if value.value.isascii() else len(value.value.encode())
    if value.type == "M":
        return sum(len(name.encode()) + size(one) for name, one in value.value.items())
    return int(_size(value))


def plain(value: Any) -> dict[str, Any]:
    """The form of the wire; maps and lists were copied by the means for any object first."""
    if value.type == "M":
        return {"M": {name: plain(one) for name, one in value.value.items()}}
    if value.type == "L":
        return {"L": [plain(one) for one in value.value]}
    return {value.type: value.value} if value.type in _TEXTS else dict(_plain(value))


def answer(result: Any) -> Any:
    """What is told of a result; each text in it was asked for seven kinds."""
    kind = type(result)
    if kind is str:
        return result
    if kind is DynamoType:
        return plain(result)
    if kind is dict or kind is LimitedSizeDict:
        return {name: answer(one) for name, one in result.items()}
    return [answer(one) for one in result] if kind is list else _answer(result)


def copied(value: Any, _memo: Any = None) -> Any:
    """A copy that shares what nothing changes in place."""
    if value.type in _LEAVES:
        return value
    made: Any = DynamoType.__new__(DynamoType)
    made.type = value.type
    if value.type == "M":
        made.value = {name: copied(one) for name, one in value.value.items()}
    else:
        made.value = [copied(one) if value.type == "L" else one for one in value.value]
    return made


def copied_item(item: Any, _memo: Any = None) -> Any:
    """A copy that is not weighed again."""
    made: Any = Item.__new__(Item)
    made.hash_key, made.range_key, made.attrs = item.hash_key, item.range_key, LimitedSizeDict()
    dict.update(made.attrs, {name: copied(one) for name, one in item.attrs.items()})
    return made


def projected(item: Any, paths: list[list[str]]) -> Any:
    """An item with some attributes; all of it was written out for each of them, and read again."""
    names = [path[0] for path in paths if len(path) == 1 and "[" not in path[0]]
    if len(names) < len(paths):
        return _projected(item, paths)
    made: Any = Item.__new__(Item)
    made.hash_key, made.range_key, made.attrs = item.hash_key, item.range_key, LimitedSizeDict()
    dict.update(made.attrs, {name: item.attrs[name] for name in names if name in item.attrs})
    return made


def same(one: Any, other: Any) -> bool:
    """Compare texts directly, as all keys are; the rest as moto does."""
    if one.type == other.type == "S":
        return bool(one.value == other.value)
    return bool(one.type == other.type and one.cast_value == other.cast_value)


def other_than(one: Any, other: Any) -> bool:
    """The opposite."""
    return not same(one, other)


def less(one: Any, other: Any) -> bool:
    """Compare texts directly, the rest as moto does."""
    if one.type == other.type == "S":
        return bool(one.value < other.value)
    return bool(one.cast_value < other.cast_value)
