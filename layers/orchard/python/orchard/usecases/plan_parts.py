"""Plans with all of their parts, as requests have them: for those who edit them for a customer."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from orchard.contracts.customer_reads import GetCustomerRequest
from orchard.contracts.feature import feature
from orchard.contracts.numbers import plain
from orchard.contracts.plan import plan as view
from orchard.domain.billing.customizing import plan_of
from orchard.domain.catalog import Catalog, Plan
from orchard.domain.customer import CustomerPlan
from orchard.store import catalog, customers
from orchard.store.session import Session
from orchard.usecases import viewing


class Held(NamedTuple):
    """A plan that a customer holds, with the customer's own parts in it.

    `quantities` are the units bought in advance by feature, as of the next cycle, included ones
    among them.
    """

    id: str
    plan: Mapping[str, Any]
    quantities: Mapping[str, Decimal]
    entity_id: str | None
    is_custom: bool


class Holder(NamedTuple):
    """A customer as `customers.get` tells it, with the plans that it holds."""

    customer: Mapping[str, Any]
    plans: tuple[Held, ...]


def of_customer(session: Session, request: GetCustomerRequest) -> Holder:
    """Return a customer and its plans by one read. Errors: `CustomerNotFound`."""
    account = customers.require(session, request.customer_id)
    shown = viewing.view(session, account, request.expand)
    shown = {**shown, "autumn_id": account.customer.internal_id}
    known = catalog.cached(session)
    held = (_held(session, one, known) for one in account.plans if one.is_held(session.now))
    return Holder(shown, tuple(one for one in held if one is not None))


def of_version(session: Session, plan_id: str, version: int | None = None) -> dict[str, Any]:
    """Return a plan of the catalogue, by default its newest version. Errors: `PlanNotFound`."""
    known = catalog.cached(session)
    versions = {one.version for one in known.plans.get(plan_id, ())}
    if not versions or version not in {None, *versions}:
        known = catalog.read(session)
    return _whole(session, known.plan(plan_id, version), known)


def versions(session: Session, plan_id: str) -> list[int]:
    """Return the versions that a plan has, the newest first."""
    known = catalog.cached(session)
    return sorted((one.version for one in known.plans.get(plan_id, ())), reverse=True)


def names(session: Session) -> dict[str, str]:
    """Return what plans are called, by id."""
    known = catalog.cached(session).plans
    return {plan_id: some[-1].name or plan_id for plan_id, some in known.items()}


def features(session: Session) -> dict[str, dict[str, Any]]:
    """Return the features that a plan can give, by id."""
    known = catalog.cached(session).features
    return {name: feature(one) for name, one in known.items() if not one.archived}


def _held(session: Session, one: CustomerPlan, known: Catalog) -> Held | None:
    plan = plan_of(one, known)
    if plan is None:
        return None
    quantities = {**one.quantities, **one.upcoming_quantities}
    named = one.external_id or one.id
    return Held(named, _whole(session, plan, known), quantities, one.entity_id, bool(one.custom))


def _whole(session: Session, plan: Plan, known: Catalog) -> dict[str, Any]:
    """A plan as it is told, and what of its items only requests say."""
    shown = view(plan, known.features, session.environment)
    pairs = zip(shown["items"], plan.items, strict=True)
    shown["items"] = [
        {**told, **({"proration": plain(item["proration"])} if item.get("proration") else {})}
        for told, item in pairs
    ]
    return shown
