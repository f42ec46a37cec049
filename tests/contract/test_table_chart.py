"""docs/table.md holds the chart of keys and access patterns: of all that the code makes."""

import inspect

from orchard.store import keys
from tests.harness import ROOT

#: Functions of the module that read a key or an attribute instead of making one.
NOT_KEYS = {"instant", "tenant_of", "placed", "listing_position", "events_shard"}


def test_every_key_of_the_code_is_explained() -> None:
    text = (ROOT / "docs" / "table.md").read_text()
    makers = {
        name
        for name, one in inspect.getmembers(keys, inspect.isfunction)
        if one.__module__ == keys.__name__
        and not name.startswith(("_", "is_"))
        and name not in NOT_KEYS
    }

    assert {name for name in makers if f"`{name}`" not in text} == set()
