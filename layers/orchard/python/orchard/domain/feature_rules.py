"""Which features may be, and what may become of a feature that is in use."""

from collections.abc import Iterator, Mapping
from typing import Any

from orchard.domain import plan_items
from orchard.domain.catalog import (
    AI_CREDIT_SYSTEM,
    BOOLEAN,
    CREDIT_SYSTEM,
    METERED,
    Catalog,
    Feature,
    Plan,
)
from orchard.errors import Conflict, Invalid

INVALID = "invalid_feature"
SPECIFY = "Please specify whether the feature is consumable (eg. API tokens, credits, etc.) or not."
NOT_CONSUMABLE = "a credit system is always consumable"
#: How an item names features: the one it is of, and the one whose entities it is granted to.
_NAMING = ("feature_id", "entity_feature_id")
_SETTINGS: dict[str, set[str]] = {
    BOOLEAN: {"display"},
    METERED: {"display"},
    CREDIT_SYSTEM: {"display", "credit_schema"},
    AI_CREDIT_SYSTEM: {"display", "model_markups", "default_markup", "provider_markups"},
}


def consumable(kind: str, *, wanted: bool | None) -> bool:
    """Return whether a feature is used up; only metered features leave the choice.

    Errors: `Invalid` when a metered feature does not say, or a credit system says no.
    """
    if kind == CREDIT_SYSTEM and wanted is False:
        raise Invalid(NOT_CONSUMABLE, INVALID)
    if kind != METERED:
        return kind != BOOLEAN
    if wanted is None:
        raise Invalid(SPECIFY, INVALID)
    return wanted


def settings(kind: str, stored: Mapping[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that a feature of this type has: those sent in place of those stored.

    Errors: `Invalid` when a setting of another type is sent.
    """
    foreign = [name for name, value in sent.items() if value and name not in _SETTINGS[kind]]
    if foreign:
        raise Invalid(f"A feature of type {kind} has no {foreign[0]}", INVALID)
    merged = {**stored, **sent}
    return {
        name: value
        for name, value in merged.items()
        if value is not None and name in _SETTINGS[kind]
    }


def check(feature: Feature, catalog: Catalog) -> None:
    """Require that a credit system pays for features that are used up, and for some."""
    if feature.type != CREDIT_SYSTEM:
        return
    targets = list(_targets(feature))
    if not targets:
        raise Invalid("A credit system needs at least one entry in its credit_schema", INVALID)
    for target in targets:
        found = catalog.features.get(target)
        if found is None or target == feature.id:
            raise Invalid(f"Feature {target} in the credit_schema does not exist", INVALID)
        if found.type not in (METERED, AI_CREDIT_SYSTEM) or not found.consumable:
            raise Invalid(
                f"Feature {target} in the credit_schema must be a consumable metered feature "
                "or AI credits",
                INVALID,
            )


def naming(catalog: Catalog, feature_id: str) -> list[Plan]:
    """Return the plan versions that name a feature in their items."""
    versions = (plan for versions in catalog.plans.values() for plan in versions)
    return [plan for plan in versions if any(_names(plan, feature_id, *_NAMING))]


def check_change(old: Feature, new: Feature, catalog: Catalog) -> None:
    """Refuse another id or another type of a feature that others rely on.

    Errors: 409 when the new id is taken, else 400 `invalid_feature`.
    """
    changed = _changed(old, new)
    if changed is None:
        return
    if old.id != new.id and new.id in catalog.features:
        raise Conflict(f"Feature {new.id} already exists", "duplicate_feature_id")
    plans = naming(catalog, old.id)
    if old.used or any(plan.used for plan in plans):
        raise Invalid(f"Cannot change the {changed} of a feature that customers use", INVALID)
    systems = _paying(catalog, old.id)
    if systems:
        raise Invalid(
            f"Cannot change the {changed} of a feature that is in the credit system {systems[0]}",
            INVALID,
        )
    if _kind(old) != _kind(new):
        _check_items(plans, new, old.id)


def check_deletion(feature: Feature, catalog: Catalog) -> None:
    """Refuse to remove a feature that anything refers to. Errors: 409 `feature_in_use`."""
    systems, plans = _paying(catalog, feature.id), naming(catalog, feature.id)
    if systems:
        reason = f"the credit system {systems[0]} refers to it"
    elif plans:
        reason = f"the plan {plans[0].id} refers to it"
    elif feature.used:
        reason = "customers have balances of it"
    else:
        return
    raise Conflict(
        f"Cannot delete feature {feature.id}: {reason}. Archive it instead", "feature_in_use"
    )


def renamed(plan: Plan, old: str, new: str) -> Plan:
    """Return a plan version that names a feature by its new id."""
    controls = plan.billing_controls
    return plan._replace(
        items=tuple(_renamed(item, old, new) for item in plan.items),
        billing_controls=controls
        and {
            name: [_renamed(entry, old, new) for entry in entries]
            for name, entries in controls.items()
        },
    )


def _renamed(entry: Mapping[str, Any], old: str, new: str) -> dict[str, Any]:
    return {**entry, **{name: new for name in _NAMING if entry.get(name) == old}}


def _changed(old: Feature, new: Feature) -> str | None:
    if old.id != new.id:
        return "id"
    return "type" if _kind(old) != _kind(new) else None


def _kind(feature: Feature) -> tuple[str, bool]:
    return feature.type, feature.consumable


def _check_items(plans: list[Plan], new: Feature, old_id: str) -> None:
    for plan in plans:
        own, shared = _names(plan, old_id, _NAMING[0]), _names(plan, old_id, _NAMING[1])
        suits = all(plan_items.fits(item, new) for item in own)
        if not suits or (any(shared) and not plan_items.counts_entities(new)):
            raise Invalid(
                f"Cannot change the type: plan {plan.id} has an item that does not suit it",
                INVALID,
            )


def _names(plan: Plan, feature_id: str, *naming: str) -> Iterator[Mapping[str, Any]]:
    return (item for item in plan.items if any(item.get(name) == feature_id for name in naming))


def _paying(catalog: Catalog, feature_id: str) -> list[str]:
    """The credit systems that pay for a feature."""
    return [one.id for one in catalog.features.values() if feature_id in _targets(one)]


def _targets(feature: Feature) -> Iterator[str]:
    schema = feature.settings.get("credit_schema") or ()
    return (entry["metered_feature_id"] for entry in schema)
