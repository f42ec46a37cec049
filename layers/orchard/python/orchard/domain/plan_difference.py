"""What changes between two forms of a plan, item by item."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from orchard.domain.catalog import Plan
from orchard.domain.interval import ONE_OFF

type Item = Mapping[str, Any]


class Identity(NamedTuple):
    """What tells the items of a plan apart, and rows by the items that gave them."""

    feature_id: str
    interval: str
    interval_count: int
    billing_method: str | None
    entity_feature_id: str | None


class Difference(NamedTuple):
    """What becomes of items: which replace others in place, which go, which come."""

    changed: Mapping[Identity, Item]
    removed: frozenset[Identity]
    added: tuple[Item, ...]


def difference(before: Plan, after: Plan, is_same: frozenset[Identity]) -> Difference:
    """Return what changes from one form of a plan to another.

    Items with the same identity replace each other; of those that are left, one of the same
    feature and interval does, be it priced otherwise. `is_same` are items that stay as they are.
    """
    old = {identity(item): item for item in before.items}
    new = {identity(item): item for item in after.items}
    changed = {one: new[one] for one in old.keys() & new.keys() if one not in is_same}
    gone = [one for one in old if one not in new]
    added = []
    for one, item in new.items():
        if one in old:
            continue
        heir = next((other for other in gone if _unpriced(other) == _unpriced(one)), None)
        if heir is None:
            added.append(item)
        else:
            gone.remove(heir)
            changed[heir] = item
    return Difference(changed, frozenset(gone), tuple(added))


def identity(item: Item) -> Identity:
    """Return what tells an item of a plan apart from the others."""
    price = item.get("price") or {}
    cycle = item.get("reset") or price
    return Identity(
        item["feature_id"],
        cycle.get("interval", ONE_OFF),
        int(cycle.get("interval_count", 1)),
        price.get("billing_method"),
        item.get("entity_feature_id"),
    )


def _unpriced(one: Identity) -> Identity:
    return one._replace(billing_method=None)
