"""Requests of `billing.attach` and `.preview_attach`, and the response of the former."""

from typing import Annotated, Any

from pydantic import Field, model_validator

from orchard.contracts.audit import AuditedRequest
from orchard.contracts.billing.customize import Customize
from orchard.contracts.billing.parts import (
    AskedDiscounts,
    BillingCycleAnchor,
    CarryOver,
    CustomLineItems,
    FeatureQuantities,
    InvoiceMode,
    PageAddress,
    PlanSchedule,
    ProrationBehavior,
    RedirectMode,
    StripeMetadata,
    refuse_licenses,
    refuse_unsupported,
)
from orchard.contracts.fields import CustomerId, Id, PlanId, Timestamp, Whole

#: What `attach` does not do; to ignore it in silence would bill something else.
_UNSUPPORTED = ("remove_plan_ids", "processor_subscription_id", "tax_rate_id")


class PurchaseRequest(AuditedRequest):
    """What is bought, on which terms, and how the page is on which it is paid."""

    customer_id: CustomerId
    entity_id: Id | None = None
    version: Whole | None = None
    subscription_id: Id | None = None
    feature_quantities: FeatureQuantities = []
    customize: Customize | None = None
    discounts: AskedDiscounts = []
    success_url: PageAddress | None = None
    checkout_session_params: dict[str, Any] = {}
    proration_behavior: ProrationBehavior | None = None
    starts_at: Timestamp | None = None
    ends_at: Timestamp | None = None
    billing_cycle_anchor: BillingCycleAnchor | None = None
    custom_line_items: CustomLineItems | None = None
    carry_over_balances: CarryOver | None = None
    carry_over_usages: CarryOver | None = None
    no_billing_changes: bool = False
    metadata: StripeMetadata = {}
    currency: Annotated[str, Field(pattern="^[A-Za-z]{3}$")] | None = None


class AttachRequest(PurchaseRequest):
    """Give a customer a plan, through Stripe if it has a price."""

    plan_id: PlanId
    redirect_mode: RedirectMode = "if_required"
    long_lived_checkout: bool = False
    invoice_mode: InvoiceMode | None = None
    enable_plan_immediately: bool = False
    plan_schedule: PlanSchedule | None = None
    new_billing_subscription: bool | None = None

    @model_validator(mode="before")
    @classmethod
    def _only_supported(cls, body: Any) -> Any:
        refuse_licenses(body, "license_quantities")
        return refuse_unsupported(body, _UNSUPPORTED)

    @property
    def is_invoiced(self) -> bool:
        """Whether an invoice is sent instead of a payment taken."""
        return self.invoice_mode is not None and self.invoice_mode.enabled
