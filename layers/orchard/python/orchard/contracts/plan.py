"""Plans as callers see them."""

from collections.abc import Mapping
from typing import Any

from orchard.contracts.numbers import plain
from orchard.domain import plan_display
from orchard.domain.catalog import Feature, Plan


def plan(one: Plan, features: Mapping[str, Feature], environment: str) -> dict[str, Any]:
    """Return a plan version; `features` are those of the catalogue, for the texts of its items."""
    view: dict[str, Any] = {
        "id": one.id,
        "name": one.name,
        "description": one.description,
        "group": one.group or None,
        "version": one.version,
        "add_on": one.add_on,
        "auto_enable": one.auto_enable,
        "price": _price(one),
        "items": [_item(item, features) for item in one.items],
        "created_at": one.created_at,
        "env": environment,
        "archived": one.archived,
        "base_variant_id": None,
        "config": {"ignore_past_due": bool(one.config.get("ignore_past_due"))},
        "metadata": dict(one.metadata),
    }
    if one.free_trial is not None:
        view["free_trial"] = plain(one.free_trial)
    if one.billing_controls:
        view["billing_controls"] = plain(one.billing_controls)
    return view


def _price(one: Plan) -> dict[str, Any] | None:
    if one.price is None:
        return None
    return {**plain(one.price), "display": plan_display.price(one.price)}


def _item(item: Mapping[str, Any], features: Mapping[str, Feature]) -> dict[str, Any]:
    view = {name: value for name, value in plain(item).items() if name != "proration"}
    feature = features.get(item["feature_id"])
    if feature is not None:
        view["display"] = plan_display.item(item, feature)
    return view
