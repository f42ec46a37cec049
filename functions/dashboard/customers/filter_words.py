"""What the filters of the customers list ask for, in words."""

from collections.abc import Iterator

from dashboard.customers.listing import BASES, NO_PLAN, STATUSES, WAYS, Filters
from orchard.store.session import Session
from orchard.usecases import naming
from orchard.usecases.naming import Names


def in_words(session: Session, filters: Filters) -> list[tuple[str, str]]:
    """Return what is asked for as pairs: `("Status", "Past due")`; none for all customers."""
    names = naming.names(session)
    return [*_customers(filters, names), *_balances(filters, names)]


def _customers(filters: Filters, names: Names) -> Iterator[tuple[str, str]]:
    if filters.search:
        yield "Search", f"“{filters.search}”"
    if filters.status:
        yield "Status", STATUSES[filters.status]
    if filters.plan:
        yield "Plan", "none" if filters.plan == NO_PLAN else names.plan(filters.plan)
    if filters.created_from:
        yield "Created from", filters.created_from
    if filters.created_to:
        yield "Created until", filters.created_to


def _balances(filters: Filters, names: Names) -> Iterator[tuple[str, str]]:
    if filters.has_threshold:
        way, basis = WAYS[filters.than or "less"], BASES[filters.basis or "remaining"]
        yield names.feature(filters.feature), f"{way} {filters.amount} {basis}"
    if filters.shown:
        yield "Columns", ", ".join(map(names.feature, filters.shown))
    if filters.order:
        yield "Order", "oldest first"
