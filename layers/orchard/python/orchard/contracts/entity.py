"""Entities as callers see them."""

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
    held = _controls(one, profile) if merge_controls else dict(one.billing_controls)
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


def _controls(one: Entity, profile: Profile) -> dict[str, Any]:
    plans = [plan.billing_controls for plan in profile.plans if plan.billing_controls]
    inherited = controls.effective(profile.customer.billing_controls, plans)
    return controls.shadowed(one.billing_controls, inherited)
