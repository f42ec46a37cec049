"""docs/table.md holds the chart of keys and access patterns, and it is the one in the code."""

import inspect

from orchard.store import keys
from tests.harness import ROOT

#: Functions of the module that read a key or an attribute instead of making one.
NOT_KEYS = {"instant", "tenant_of", "placed", "listing_position", "events_shard"}


def chart_of(text: str) -> list[list[str]]:
    rows = [line for line in text.splitlines() if line.strip().startswith("|")]
    cells = [[cell.strip() for cell in row.strip().strip("|").split("|")] for row in rows]
    return [row for row in cells if not set("".join(row)) <= {"-"}]


def test_the_chart_in_the_documentation_is_the_chart_of_the_code() -> None:
    documented = chart_of((ROOT / "docs" / "table.md").read_text())

    for row in chart_of(keys.__doc__ or ""):
        assert row in documented


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
