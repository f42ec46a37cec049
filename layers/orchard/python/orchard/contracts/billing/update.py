"""Requests of `billing.update` and `.preview_update`, and what the latter adds to its answer."""

from decimal import Decimal
from typing import Any, NamedTuple, Self

from pydantic import model_validator

from orchard.contracts.audit import AuditedRequest
from orchard.contracts.billing import responses
from orchard.contracts.billing.customize import Customize
from orchard.contracts.billing.parts import (
    AskedDiscounts,
    BillingCycleAnchor,
    CancelAction,
    CarryOver,
    FeatureQuantities,
    InvoiceMode,
    ProrationBehavior,
    RecalculateBalances,
    RedirectMode,
    RefundLastPayment,
    refuse_licenses,
)
from orchard.contracts.fields import CustomerId, Id, PlanId, Whole, fault
from orchard.contracts.numbers import number

#: Something has to be asked for; the other fields only say how it is done.
_CHANGING = (
    "feature_quantities",
    "version",
    "customize",
    "discounts",
    "cancel_action",
    "billing_cycle_anchor",
    "recalculate_balances",
)
#: What a cancellation has nothing to do with.
_NOT_CANCELED = ("feature_quantities", "discounts", "billing_cycle_anchor", "recalculate_balances")


class UpdateRequest(AuditedRequest):
    """Change a plan that a customer holds, or end it."""

    customer_id: CustomerId
    plan_id: PlanId | None = None
    entity_id: Id | None = None
    subscription_id: Id | None = None
    feature_quantities: FeatureQuantities = []
    version: Whole | None = None
    customize: Customize | None = None
    discounts: AskedDiscounts = []
    cancel_action: CancelAction | None = None
    refund_last_payment: RefundLastPayment | None = None
    invoice_mode: InvoiceMode | None = None
    proration_behavior: ProrationBehavior | None = None
    redirect_mode: RedirectMode = "if_required"
    billing_cycle_anchor: BillingCycleAnchor | None = None
    no_billing_changes: bool = False
    recalculate_balances: RecalculateBalances | None = None
    carry_over_usages: CarryOver | None = None

    @model_validator(mode="before")
    @classmethod
    def _without_licenses(cls, body: Any) -> Any:
        return refuse_licenses(body, "license_quantities")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not any(getattr(self, name) for name in _CHANGING):
            raise fault(f"at least one of {', '.join(_CHANGING)} is required")
        self._check_cancellation()
        self._check_refund()
        if isinstance(self.billing_cycle_anchor, int):
            raise fault('billing_cycle_anchor must be "now"')
        return self

    def _check_cancellation(self) -> None:
        if self.cancel_action is None:
            return
        other = [name for name in _NOT_CANCELED if getattr(self, name)]
        if self.cancel_action != "uncancel":
            other += [name for name in ("version", "customize") if getattr(self, name) is not None]
        if other:
            raise fault(f"cancel_action {self.cancel_action} excludes {', '.join(other)}")

    def _check_refund(self) -> None:
        if self.refund_last_payment is None:
            return
        if self.cancel_action != "cancel_immediately":
            raise fault("refund_last_payment needs cancel_action cancel_immediately")
        if self.proration_behavior is not None:
            raise fault("refund_last_payment excludes proration_behavior")
        if self.no_billing_changes:
            raise fault("refund_last_payment excludes no_billing_changes")

    @property
    def is_invoiced(self) -> bool:
        """Whether an invoice is sent instead of a payment taken."""
        return self.invoice_mode is not None and self.invoice_mode.enabled

    @property
    def asked(self) -> dict[str, Decimal]:
        """The prepaid units that are asked for, by feature."""
        return {one.feature_id: one.quantity for one in self.feature_quantities}


class Refunded(NamedTuple):
    """What would be paid back, and of which invoice, with what was paid back of it before."""

    amount: Decimal
    stripe_id: str
    total: Decimal
    refunded: Decimal
    currency: str


def preview(shown: responses.Shown, intent: str, refund: Refunded | None) -> dict[str, Any]:
    """Return what an update would do, as callers see it."""
    view = responses.preview(shown)
    del view["redirect_to_checkout"], view["checkout_type"]
    view["intent"] = intent
    if refund is not None:
        view["refund"] = {
            "amount": number(refund.amount),
            "invoice": {
                "stripe_id": refund.stripe_id,
                "total": number(refund.total),
                "current_refunded_amount": number(refund.refunded),
                "currency": refund.currency,
            },
        }
    return view
