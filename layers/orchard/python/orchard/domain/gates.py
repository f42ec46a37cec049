"""Billing controls at work: which hold for whom, and how much they still allow."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from orchard.domain import scope, sources, windows
from orchard.domain.holding import NOTHING, Controls, Place, State, UsageLimit
from orchard.domain.quantity import UNBOUNDED
from orchard.domain.scope import Subject


def resolved(state: State, subject: Subject, feature_id: str) -> Controls:
    """Return the controls that hold for a subject: an entity's own before the customer's."""
    shared = state.get(Place(feature_id), NOTHING).controls
    if subject.entity_id is None:
        return shared
    own = state.get(Place(feature_id, subject.entity_id), NOTHING).controls
    return Controls(
        shared.overage_allowed if own.overage_allowed is None else own.overage_allowed,
        own.spend_limit or shared.spend_limit,
        tuple(limit for _place, limit in _limits(state, subject, feature_id)),
        own.alerts or shared.alerts,
    )


def spend_left(state: State, subject: Subject, feature_id: str) -> Decimal:
    """How much more overage of a feature the spend limit that holds for a subject allows.

    A customer's limit counts the overage of all its entities together, an entity's own limit that
    of the rows it can use.
    """
    controls = resolved(state, subject, feature_id)
    if controls.spend_cap is None:
        return UNBOUNDED
    own = state.get(Place(feature_id, subject.entity_id), NOTHING).controls
    if subject.entity_id is not None and own.spend_limit is not None:
        return sources.spend_left(
            controls, (row for _place, row in scope.rows(state, subject, feature_id))
        )
    everything = (
        row
        for place, holding in state.items()
        if place.feature_id == feature_id
        for row in holding.own
    )
    return sources.spend_left(controls, everything)


def window_left(
    state: State, subject: Subject, feature_id: str, properties: Mapping[str, Any]
) -> Decimal:
    """How much more of a feature the usage limits that hold for a subject allow."""
    limits = tuple(limit for _place, limit in _limits(state, subject, feature_id))
    return windows.left(limits, properties)


def count(
    state: State, subject: Subject, amounts: Mapping[str, Decimal], properties: Mapping[str, Any]
) -> State:
    """Count amounts, by feature, in the usage limits that hold for a subject."""
    counted = dict(state)
    for feature_id, amount in amounts.items():
        held = {(place, limit.filter) for place, limit in _limits(state, subject, feature_id)}
        for place in {place for place, _filter in held}:
            controls = counted[place].controls
            limits = tuple(
                windows.counted((limit,), amount, properties)[0]
                if (place, limit.filter) in held
                else limit
                for limit in controls.usage_limits
            )
            counted[place] = counted[place]._replace(
                controls=controls._replace(usage_limits=limits)
            )
    return counted


def _limits(state: State, subject: Subject, feature_id: str) -> Iterator[tuple[Place, UsageLimit]]:
    """The usage limits that hold for a subject and where they are counted.

    An entity's own limit takes the place of the customer's for the same events.
    """
    shared = Place(feature_id)
    own = Place(feature_id, subject.entity_id)
    filters = set()
    if subject.entity_id is not None:
        for limit in state.get(own, NOTHING).controls.usage_limits:
            filters.add(limit.filter)
            yield own, limit
    for limit in state.get(shared, NOTHING).controls.usage_limits:
        if limit.filter not in filters:
            yield shared, limit
