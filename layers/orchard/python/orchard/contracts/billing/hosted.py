"""Requests of `billing.open_customer_portal` and `billing.setup_payment`."""

from typing import Any

from pydantic import model_validator

from orchard.contracts.audit import AuditedRequest
from orchard.contracts.billing.attach import AttachRequest, PurchaseRequest
from orchard.contracts.billing.parts import (
    PageAddress,
    refuse_licenses,
    refuse_unsupported,
)
from orchard.contracts.customers import GetOrCreateCustomerRequest
from orchard.contracts.entities import CustomerData
from orchard.contracts.fields import CustomerId, Id, PlanId

_UNSUPPORTED = (
    "remove_plan_ids",
    "processor_subscription_id",
    "tax_rate_id",
    "enable_plan_immediately",
)
#: What is about the page, not about the plan that is attached once the card is saved.
_OF_PAGE = {"success_url", "checkout_session_params", "customer_data"}


class OpenCustomerPortalRequest(AuditedRequest):
    """Open Stripe's portal for a customer."""

    customer_id: CustomerId
    configuration_id: Id | None = None
    return_url: PageAddress | None = None


class SetupPaymentRequest(PurchaseRequest):
    """Have a customer save a card on Stripe's page, and attach a plan once that is done."""

    plan_id: PlanId | None = None
    customer_data: CustomerData | None = None

    @model_validator(mode="before")
    @classmethod
    def _only_supported(cls, body: Any) -> Any:
        refuse_licenses(body, "license_quantities")
        return refuse_unsupported(body, _UNSUPPORTED)

    @property
    def customer(self) -> GetOrCreateCustomerRequest:
        """The customer to make if there is none."""
        data = self.customer_data or CustomerData()
        return data.model_copy(update={"customer_id": self.customer_id, **self.audit})

    def attach_body(self) -> dict[str, Any] | None:
        """Return the body of the attach that follows, as it was sent; None if there is none."""
        if self.plan_id is None:
            return None
        return self.model_dump(exclude_unset=True, exclude=_OF_PAGE) | {"redirect_mode": "never"}


def attach_request(body: dict[str, Any], customer_id: str) -> AttachRequest:
    """Return the attach that was kept, for a customer that may be called otherwise by now."""
    return AttachRequest.model_validate({**body, "customer_id": customer_id})
