"""Features as callers see them."""

from typing import Any

from orchard.contracts.numbers import plain
from orchard.domain.catalog import Feature


def feature(one: Feature) -> dict[str, Any]:
    """Return a feature as callers see it."""
    view: dict[str, Any] = {
        "id": one.id,
        "name": one.name,
        "type": one.type,
        "consumable": one.consumable,
    }
    if one.event_names:
        view["event_names"] = list(one.event_names)
    return {**view, **plain(one.settings), "archived": one.archived}
