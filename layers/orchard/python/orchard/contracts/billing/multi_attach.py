"""Requests of `billing.multi_attach` and `.preview_multi_attach`."""

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from orchard.contracts.audit import AuditedRequest
from orchard.contracts.billing.attach import AttachRequest
from orchard.contracts.billing.customize import Customize
from orchard.contracts.billing.parts import (
    AskedDiscounts,
    FeatureQuantities,
    InvoiceMode,
    PageAddress,
    ProrationBehavior,
    RedirectMode,
    StripeMetadata,
)
from orchard.contracts.billing_controls import EntityControls
from orchard.contracts.customers import GetOrCreateCustomerRequest, Name
from orchard.contracts.entities import CreateEntityRequest, CustomerData
from orchard.contracts.fields import CustomerId, Id, PlanId, Timestamp, Whole, fault
from orchard.contracts.plans import FreeTrial
from orchard.contracts.request import Request

#: So many plans are bought in one go: what they change has to fit into one transaction.
_MOST = 20
_OF_EACH = {"plan_id", "version", "subscription_id", "feature_quantities", "customize"}
_OF_ALL = {
    "discounts",
    "redirect_mode",
    "success_url",
    "checkout_session_params",
    "invoice_mode",
    "enable_plan_immediately",
    "starts_at",
    "new_billing_subscription",
    "metadata",
    "currency",
    "reason",
    "reference",
}


class AskedPlan(Request):
    """One of the plans. Without `entity_id` it is for whom the request is; null: the customer."""

    plan_id: PlanId
    version: Whole | None = None
    subscription_id: Id | None = None
    entity_id: Id | None = None
    feature_quantities: FeatureQuantities = []
    customize: Customize | None = None


class EntityData(Request):
    """What the entity is made with, should there be none yet; its id is said beside this."""

    feature_id: Id
    name: Name | None = None
    billing_controls: EntityControls | None = None


class MultiAttachRequest(AuditedRequest):
    """Give a customer several plans in one purchase: one invoice, one Checkout."""

    customer_id: CustomerId
    entity_id: Id | None = None
    plans: Annotated[list[AskedPlan], Field(min_length=1, max_length=_MOST)]
    #: Instead of the trials of the plans; null: none.
    free_trial: FreeTrial | None = None
    starts_at: Timestamp | None = None
    currency: Annotated[str, Field(pattern="^[A-Za-z]{3}$")] | None = None
    invoice_mode: InvoiceMode | None = None
    discounts: AskedDiscounts = []
    billing_behavior: ProrationBehavior | None = None
    success_url: PageAddress | None = None
    checkout_session_params: dict[str, Any] = {}
    redirect_mode: RedirectMode = "if_required"
    new_billing_subscription: bool | None = None
    enable_plan_immediately: bool = False
    metadata: StripeMetadata = {}
    customer_data: CustomerData | None = None
    entity_data: EntityData | None = None

    @model_validator(mode="after")
    def _names_entity(self) -> Self:
        if self.entity_data is not None and self.entity_id is None:
            raise fault("entity_data needs entity_id")
        return self

    @property
    def asks_for_trial(self) -> bool:
        """Whether a trial, or none, is asked for this customer."""
        return "free_trial" in self.model_fields_set

    @property
    def customer(self) -> GetOrCreateCustomerRequest:
        """The customer to make if there is none."""
        data = self.customer_data or CustomerData()
        return data.model_copy(update={"customer_id": self.customer_id, **self.audit})

    @property
    def entity(self) -> CreateEntityRequest | None:
        """The entity to make if there is none; None if nothing is said of it."""
        data = self.entity_data
        if data is None or self.entity_id is None:
            return None
        return CreateEntityRequest(
            customer_id=self.customer_id,
            entity_id=self.entity_id,
            feature_id=data.feature_id,
            name=data.name,
            billing_controls=data.billing_controls,
            reason=self.reason,
            reference=self.reference,
        )

    def requests(self) -> tuple[AttachRequest, ...]:
        """Return what is asked for as requests of one plan each."""
        shared = {name: getattr(self, name) for name in _OF_ALL}
        return tuple(
            AttachRequest(
                customer_id=self.customer_id,
                entity_id=one.entity_id if "entity_id" in one.model_fields_set else self.entity_id,
                proration_behavior=self.billing_behavior,
                **{name: getattr(one, name) for name in _OF_EACH},
                **shared,
            )
            for one in self.plans
        )
