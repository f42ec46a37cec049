"""Balances and flags as callers see them."""

from typing import Any

from orchard.contracts.numbers import number, optional
from orchard.domain import summary
from orchard.domain.deduction import Movement
from orchard.domain.holding import State
from orchard.domain.row import Rollover, Row
from orchard.domain.scope import Subject
from orchard.domain.summary import Line, Summary


def shown(
    state: State,
    subject: Subject,
    feature_id: str,
    feature: dict[str, Any] | None = None,
    *,
    version: int | None = None,
) -> dict[str, Any] | None:
    """Return the balance that a customer or an entity sees; null when there is nothing to show.

    `version` is what `if_version` of an edit is compared with; any use or change advances it.
    """
    total = summary.summary(summary.seen(state, subject, feature_id))
    if total is None:
        return None
    view = balance(feature_id, total, feature)
    return view if version is None else {**view, "version": version}


def balance(
    feature_id: str, total: Summary, feature: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return a balance as callers see it."""
    view: dict[str, Any] = {
        "feature_id": feature_id,
        "granted": number(total.granted),
        "remaining": number(total.remaining),
        "usage": number(total.usage),
        "unlimited": total.unlimited,
        "overage_allowed": total.overage_allowed,
        "max_purchase": optional(total.max_purchase),
        "next_reset_at": total.next_reset_at,
        "breakdown": [source(line) for line in total.lines],
    }
    if feature is not None:
        view["feature"] = feature
    if total.rollovers is not None:
        view["rollovers"] = [rollover(one) for one in total.rollovers]
    return view


def source(line: Line) -> dict[str, Any]:
    """Return one source of a balance as callers see it."""
    row = line.row
    return {
        "id": row.external_id or row.id,
        "plan_id": row.plan_id,
        "included_grant": number(line.included),
        "prepaid_grant": number(line.prepaid),
        "remaining": number(line.remaining),
        "usage": number(line.usage),
        "unlimited": row.unlimited,
        "reset": reset(row),
        "price": row.price,
        "expires_at": row.expires_at,
    }


def rollover(one: Rollover) -> dict[str, Any]:
    """Return balance carried over; an expiry of 0 stands for never."""
    return {
        "granted": number(one.balance + one.usage),
        "balance": number(one.balance),
        "expires_at": one.expires_at or 0,
    }


def reset(row: Row) -> dict[str, Any] | None:
    """Return when a source starts anew; null for features that are not used up."""
    if row.continuous:
        return None
    view: dict[str, Any] = {"interval": row.interval, "resets_at": row.next_reset_at}
    if row.interval_count != 1:
        view["interval_count"] = row.interval_count
    return view


def flag(row: Row, feature_id: str, feature: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return a boolean feature that the customer has."""
    view = {
        "id": row.external_id or row.id,
        "plan_id": row.plan_id,
        "expires_at": row.expires_at,
        "feature_id": feature_id,
    }
    return view if feature is None else {**view, "feature": feature}


def deduction(movement: Movement) -> dict[str, Any]:
    """Return what one source paid for a track."""
    exact = paid(movement)
    exact.pop("entity_id", None)
    return {**exact, "value": number(exact["value"])}


def paid(movement: Movement) -> dict[str, Any]:
    """Return what one source paid for a track in the form that is stored: with its exact value.

    With the entity too whose balance it was, if it was an entity's.
    """
    entity_id = movement.place.entity_id
    return {
        "balance_id": movement.balance_id,
        "feature_id": movement.place.feature_id,
        "plan_id": movement.row.plan_id,
        "reset": reset(movement.row),
        "value": movement.value,
        **({} if entity_id is None else {"entity_id": entity_id}),
    }
