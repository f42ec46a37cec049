"""Request and response of `billing.attach`."""

from typing import Any

from pydantic import model_validator

from orchard.contracts.audit import AuditedRequest
from orchard.contracts.fields import CustomerId, Id, PlanId, Whole
from orchard.errors import Invalid

#: Fields of the operation that change prices, dates or balances and are not available yet: an
#: attach that would silently ignore them would be wrong.
_UNAVAILABLE = (
    "customize",
    "discounts",
    "plan_schedule",
    "starts_at",
    "ends_at",
    "billing_cycle_anchor",
    "carry_over_balances",
    "carry_over_usages",
    "custom_line_items",
    "license_quantities",
    "remove_plan_ids",
    "free_trial",
)


class AttachRequest(AuditedRequest):
    """Give a customer a plan. Fields about payment do not matter for a plan without a price."""

    customer_id: CustomerId
    plan_id: PlanId
    entity_id: Id | None = None
    version: Whole | None = None
    subscription_id: Id | None = None

    @model_validator(mode="before")
    @classmethod
    def _only_available(cls, body: Any) -> Any:
        sent = [name for name in _UNAVAILABLE if isinstance(body, dict) and body.get(name)]
        if sent:
            raise Invalid(f"Not available yet: {', '.join(sent)}")
        return body


def attach_response(request: AttachRequest) -> dict[str, Any]:
    """Return the outcome of an attach that needed no payment."""
    return {"customer_id": request.customer_id, "payment_url": None}
