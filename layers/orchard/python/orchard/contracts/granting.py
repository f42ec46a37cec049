"""Requests of `balances.create`, `balances.update` and `balances.list`."""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, model_validator

from orchard.contracts.audit import AuditedRequest
from orchard.contracts.cursor import PageRequest
from orchard.contracts.fields import (
    Count,
    CustomerId,
    Id,
    Positive,
    Quantity,
    Timestamp,
    Whole,
    fault,
)
from orchard.contracts.request import Request

type Interval = Literal[
    "one_off", "minute", "hour", "day", "week", "month", "quarter", "semi_annual", "year"
]


def _at_most_200(limit: int) -> int:
    if not 1 <= limit <= 200:
        raise fault("must be between 1 and 200")
    return limit


class ResetRequest(Request):
    """How often a grant starts anew."""

    interval: Interval
    interval_count: Count = 1


class RolloverRequest(Request):
    """What unused balance is carried over at a reset, and for how long."""

    max: Positive | None = None
    max_percentage: Positive | None = None
    duration: Literal["month", "forever"] = "month"
    length: Count


class CreateBalanceRequest(AuditedRequest):
    """Grant a balance to one customer, apart from any plan."""

    customer_id: CustomerId
    feature_id: Id
    entity_id: Id | None = None
    included_grant: Positive | None = None
    granted_balance: Positive | None = None
    unlimited: bool = False
    reset: ResetRequest | None = None
    rollover: RolloverRequest | None = None
    expires_at: Timestamp | None = None
    next_reset_at: Timestamp | None = None
    balance_id: Id | None = None

    @property
    def grant(self) -> Decimal | None:
        """The amount granted, by its present or its older name."""
        return self.granted_balance if self.included_grant is None else self.included_grant


class UpdateBalanceRequest(AuditedRequest):
    """Edit a balance until its next reset."""

    customer_id: CustomerId
    feature_id: Id
    entity_id: Id | None = None
    remaining: Quantity | None = None
    current_balance: Quantity | None = None
    add_to_balance: Quantity | None = None
    usage: Quantity | None = None
    included_grant: Positive | None = None
    interval: Interval | None = None
    balance_id: Id | None = None
    customer_entitlement_id: Id | None = None
    next_reset_at: Timestamp | None = None
    expires_at: Timestamp | None = None
    #: Until when the amount holds; without it, until the next reset.
    ends_at: Timestamp | None = None
    #: Refuse the edit if the balance is not the one that was seen with this `version`.
    if_version: Whole | None = None

    @property
    def target(self) -> Decimal | None:
        """The remaining amount to set, by its present or its older name."""
        return self.current_balance if self.remaining is None else self.remaining

    @model_validator(mode="after")
    def _one_amount(self) -> Self:
        if self.target is not None and self.add_to_balance is not None:
            raise fault("Cannot specify both add_to_balance and remaining")
        if self.target is not None and self.usage is not None:
            raise fault("Cannot specify both usage and remaining")
        return self

    @model_validator(mode="after")
    def _one_amount_ends(self) -> Self:
        if self.ends_at is None:
            return self
        lasting = (self.included_grant, self.next_reset_at, self.expires_at)
        if any(field is not None for field in lasting):
            raise fault("ends_at: does not go with included_grant, next_reset_at or expires_at")
        amounts = (self.target, self.add_to_balance, self.usage)
        if sum(amount is not None for amount in amounts) != 1:
            raise fault("ends_at: needs one of add_to_balance, remaining and usage")
        return self


class ListBalancesRequest(PageRequest):
    """The sources of one customer's balances, or of everybody's."""

    customer_id: CustomerId | None = None
    entity_id: Id | None = None
    feature_id: Id | None = None
    #: null means grants that belong to no plan.
    plan_id: str | None = None
    statuses: list[Literal["active", "expired"]] | None = None
    limit: Annotated[Whole, AfterValidator(_at_most_200)] = 50
