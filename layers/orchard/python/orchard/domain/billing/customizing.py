"""Custom plans: what one customer has instead of parts of a catalogue plan.

The plan keeps its id and version; the parts lie with the customer's plan and nowhere else.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from orchard.domain import plan_items, plan_rules, plan_versions
from orchard.domain.catalog import Catalog, Plan
from orchard.domain.customer import CustomerPlan
from orchard.domain.interval import ONE_OFF
from orchard.domain.plan_versions import CONTENT, Change
from orchard.errors import Invalid, InvalidInputs

#: A customer's plan is read whenever the customer is, and an order holds it too.
_MOST_BYTES = 100_000


class ItemFilter(NamedTuple):
    """Which items of a plan are meant: those that have all that is given."""

    feature_id: str | None = None
    billing_method: str | None = None
    #: Of the reset or of the price; `one_off` for an item that has neither.
    interval: str | None = None
    interval_count: int | None = None

    def matches(self, item: Mapping[str, Any]) -> bool:
        """Whether an item of a plan is meant."""
        price = item.get("price") or {}
        return (
            self.feature_id in (None, item["feature_id"])
            and self.billing_method in (None, price.get("billing_method"))
            and any(
                self.interval in (None, every) and self.interval_count in (None, count)
                for every, count in _intervals(item)
            )
        )

    def __str__(self) -> str:
        named = (f"{name} {value}" for name, value in self._asdict().items() if value is not None)
        return ", ".join(named)


class Changes(NamedTuple):
    """What is to be different, items in the form in which they are stored.

    `parts` holds `price`, `free_trial` and `billing_controls` where they were sent; None removes
    one. `items` replaces all items; else `removed` go, and then `added` come.
    """

    parts: Mapping[str, Any] = {}
    items: Sequence[Mapping[str, Any]] | None = None
    added: Sequence[Mapping[str, Any]] = ()
    removed: Sequence[ItemFilter] = ()


def customized(plan: Plan, changes: Changes, catalog: Catalog, *, must_differ: bool = True) -> Plan:
    """Return a plan with the changes in it, by the rules that hold for plans of the catalogue.

    Errors: `FeatureNotFound`, `InvalidInputs` and `Invalid` for parts that do not go together,
    for a filter that no item matches, and for changes that change nothing if they must.
    """
    values = dict(changes.parts)
    if "billing_controls" in values:
        values["billing_controls"] = {
            **(plan.billing_controls or {}),
            **values["billing_controls"],
        }
    after = plan._replace(**values, items=_items(plan, changes, catalog))
    # Whether the catalogue's plan comes by itself is no matter of one customer's.
    plan_rules.check(after._replace(auto_enable=False))
    if must_differ and not differs(plan, after):
        raise Invalid(f"These changes leave plan {plan.id} as it is")
    return after


def differs(plan: Plan, other: Plan) -> bool:
    """Whether two forms of a plan differ in what they give or cost."""
    return plan_versions.alters(plan, Change({name: getattr(other, name) for name in CONTENT}))


def snapshot(plan: Plan, catalog: Catalog) -> Mapping[str, Any] | None:
    """Return what a customer's plan has instead of its version's parts; None if nothing.

    Errors: `PlanNotFound` if the catalogue has no such version, `Invalid` if it is too much.
    """
    version = catalog.plan(plan.id, plan.version)
    different = {
        name: getattr(plan, name)
        for name in CONTENT
        if plan_versions.alters(version, Change({name: getattr(plan, name)}))
    }
    if "items" in different:
        different["items"] = list(different["items"])
    if len(json.dumps(different, default=str)) > _MOST_BYTES:
        raise Invalid(
            f"The customer's own parts of plan {plan.id} are too large: "
            f"at most {_MOST_BYTES // 1000} KB can be stored"
        )
    return different or None


def plan_of(held: CustomerPlan, catalog: Catalog) -> Plan | None:
    """Return the plan that a customer has, with the customer's own parts; None if it is gone."""
    versions = {one.version: one for one in catalog.plans.get(held.plan_id, ())}
    version = versions.get(held.plan_version)
    if version is None or not held.custom:
        return version
    own = {name: value for name, value in held.custom.items() if name in CONTENT}
    if "items" in own:
        own["items"] = tuple(own["items"])
    return version._replace(**own)


def added_features(plan: Plan, catalog: Catalog) -> frozenset[str]:
    """Return the features that a customer's plan names and its version does not.

    They are to be marked as used by the transaction that grants them.
    """
    return frozenset(plan_versions.dropped_features(plan, catalog.plan(plan.id, plan.version)))


def _items(plan: Plan, changes: Changes, catalog: Catalog) -> tuple[Mapping[str, Any], ...]:
    if changes.items is not None:
        return tuple(_conformed(item, catalog) for item in changes.items)
    idle = next((one for one in changes.removed if not any(map(one.matches, plan.items))), None)
    if idle is not None:
        raise InvalidInputs(f"remove_items: plan {plan.id} has no item with {idle}")
    kept = (item for item in plan.items if not any(one.matches(item) for one in changes.removed))
    return (*kept, *(_conformed(item, catalog) for item in changes.added))


def _conformed(item: Mapping[str, Any], catalog: Catalog) -> dict[str, Any]:
    counting = item.get("entity_feature_id")
    if counting is not None:
        plan_items.check_entities(item, catalog.feature(counting))
    return plan_items.conformed(item, catalog.feature(item["feature_id"]))


def _intervals(item: Mapping[str, Any]) -> list[tuple[str, int]]:
    """The intervals that an item has: of its reset, of its price."""
    parts = [part for part in (item.get("reset"), item.get("price")) if part]
    found = [(part["interval"], int(part.get("interval_count", 1))) for part in parts]
    return found or [(ONE_OFF, 1)]
