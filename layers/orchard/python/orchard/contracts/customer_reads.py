"""Requests that read customers, apart from those that change them: fewer models to load."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from orchard.contracts.cursor import PageRequest
from orchard.contracts.fields import CustomerId, Listed, PlanId, Text, Timestamp, Whole, fault
from orchard.contracts.request import Request

type Expand = Literal[
    "invoices",
    "invoice_previews",
    "trials_used",
    "rewards",
    "entities",
    "referrals",
    "payment_method",
    "subscriptions.plan",
    "purchases.plan",
    "balances.feature",
    "flags.feature",
    "billing_controls.auto_topups.purchase_limit",
    # Sent by newer clients, and nothing to expand here.
    "billing_details",
]
type Expands = Listed[Expand]


class GetCustomerRequest(Request):
    """Return a customer."""

    customer_id: CustomerId
    with_autumn_id: bool = False
    expand: Expands = []


class PlanFilter(Request):
    """Customers that hold a plan, in one of these versions if any are named."""

    id: PlanId
    versions: list[Whole] | None = None


class CreatedRange(Request):
    """A span of creation times, both ends included."""

    start: Timestamp | None = None
    end: Timestamp | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.start is not None and self.end is not None and self.start > self.end:
            raise fault("start must not be after end")
        return self


class ListCustomersRequest(PageRequest):
    """A page of customers by creation time."""

    plans: list[PlanFilter] | None = None
    subscription_status: Literal["active", "scheduled"] | None = None
    search: Annotated[Text, Field(max_length=500)] = ""
    processors: list[Literal["stripe", "revenuecat", "vercel"]] | None = None
    sort_order: Literal["asc", "desc"] = "desc"
    created_at_range: CreatedRange | None = None
