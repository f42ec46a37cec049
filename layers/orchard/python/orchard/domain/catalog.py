"""Features and plans: what can be granted, and what a plan grants.

The parts of a plan that only callers read (prices, trial, controls, metadata) stay in the form in
which they are sent and returned.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from orchard.domain import interval
from orchard.domain.quantity import ZERO
from orchard.domain.row import ALLOCATED, NO_OVERAGE, PRICED, RolloverRule, Row
from orchard.errors import FeatureNotFound, PlanNotFound

BOOLEAN, METERED, CREDIT_SYSTEM, AI_CREDIT_SYSTEM = (
    "boolean",
    "metered",
    "credit_system",
    "ai_credit_system",
)


class Feature(NamedTuple):
    """Something customers use or have. `settings` are its further fields as they are returned."""

    id: str
    name: str
    type: str
    consumable: bool
    created_at: int
    archived: bool = False
    event_names: tuple[str, ...] = ()
    settings: Mapping[str, Any] = {}
    #: The revision of the catalogue that wrote this.
    revision: int = 1
    #: Whether it was ever granted to a customer by other means than a plan that names it.
    used: bool = False

    @property
    def continuous(self) -> bool:
        """Whether use goes on until it is given back, as with seats: no resets."""
        return self.type == METERED and not self.consumable


class Plan(NamedTuple):
    """One version of a plan. `items` are plan items as they are returned."""

    id: str
    version: int
    name: str
    created_at: int
    description: str | None = None
    group: str = ""
    add_on: bool = False
    auto_enable: bool = False
    archived: bool = False
    price: Mapping[str, Any] | None = None
    items: tuple[Mapping[str, Any], ...] = ()
    free_trial: Mapping[str, Any] | None = None
    billing_controls: Mapping[str, Any] | None = None
    metadata: Mapping[str, Any] = {}
    config: Mapping[str, Any] = {}
    #: The revision of the catalogue that wrote this.
    revision: int = 1
    #: Whether any customer ever had this version, and the internal id of one that had it.
    used: bool = False
    used_by: str | None = None

    @property
    def is_free(self) -> bool:
        """Whether nothing in the plan has a price."""
        return self.price is None and not any(item.get("price") for item in self.items)


class Catalog(NamedTuple):
    """All features and all plan versions of a tenant."""

    features: Mapping[str, Feature]
    plans: Mapping[str, tuple[Plan, ...]]
    #: +1 at each change of the catalogue.
    revision: int = 0
    #: By feature, the credit systems that contain it and what one unit costs in each.
    systems: Mapping[str, Mapping[str, Decimal]] = {}

    def feature(self, feature_id: str) -> Feature:
        """Return a feature. Errors: `FeatureNotFound`."""
        if feature_id not in self.features:
            raise FeatureNotFound(feature_id)
        return self.features[feature_id]

    def plan(self, plan_id: str, version: int | None = None) -> Plan:
        """Return a version of a plan, by default the newest. Errors: `PlanNotFound`."""
        versions = self.plans.get(plan_id, ())
        found = [plan for plan in versions if version is None or plan.version == version]
        if not found:
            raise PlanNotFound(plan_id)
        return found[-1]

    def listening(self, event_name: str) -> tuple[Feature, ...]:
        """Return the features that count an event."""
        return tuple(one for one in self.features.values() if event_name in one.event_names)

    def costs(self, feature_id: str) -> dict[str, Decimal]:
        """Return what can pay for a feature: itself, then the credit systems that contain it.

        The values are what one unit of the feature takes of each. Errors: `FeatureNotFound`.
        """
        return {self.feature(feature_id).id: Decimal(1), **self.systems.get(feature_id, {})}

    def current_plans(self) -> tuple[Plan, ...]:
        """Return the newest version of each plan."""
        return tuple(versions[-1] for versions in self.plans.values())


def catalog(features: Iterable[Feature], plans: Iterable[Plan], revision: int = 0) -> Catalog:
    """Return the catalogue, features by age and versions in order."""
    versions: dict[str, tuple[Plan, ...]] = {}
    for plan in sorted(plans, key=lambda one: one.version):
        versions[plan.id] = (*versions.get(plan.id, ()), plan)
    by_age = sorted(features, key=lambda one: (one.created_at, one.id))
    return Catalog({one.id: one for one in by_age}, versions, revision, _systems(by_age))


def _systems(features: Iterable[Feature]) -> dict[str, dict[str, Decimal]]:
    found: dict[str, dict[str, Decimal]] = {}
    for system in features:
        for entry in system.settings.get("credit_schema") or ():
            cost = Decimal(entry["credit_cost"])
            found.setdefault(entry["metered_feature_id"], {})[system.id] = cost
    return found


def default_plans(plans: Iterable[Plan]) -> tuple[Plan, ...]:
    """Return the plans a new customer gets: one of each group, a trial or a price before none."""
    chosen: dict[str, Plan] = {}
    for plan in sorted(plans, key=lambda one: (one.created_at, one.id)):
        if not plan.auto_enable or plan.archived:
            continue
        held = chosen.get(plan.group)
        if held is None or _rank(plan) > _rank(held):
            chosen[plan.group] = plan
    return tuple(chosen.values())


def grant(plan: Plan, item: Mapping[str, Any], feature: Feature, attachment: "Attachment") -> Row:
    """Return the row that a plan item gives when the plan is attached."""
    allowance = Decimal(item.get("included") or 0) * attachment.quantity
    every, count = _reset(item)
    row = Row(
        id=attachment.row_id,
        created_at=attachment.at,
        plan_id=plan.id,
        customer_plan_id=attachment.customer_plan_id,
        add_on=plan.add_on,
        boolean=feature.type == BOOLEAN,
        unlimited=bool(item.get("unlimited")),
        continuous=feature.continuous,
        entity_id=attachment.entity_id,
        entity_feature_id=item.get("entity_feature_id"),
        allowance=allowance,
        prepaid=attachment.prepaid,
        balance=allowance + attachment.prepaid,
        interval=every,
        interval_count=count,
        next_reset_at=_first_reset(item, feature, attachment),
        ends_at=attachment.ends_at,
        rollover=_rollover(item),
        billed=attachment.billed,
        trial_ends_at=attachment.trial_ends_at if attachment.billed else None,
    )
    return _priced(row, item, feature)


class Attachment(NamedTuple):
    """One attaching of a plan: the moment, the ids it makes, and when it ends by itself."""

    at: int
    customer_plan_id: str
    row_id: str
    ends_at: int | None = None
    quantity: int = 1
    #: The entity that the plan is for.
    entity_id: str | None = None
    #: Units of the item that are bought in advance.
    prepaid: Decimal = ZERO
    #: Paid through Stripe: overage is billed. What is used before the trial ends is not.
    billed: bool = False
    trial_ends_at: int | None = None
    #: When what resets at an interval (`month`, 1) does so first: the end of Stripe's period.
    period_ends: Mapping[tuple[str, int], int] = {}
    #: From where other intervals are counted; None: from the moment.
    anchor: int | None = None


def _rank(plan: Plan) -> tuple[bool, bool]:
    return plan.free_trial is not None, not plan.is_free


def _reset(item: Mapping[str, Any]) -> tuple[str, int]:
    reset = item.get("reset") or {"interval": interval.ONE_OFF}
    return reset["interval"], int(reset.get("interval_count", 1))


def _overage(item: Mapping[str, Any], feature: Feature) -> tuple[str, Decimal | None]:
    price = item.get("price")
    if price and price["billing_method"] == "usage_based":
        cap = price.get("max_purchase")
        return PRICED, None if cap is None else Decimal(cap)
    if feature.continuous and not price and not item.get("unlimited"):
        return ALLOCATED, None
    return NO_OVERAGE, ZERO


def _first_reset(item: Mapping[str, Any], feature: Feature, attachment: "Attachment") -> int | None:
    every, count = _reset(item)
    if every == interval.ONE_OFF or item.get("unlimited") or feature.continuous:
        return None
    first = attachment.period_ends.get((every, count))
    if first is None:
        anchor = attachment.at if attachment.anchor is None else attachment.anchor
        first = interval.first_boundary(anchor, every, count, attachment.at)
    trial = attachment.trial_ends_at if attachment.billed else None
    return first if trial is None else min(first, trial)


def _priced(row: Row, item: Mapping[str, Any], feature: Feature) -> Row:
    """The row with what is charged; packs that are bought in advance prorate by other means."""
    overage, limit = _overage(item, feature)
    is_seat = feature.continuous and overage == PRICED and item.get("proration")
    return row._replace(
        overage=overage,
        overage_limit=limit,
        price=dict(item["price"]) if item.get("price") else None,
        proration=dict(item["proration"]) if is_seat else None,
    )


def _rollover(item: Mapping[str, Any]) -> RolloverRule | None:
    rule = item.get("rollover")
    if not rule:
        return None
    forever = rule["expiry_duration_type"] == "forever"
    months = None if forever else int(rule.get("expiry_duration_length", 1))
    return RolloverRule(_decimal(rule.get("max")), _decimal(rule.get("max_percentage")), months)


def _decimal(value: Any) -> Decimal | None:
    return None if value is None else Decimal(value)
