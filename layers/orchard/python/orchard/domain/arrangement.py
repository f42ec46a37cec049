"""How a customer's balances hang together: which controls hold where, who shares with whom.

Each balance item carries a copy of what its uses depend on, so that one read decides. Whatever
changes the customer, its plans, its entities or what its balances hold arranges them anew.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from orchard.domain import controls as rules
from orchard.domain import windows
from orchard.domain.billing import top_ups
from orchard.domain.customer import Customer, CustomerPlan
from orchard.domain.entity import Entity
from orchard.domain.holding import (
    NO_CONTROLS,
    NOTHING,
    Alert,
    Controls,
    Holding,
    Place,
    SpendLimit,
    State,
    UsageLimit,
    text,
)
from orchard.domain.quantity import ZERO
from orchard.domain.row import Rows

type Systems = Mapping[str, Iterable[str]]
type Lists = Mapping[str, Any]


class Household(NamedTuple):
    """A customer with the plans and entities it has, as they are to be."""

    customer: Customer
    plans: tuple[CustomerPlan, ...]
    entities: tuple[Entity, ...] = ()


def arranged(state: State, household: Household, systems: Systems, now: int) -> State:
    """Return what all balances of a customer are to hold, rows as given.

    `systems` are the credit systems that contain a feature.
    """
    lists = _lists(household, now)
    spread = {place.feature_id for place, held in state.items() if place.entity_id and held.rows}
    # The customer's own item tells that entities have rows, even if it holds nothing itself.
    places = dict.fromkeys((*state, *_named(lists), *map(Place, sorted(spread))))
    found = {}
    for place in places:
        held = state.get(place, NOTHING)
        rows = _cycle(state, place, systems)
        given = _controls(place, lists.get(place.entity_id, {}), held.controls, rows, now)
        shared = place.entity_id is None and place.feature_id in spread
        found[place] = Holding(held.rows, given, shared)
    return found


def sourced(state: State) -> frozenset[str]:
    """Return the features of which the customer's own balance has a part in every use."""
    return frozenset(
        place.feature_id
        for place, held in state.items()
        if place.entity_id is None and has_part(held)
    )


def has_part(held: Holding) -> bool:
    """Whether a balance has a part in uses of its feature: it can pay, or limits them."""
    return bool(held.rows) or held.controls._replace(alerts=(), top_up=None) != NO_CONTROLS


def with_usage(lists: Lists, state: State, entity_id: str | None) -> dict[str, Any]:
    """Return controls that hold at the customer's or an entity's places, with live counters.

    `usage` of a usage limit is what was used in its present window.
    """
    limits = lists.get("usage_limits")
    if not limits:
        return dict(lists)
    counted = [
        {**entry, "usage": _used(entry, state.get(Place(entry["feature_id"], entity_id), NOTHING))}
        for entry in limits
    ]
    return {**lists, "usage_limits": counted}


def _used(entry: Mapping[str, Any], held: Holding) -> Decimal:
    wanted = _identity(_usage_limit(entry, {}))
    return next(
        (limit.used for limit in held.controls.usage_limits if _identity(limit) == wanted), ZERO
    )


def _lists(household: Household, now: int) -> dict[str | None, Lists]:
    """The controls that hold for the customer (None) and those of each entity's own."""

    def of_plans(entity_id: str | None) -> list[Lists]:
        held = (plan for plan in household.plans if plan.is_live(now))
        return [
            plan.billing_controls
            for plan in held
            if plan.billing_controls and plan.entity_id == entity_id
        ]

    owned: list[tuple[str | None, Lists]] = [(None, household.customer.billing_controls)]
    owned += [(entity.id, entity.billing_controls) for entity in household.entities]
    return {who: rules.effective(own, of_plans(who)) for who, own in owned}


def _named(lists: Mapping[str | None, Lists]) -> list[Place]:
    """The places of all features that a control is about."""
    return [
        Place(entry["feature_id"], who)
        for who, named in lists.items()
        for name in rules.OF_ENTITIES
        for entry in named.get(name) or ()
        if entry.get("feature_id")
    ]


def _cycle(state: State, place: Place, systems: Systems) -> Rows:
    """The rows whose resets the windows of a place follow: its own, the customer's, or credits'."""
    candidates = (place, Place(place.feature_id), *map(Place, systems.get(place.feature_id, ())))
    for one in candidates:
        rows = state.get(one, NOTHING).rows
        if any(row.next_reset_at is not None for row in rows):
            return rows
    return ()


def _controls(place: Place, lists: Lists, held: Controls, rows: Rows, now: int) -> Controls:
    about = {
        name: [
            entry
            for entry in lists.get(name) or ()
            if entry.get("feature_id") in (None, place.feature_id)
        ]
        for name in rules.OF_ENTITIES
    }
    allowed = next((entry["enabled"] for entry in about["overage_allowed"]), None)
    # An entry about no feature can set no limit; it must not hide one that does.
    spends = (entry for entry in about["spend_limits"] if entry.get("feature_id"))
    spend = next((_spend_limit(entry) for entry in spends), None)
    counted = {_identity(limit): limit for limit in held.usage_limits}
    limits = [_usage_limit(entry, counted) for entry in about["usage_limits"]]
    alerts = tuple(_alert(entry) for entry in about["usage_alerts"] if entry.get("enabled", True))
    topped = None if place.entity_id else top_ups.rule(lists, place.feature_id)
    found = Controls(
        overage_allowed=allowed,
        spend_limit=spend,
        usage_limits=windows.aligned(tuple(limits), rows, now),
        alerts=alerts,
        top_up=None if topped is None else topped.threshold,
    )
    return NO_CONTROLS if found == NO_CONTROLS else found


def _spend_limit(entry: Mapping[str, Any]) -> SpendLimit:
    limit = entry.get("overage_limit")
    percentage = entry.get("limit_type") == "usage_percentage"
    enabled = bool(entry.get("enabled"))
    waives = enabled and bool(entry.get("skip_overage_billing"))
    return SpendLimit(Decimal(limit or 0), percentage, enabled and limit is not None, waives)


def _usage_limit(entry: Mapping[str, Any], counted: Mapping[object, UsageLimit]) -> UsageLimit:
    properties = (entry.get("filter") or {}).get("properties") or {}
    limit = UsageLimit(
        limit=Decimal(entry["limit"]),
        interval=entry["interval"],
        filter=tuple(sorted((name, text(value)) for name, value in properties.items())),
        anchor=entry.get("anchor"),
        enabled=entry.get("enabled", True),
    )
    before = counted.get(_identity(limit))
    if before is None:
        return limit
    return limit._replace(used=before.used, resets_at=before.resets_at)


def _identity(limit: UsageLimit) -> object:
    """What makes a limit the same after it was configured anew: its counter goes on."""
    return limit.filter, limit.interval, limit.anchor


def _alert(entry: Mapping[str, Any]) -> Alert:
    return Alert(Decimal(entry["threshold"]), entry["threshold_type"], entry.get("name"))
