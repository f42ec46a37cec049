"""Moto in a fraction of the time: most of the time of a test would go into what is left out here.

What it answers stays the same.
"""

import copy
from collections import defaultdict
from typing import Any

from moto.core.serialize import BaseJSONSerializer
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import Table


def hurry() -> None:
    """Let moto take the shorter way to the same answers, in this process."""
    _write_items_as_they_are()
    _keep_for_a_rollback_what_changes()


def _write_items_as_they_are() -> None:
    """Attributes are held in the form of the wire; each was looked through for ten types."""
    slow: Any = BaseJSONSerializer._serialize_type_structure  # noqa: SLF001 - nothing public does it

    def serialize(self: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
        if shape.name == "AttributeValue" and isinstance(value, dict):
            serialized[self.get_serialized_name(shape, key)] = value
        else:
            slow(self, serialized, value, shape, key)

    setattr(BaseJSONSerializer, slow.__name__, serialize)


def _keep_for_a_rollback_what_changes() -> None:
    """The whole table with its stream was copied for each write of a transaction."""
    update: Any = DynamoDBBackend.update_item

    def update_item(self: Any, table_name: str, key: Any, *rest: Any, **named: Any) -> Any:
        table = self.get_table(table_name)
        hash_key, range_key = self.get_keys_value(table, key)
        if range_key in table.items.get(hash_key, {}):
            # It is changed in place: what is kept for a rollback must not be.
            held = table.items[hash_key]
            held[range_key] = copy.deepcopy(held[range_key])
        return update(self, table_name, key, *rest, **named)

    setattr(DynamoDBBackend, update.__name__, update_item)
    setattr(Table, "__deepcopy__", _kept)  # noqa: B010 - moto's class has no such method


def _kept(table: Any, _memo: Any) -> Any:
    kept = copy.copy(table)
    kept.items = defaultdict(dict, {name: dict(held) for name, held in table.items.items()})
    if table.stream_shard is not None:
        kept.stream_shard = copy.copy(table.stream_shard)
        kept.stream_shard.table = kept
        kept.stream_shard.items = list(table.stream_shard.items)
    return kept
