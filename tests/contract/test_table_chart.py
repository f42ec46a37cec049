"""docs/table.md holds the chart of keys and access patterns: of all that the code makes."""

import inspect

from orchard.store import key_forms, keys, user_keys
from tests.harness import ROOT

#: Functions of the modules that read a key or an attribute instead of making one.
NOT_KEYS = {
    *("instant", "tenant_of", "listing_position", "events_shard"),
    *("placed", "placed_event", "placed_invoice"),
}


def test_every_key_of_the_code_is_explained() -> None:
    text = (ROOT / "docs" / "table.md").read_text()
    makers = {
        name
        for module in (keys, user_keys)
        for name, one in inspect.getmembers(module, inspect.isfunction)
        if one is not vars(key_forms).get(name)
        and not name.startswith(("_", "is_"))
        and name not in NOT_KEYS
    }

    assert {name for name in makers if f"`{name}`" not in text} == set()
