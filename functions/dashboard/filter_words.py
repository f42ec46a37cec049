"""What the filters of the customers list ask for, in words."""

from collections.abc import Iterator, Mapping

from dashboard.customer_list import BASES, NO_PLAN, STATUSES, WAYS, Filters
from dashboard.visits import Visit
from orchard.contracts.plans import ListPlansRequest
from orchard.usecases import features, plans

type Words = list[tuple[str, str]]


def in_words(visitor: Visit, filters: Filters) -> Words:
    """Return what is asked for as pairs: `("Status", "Past due")`; none for all customers."""
    asks_for_features = filters.has_threshold or filters.shown
    called = feature_names(visitor) if asks_for_features else {}
    return [*_customers(visitor, filters), *_balances(filters, called)]


def feature_names(visitor: Visit) -> dict[str, str]:
    """Return the names of all features, by id."""
    return {one["id"]: one["name"] or one["id"] for one in features.every(visitor.session)["list"]}


def _customers(visitor: Visit, filters: Filters) -> Iterator[tuple[str, str]]:
    if filters.search:
        yield "Search", f"“{filters.search}”"
    if filters.status:
        yield "Status", STATUSES[filters.status]
    if filters.plan == NO_PLAN:
        yield "Plan", "none"
    elif filters.plan:
        yield "Plan", _plan_names(visitor).get(filters.plan, filters.plan)
    if filters.created_from:
        yield "Created from", filters.created_from
    if filters.created_to:
        yield "Created until", filters.created_to


def _balances(filters: Filters, called: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    if filters.has_threshold:
        way, basis = WAYS[filters.than or "less"], BASES[filters.basis or "remaining"]
        yield called.get(filters.feature, filters.feature), f"{way} {filters.amount} {basis}"
    if filters.shown:
        yield "Columns", ", ".join(called.get(name, name) for name in filters.shown)
    if filters.order:
        yield "Order", "oldest first"


def _plan_names(visitor: Visit) -> dict[str, str]:
    found = plans.every(visitor.session, ListPlansRequest())
    return {one["id"]: one["name"] or one["id"] for one in found["list"]}
