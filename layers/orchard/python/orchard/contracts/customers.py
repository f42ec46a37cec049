"""Requests that change customers."""

from typing import Annotated, Any, ClassVar

from pydantic import Field

from orchard.contracts.audit import AuditedRequest
from orchard.contracts.billing_controls import BillingControls
from orchard.contracts.customer_reads import Expands
from orchard.contracts.fields import (
    Currency,
    CustomerId,
    Email,
    Id,
    Metadata,
    PlanId,
)
from orchard.contracts.numbers import plain
from orchard.contracts.request import Request

type Name = Annotated[str, Field(max_length=500)]


class CustomerConfig(Request):
    """Switches of one customer."""

    disable_pooled_balance: bool | None = None
    disable_overage_billing: bool | None = None


class SeenFields(Request):
    """Fields of a customer as they were when somebody looked; null and `""` say: empty."""

    id: str | None = None
    name: str | None = None
    email: str | None = None
    fingerprint: str | None = None
    stripe_id: str | None = None
    #: The entries that were looked at alone; null: there was none.
    metadata: Metadata = {}

    @property
    def told(self) -> dict[str, Any]:
        """The fields that were sent, and no others."""
        sent = self.model_dump(exclude_unset=True)
        return {name: value or None for name, value in sent.items() if name != "metadata"} | {
            "metadata": plain(self.metadata)
        }


class GetOrCreateCustomerRequest(AuditedRequest):
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


class UpdateCustomerRequest(AuditedRequest):
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
    #: Refuse the change if one of these fields is not as it was seen.
    if_still: SeenFields | None = None
    with_autumn_id: bool = False
    expand: Expands = []
