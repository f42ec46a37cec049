"""Requests of the older edits of a balance, of deleting balances and of levelling them."""

from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from orchard.contracts.audit import AuditedRequest
from orchard.contracts.customers import GetOrCreateCustomerRequest
from orchard.contracts.entities import CustomerData
from orchard.contracts.fields import CustomerId, Id, Quantity, fault
from orchard.contracts.granting import Interval
from orchard.contracts.numbers import number
from orchard.contracts.request import Request
from orchard.domain.quantity import total
from orchard.domain.sources import Sources


class SetUsageRequest(AuditedRequest):
    """Set what was used of a feature."""

    customer_id: CustomerId
    feature_id: Id
    value: Quantity
    entity_id: Id | None = None
    customer_data: CustomerData | None = None

    @property
    def customer(self) -> GetOrCreateCustomerRequest:
        """The customer to make if there is none."""
        data = self.customer_data or CustomerData()
        return data.model_copy(update={"customer_id": self.customer_id, **self.audit})


class SetBalance(Request):
    """What is to remain of a feature."""

    feature_id: Id
    balance: Quantity


def _once_each(balances: list[SetBalance]) -> list[SetBalance]:
    if len({one.feature_id for one in balances}) < len(balances):
        raise fault("can name each feature only once")
    return balances


class SetBalancesRequest(AuditedRequest):
    """Set what remains of some features."""

    customer_id: CustomerId
    balances: Annotated[
        list[SetBalance], Field(min_length=1, max_length=50), AfterValidator(_once_each)
    ]
    entity_id: Id | None = None


class DeleteBalanceRequest(AuditedRequest):
    """Remove balances of a customer; the filters given are all to hold."""

    customer_id: CustomerId
    feature_id: Id | None = None
    entity_id: Id | None = None
    balance_id: Id | None = None
    interval: Interval | None = None
    recalculate_balances: bool | None = None

    @model_validator(mode="after")
    def _one_feature_levels(self) -> Self:
        if self.recalculate_balances and self.feature_id is None:
            raise fault("feature_id: is required with recalculate_balances")
        return self


class RecalculateRequest(AuditedRequest):
    """Deduct the usage of a feature anew."""

    customer_id: CustomerId
    feature_id: Id
    entity_id: Id | None = None
    interval: Interval | None = None


def recalculated(before: Sources, after: Sources) -> dict[str, Any]:
    """Return what levelling would make of each source, and the usage that it would spread."""
    return {
        "total_usage": number(total(source.row.usage for source in after)),
        "entitlements": [
            {
                "customer_entitlement_id": was.row.id,
                "before_remaining": number(was.row.balance),
                "after_remaining": number(now.row.balance),
            }
            for was, now in zip(before, after, strict=True)
        ],
    }
