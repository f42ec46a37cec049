"""Requests of `customers.*`."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from orchard.contracts.billing_controls import BillingControls
from orchard.contracts.cursor import PageRequest
from orchard.contracts.fields import (
    Currency,
    CustomerId,
    Email,
    Id,
    Listed,
    Metadata,
    PlanId,
    Text,
    Timestamp,
    Whole,
    fault,
)
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
type Name = Annotated[str, Field(max_length=500)]


class CustomerConfig(Request):
    """Switches of one customer."""

    disable_pooled_balance: bool | None = None
    disable_overage_billing: bool | None = None


class GetOrCreateCustomerRequest(Request):
    """Return a customer, made now if there is none with this id (or, without one, this e-mail)."""

    rest_names: ClassVar[dict[str, str]] = {"id": "customer_id"}

    customer_id: CustomerId | None
    name: Name | None = None
    email: Email | None = None
    fingerprint: Id | None = None
    metadata: Metadata | None = None
    stripe_id: Id | None = None
    create_in_stripe: bool = False
    auto_enable_plan_id: PlanId | None = None
    send_email_receipts: bool | None = None
    currency: Currency | None = None
    billing_controls: BillingControls | None = None
    config: CustomerConfig | None = None
    with_autumn_id: bool = False
    expand: Expands = []


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


class UpdateCustomerRequest(Request):
    """Change a customer: what is absent stays, null clears."""

    rest_names: ClassVar[dict[str, str]] = {"id": "new_customer_id"}

    customer_id: CustomerId
    new_customer_id: CustomerId | None = None
    name: Name | None = None
    email: Email | None = None
    fingerprint: Id | None = None
    metadata: Metadata | None = None
    stripe_id: str | None = Field(default=None, max_length=255)
    send_email_receipts: bool | None = None
    currency: Currency | None = None
    billing_controls: BillingControls | None = None
    config: CustomerConfig | None = None
    reason: str | None = Field(default=None, max_length=1000)
    with_autumn_id: bool = False
    expand: Expands = []


class DeleteCustomerRequest(Request):
    """Remove a customer and everything under it; Stripe is left alone unless asked."""

    customer_id: CustomerId
    delete_in_stripe: bool = False
