"""What an update makes of the versions of a plan.

Customers keep what they have: a change of what a plan gives or costs makes a new version when
somebody holds the one that is changed. Everything else changes in place.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from orchard.domain.catalog import Plan

#: What a customer of the plan relies on.
CONTENT = ("price", "items", "free_trial", "billing_controls")


class Change(NamedTuple):
    """Fields to change: of one version, and of the plan in all its versions."""

    version: Mapping[str, Any] = {}
    plan: Mapping[str, Any] = {}


type Versions = tuple[Plan, ...]


def edited(plan: Plan, change: Change) -> Plan:
    """Return a version with the change in it."""
    return plan._replace(**change.version, **change.plan)


def alters(plan: Plan, change: Change) -> bool:
    """Whether the change is one of what customers rely on; the order of items is not."""
    after = edited(plan, change)
    same_items = _same(plan.items, after.items)
    others = [name for name in CONTENT if name != "items"]
    return not same_items or any(getattr(plan, name) != getattr(after, name) for name in others)


def in_place(versions: Versions, number: int, change: Change) -> Versions:
    """Return the versions after a change of one of them."""
    return tuple(
        edited(one, change) if one.version == number else one._replace(**change.plan)
        for one in versions
    )


def everywhere(versions: Versions, change: Change) -> Versions:
    """Return the versions after a change of all; only the newest may come by itself."""
    enabled = change.version.get("auto_enable")
    rest = {name: value for name, value in change.version.items() if name != "auto_enable"}
    older = Change(rest if enabled else change.version, change.plan)
    return (*(edited(one, older) for one in versions[:-1]), edited(versions[-1], change))


def succeeded(versions: Versions, number: int, change: Change, now: int) -> Versions:
    """Return the versions with a new one, which is the changed one made anew.

    A plan that comes by itself does so in its newest version.
    """
    origin = next(one for one in versions if one.version == number)
    new = edited(origin, change)._replace(
        version=versions[-1].version + 1, created_at=now, used=False, used_by=None
    )
    kept = {name: value for name, value in change.version.items() if name not in CONTENT}
    details = Change(kept, change.plan)
    older = in_place(versions, number, details)
    if new.auto_enable:
        older = tuple(one._replace(auto_enable=False) for one in older)
    return (*older, new)


def dropped_features(before: Plan, after: Plan) -> set[str]:
    """Return the features that a version gave and gives no more."""
    return {item["feature_id"] for item in before.items} - {
        item["feature_id"] for item in after.items
    }


def _same(first: Sequence[Mapping[str, Any]], second: Sequence[Mapping[str, Any]]) -> bool:
    left = list(second)
    for item in first:
        if item not in left:
            return False
        left.remove(item)
    return not left
