"""Requests that read or remove entities, apart from those that set them up: fewer models to load.

An entity's id is told apart within its customer, so it may need the customer's beside it.
"""

from typing import Annotated, Literal

from pydantic import Field

from orchard.contracts.audit import AuditedRequest
from orchard.contracts.cursor import PageRequest
from orchard.contracts.customer_reads import PlanFilter
from orchard.contracts.fields import CustomerId, Id, Listed, Text
from orchard.contracts.request import Request

type Expand = Literal[
    "invoices", "subscriptions.plan", "purchases.plan", "balances.feature", "flags.feature"
]


class GetEntityRequest(Request):
    """Return an entity."""

    customer_id: CustomerId | None = None
    entity_id: Id
    expand: Listed[Expand] = []


class DeleteEntityRequest(AuditedRequest):
    """Remove an entity and what it holds."""

    customer_id: CustomerId | None = None
    entity_id: Id


class ListEntitiesRequest(PageRequest):
    """A page of entities, of one customer or of all, newest first."""

    customer_id: CustomerId | None = None
    plans: list[PlanFilter] | None = None
    subscription_status: Literal["active", "scheduled"] | None = None
    search: Annotated[Text, Field(max_length=500)] = ""
    processors: list[Literal["stripe", "revenuecat", "vercel"]] | None = None
