"""Requests that make and change entities."""

from typing import ClassVar

from orchard.contracts.audit import AuditedRequest
from orchard.contracts.billing_controls import EntityControls
from orchard.contracts.customers import GetOrCreateCustomerRequest, Name
from orchard.contracts.fields import CustomerId, Id


class CustomerData(GetOrCreateCustomerRequest):
    """What the customer is made with, should there be none yet; its id is said beside this."""

    customer_id: CustomerId | None = None


class CreateEntityRequest(AuditedRequest):
    """Make an entity, and its customer if there is none with this id."""

    rest_names: ClassVar[dict[str, str]] = {"id": "entity_id"}

    customer_id: CustomerId
    entity_id: Id
    feature_id: Id
    name: Name | None = None
    billing_controls: EntityControls | None = None
    customer_data: CustomerData | None = None

    @property
    def customer(self) -> GetOrCreateCustomerRequest:
        """How the customer is made."""
        data = self.customer_data or CustomerData()
        return data.model_copy(update={"customer_id": self.customer_id, **self.audit})


class UpdateEntityRequest(AuditedRequest):
    """Replace lists of an entity's billing controls; lists that are absent stay."""

    customer_id: CustomerId | None = None
    entity_id: Id
    billing_controls: EntityControls | None = None
