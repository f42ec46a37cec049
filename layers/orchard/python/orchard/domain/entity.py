"""Entities: sub-accounts of a customer, such as its seats or workspaces."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from orchard.domain.customer import CustomerPlan


class Entity(NamedTuple):
    """An entity. `id` is the caller's, told apart within a customer; `internal_id` never recurs.

    It counts as one unit of the feature `feature_id`. `created_at` in UTC milliseconds.
    """

    id: str
    internal_id: str
    customer_internal_id: str
    feature_id: str
    created_at: int
    name: str | None = None
    billing_controls: Mapping[str, Any] = {}
    #: +1 at each change of the entity.
    version: int = 1

    @property
    def place(self) -> str:
        """What orders entities of the same age, and tells them apart across customers."""
        return f"{self.id}/{self.internal_id}"


def plans_of(entity: Entity, plans: Iterable[CustomerPlan]) -> tuple[CustomerPlan, ...]:
    """Return the plans that count for an entity: its own, and those of the customer itself."""
    return tuple(plan for plan in plans if plan.entity_id in (None, entity.id))
