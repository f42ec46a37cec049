"""Which billing control holds where a customer and its plans both set one."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

LISTS = ("auto_topups", "spend_limits", "usage_limits", "usage_alerts", "overage_allowed")
#: An entity has all of them but automatic top-ups.
OF_ENTITIES = LISTS[1:]

type Controls = Mapping[str, Any]


def effective(customer: Controls, plans: Iterable[Controls]) -> dict[str, Any]:
    """Return every control that holds, each stamped with its source.

    A customer's entry shadows those of its plans for the same feature. Among plans, given in the
    order in which they were attached, the most restrictive entry wins; of automatic top-ups the
    latest plan's.
    """
    plans = list(plans)
    found: dict[str, Any] = {}
    for name in LISTS:
        own = [{**entry, "source": "customer"} for entry in customer.get(name) or ()]
        shadowed = {_about(entry) for entry in own}
        given = _of_plans(name, [plan.get(name) or () for plan in plans])
        entries = [*own, *(entry for entry in given if _about(entry) not in shadowed)]
        if entries or name in customer:
            found[name] = entries
    return found


def shadowed(own: Controls, inherited: Controls) -> dict[str, Any]:
    """Return the controls of an entity: its own, then what it inherits and has no entry for."""
    found: dict[str, Any] = {}
    for name in OF_ENTITIES:
        entries = list(own.get(name) or ())
        about = {_about(entry) for entry in entries}
        entries += [entry for entry in inherited.get(name) or () if _about(entry) not in about]
        if entries or name in own:
            found[name] = entries
    return found


def _of_plans(name: str, lists: Iterable[Iterable[Any]]) -> list[dict[str, Any]]:
    chosen: dict[object, dict[str, Any]] = {}
    for entries in lists:
        for entry in entries:
            subject = _subject(name, entry)
            held = chosen.get(subject)
            if held is None or _replaces(name, entry, held):
                chosen[subject] = {**entry, "source": "plan"}
    return list(chosen.values())


def _about(entry: Mapping[str, Any]) -> tuple[object, ...]:
    """The feature, and events of it, that an entry is about."""
    properties = (entry.get("filter") or {}).get("properties") or {}
    matched = tuple(sorted((key, str(value)) for key, value in properties.items()))
    return entry.get("feature_id"), matched


def _subject(name: str, entry: Mapping[str, Any]) -> tuple[object, ...]:
    """What makes two entries of plans compete; alerts at different thresholds do not."""
    apart = (entry["threshold_type"], entry["threshold"]) if name == "usage_alerts" else ()
    return (*_about(entry), *apart)


def _replaces(name: str, entry: Mapping[str, Any], held: Mapping[str, Any]) -> bool:
    if name == "auto_topups":
        return True
    if name == "overage_allowed":
        return not entry["enabled"]
    limit = "overage_limit" if name == "spend_limits" else "limit"
    return _bound(entry.get(limit)) < _bound(held.get(limit))


def _bound(value: Any) -> Decimal:
    return Decimal("Infinity") if value is None else Decimal(value)
