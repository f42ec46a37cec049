"""Request and response of `balances.track`."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from orchard.contracts import balance
from orchard.contracts.fields import (
    BalanceExpands,
    CustomerId,
    Id,
    Properties,
    Quantity,
    Timestamp,
    fault,
)
from orchard.contracts.numbers import number
from orchard.contracts.request import Request
from orchard.domain.deduction import Rows
from orchard.domain.quantity import exact


class LockRequest(Request):
    """A reservation that `balances.finalize` confirms or releases."""

    lock_id: str = Field(max_length=256)
    enabled: Literal[True]
    expires_at: Timestamp | None = None


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
    balances: Mapping[str, Rows],
    deductions: Sequence[dict[str, Any]],
    features: Mapping[str, dict[str, Any]],
) -> dict[str, Any]:
    """Return what was recorded and each balance it touched.

    One feature is shown as `balance`, several as `balances`; `features` holds those to expand.
    """
    views = {
        feature_id: balance.shown(feature_id, rows, features.get(feature_id))
        for feature_id, rows in balances.items()
    }
    response: dict[str, Any] = {"customer_id": request.customer_id}
    if request.event_name is not None:
        response["event_name"] = request.event_name
    response["value"] = number(request.value)
    response["balance"] = next(iter(views.values())) if len(views) == 1 else None
    if len(views) > 1:
        response["balances"] = views
    response["deductions"] = list(deductions)
    return response
