"""Entities as callers see them."""

from collections.abc import Mapping
from typing import Any

from orchard.contracts import customer
from orchard.contracts.customer import Expanded, Profile
from orchard.contracts.numbers import plain
from orchard.domain import controls
from orchard.domain.entity import Entity

_NOTHING = Expanded()


def entity(
    one: Entity, profile: Profile, expanded: Expanded = _NOTHING, *, merge_controls: bool = True
) -> dict[str, Any]:
    """Return an entity; `profile` holds the plans and rows that count for it.

    Lists show the entity's own controls only. Without any, they are left out.
    """
    view = {
        **brief(one, profile),
        "subscriptions": customer.subscriptions(profile, expanded),
        "purchases": customer.purchases(profile, expanded),
        "balances": customer.balances(profile, expanded),
        "flags": customer.flags(profile, expanded),
        **expanded.parts,
    }
    held = _controls(one, profile, merge=merge_controls)
    return {**view, "billing_controls": plain(held)} if held else view


def brief(one: Entity, profile: Profile) -> dict[str, Any]:
    """Return an entity as it is shown inside its customer."""
    return {
        "id": one.id,
        "name": one.name,
        "customer_id": profile.customer.id,
        "feature_id": one.feature_id,
        "created_at": one.created_at,
        "env": profile.environment,
    }


def _controls(one: Entity, profile: Profile, *, merge: bool) -> dict[str, Any]:
    own = customer.controls_of(profile, one.billing_controls, one.id, merge=merge)
    held = {name: [_unsourced(entry) for entry in entries] for name, entries in own.items()}
    if not merge:
        return held
    inherited = customer.controls_of(profile, profile.customer.billing_controls)
    return controls.shadowed(held, inherited)


def _unsourced(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An entity's own entry bears no source: that names whose an inherited one is, or a plan's."""
    is_own = entry.get("source") != "plan"
    return {name: value for name, value in entry.items() if name != "source" or not is_own}
