"""Request and response of `balances.track`."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from orchard.contracts.fields import (
    BalanceExpands,
    CustomerId,
    Id,
    Properties,
    Quantity,
    Timestamp,
    fault,
)
from orchard.contracts.locks import LockRequest
from orchard.contracts.numbers import number
from orchard.contracts.request import Request
from orchard.domain.quantity import exact


class TrackRequest(Request):
    """Record that a customer used (or, negative, gave back) some of a feature."""

    customer_id: CustomerId
    feature_id: Id | None = None
    event_name: Id | None = None
    entity_id: Id | None = None
    value: Quantity = exact(1)
    properties: Properties | None = None
    timestamp: Timestamp | None = None
    overage_behavior: Literal["cap", "reject", "overflow"] = "cap"
    idempotency_key: Id | None = None
    skip_event: bool = False
    lock: LockRequest | None = None
    #: To be recorded later: the caller does not wait for it.
    is_async: bool = Field(default=False, alias="async")
    expand: BalanceExpands = []

    @model_validator(mode="after")
    def _feature_or_event(self) -> Self:
        if (self.feature_id is None) == (self.event_name is None):
            raise fault("Either feature_id or event_name must be provided")
        return self


def track_response(
    request: TrackRequest,
    balances: Mapping[str, dict[str, Any] | None],
    chosen: str | None,
    deductions: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    """Return what was recorded, the balance it rests on, and what each source paid.

    `balances` holds the views of all features that could have paid; `chosen` names the one to
    show as `balance`.
    """
    response: dict[str, Any] = {"customer_id": request.customer_id}
    if request.entity_id is not None:
        response["entity_id"] = request.entity_id
    if request.event_name is not None:
        response["event_name"] = request.event_name
    response["value"] = number(request.value)
    response["balance"] = None if chosen is None else balances.get(chosen)
    if len(balances) > 1:
        response["balances"] = dict(balances)
    response["deductions"] = list(deductions)
    return response
