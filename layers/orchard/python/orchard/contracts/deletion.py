"""Request and answers of `customers.delete`: what would be lost, and what became of each step."""

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

from orchard.contracts.audit import AuditedRequest
from orchard.contracts.fields import CustomerId
from orchard.contracts.numbers import number
from orchard.domain import summary
from orchard.domain.customer import Customer, CustomerPlan
from orchard.domain.entity import Entity
from orchard.domain.holding import State
from orchard.domain.invoice import Invoice
from orchard.domain.scope import CUSTOMER

#: What became of a step: made; still to be made by the job; left out as nobody asked for it;
#: nothing was there to do.
type Outcome = Literal["done", "retried", "scheduled", "kept", "none"]
DONE: Final = "done"
RETRIED: Final = "retried"
SCHEDULED: Final = "scheduled"
KEPT: Final = "kept"
NONE: Final = "none"


class DeleteCustomerRequest(AuditedRequest):
    """Remove a customer and everything under it; Stripe is left alone unless asked."""

    customer_id: CustomerId
    delete_in_stripe: bool = False
    #: Only tell what would be lost.
    dry_run: bool = False
    #: Keep the invoices, without personal data.
    anonymize: bool = False


class Loss(NamedTuple):
    """What a customer has, as it stands now."""

    customer: Customer
    plans: tuple[CustomerPlan, ...]
    entities: tuple[Entity, ...]
    state: State
    open_invoices: tuple[Invoice, ...]
    #: How many there are of `events`, `changes` and `invoices`, counted up to `counted_up_to`.
    counts: Mapping[str, int]
    counted_up_to: int


class Receipt(NamedTuple):
    """What became of a deletion: the id of its line in `changes.list`, and each step's outcome."""

    change_id: str
    customer: Customer
    table: Outcome
    stripe: Outcome
    history: Outcome
    invoices: Outcome
    #: Subscriptions of a Stripe customer that was left alone: they go on being billed.
    subscriptions: tuple[str, ...] = ()
    #: Why Stripe's step is not done.
    error: str | None = None


def preview(
    loss: Loss, *, ends_at_stripe: bool, anonymize: bool, deletion: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return what a deletion would remove; `deletion` is one that has begun already."""
    one = loss.customer
    return {
        "success": True,
        "dry_run": True,
        "customer_id": one.id,
        "internal_id": one.internal_id,
        "subscriptions": [
            {"stripe_subscription_id": found, "plan_ids": plans, "goes_on": not ends_at_stripe}
            for found, plans in _subscriptions(loss.plans).items()
        ],
        "plans": [_plan(plan) for plan in loss.plans],
        "open_invoices": [_invoice(invoice) for invoice in loss.open_invoices],
        "balances": list(_balances(loss.state)),
        "entities": [entity.id for entity in loss.entities],
        "coupons": [coupon.coupon.id for coupon in one.coupons],
        **{name: loss.counts[name] for name in ("events", "changes", "invoices")},
        "counted_up_to": loss.counted_up_to,
        "invoices_kept": anonymize,
        "stripe": {
            "stripe_id": one.stripe_id,
            "outcome": _at_stripe(one, ends=ends_at_stripe),
        },
        "deletion": deletion,
    }


def response(receipt: Receipt) -> dict[str, Any]:
    """Return what became of a deletion; it is no success while Stripe's step is not done."""
    one = receipt.customer
    stripe: dict[str, Any] = {"outcome": receipt.stripe, "stripe_id": one.stripe_id}
    if receipt.error is not None:
        stripe["error"] = receipt.error
    if receipt.stripe == KEPT:
        stripe["subscriptions_going_on"] = list(receipt.subscriptions)
    return {
        "success": receipt.stripe != RETRIED,
        "receipt": {
            "change_id": receipt.change_id,
            "customer_id": one.id,
            "internal_id": one.internal_id,
            "table": {"outcome": receipt.table},
            "stripe": stripe,
            "history": {"outcome": receipt.history},
            "invoices": {"outcome": receipt.invoices},
        },
    }


def subscriptions(plans: tuple[CustomerPlan, ...]) -> tuple[str, ...]:
    """Return the subscriptions at Stripe that pay for some plans."""
    return tuple(_subscriptions(plans))


def _subscriptions(plans: tuple[CustomerPlan, ...]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for plan in plans:
        if plan.stripe_subscription_id is not None:
            found.setdefault(plan.stripe_subscription_id, []).append(plan.plan_id)
    return found


def _at_stripe(customer: Customer, *, ends: bool) -> str:
    if customer.stripe_id is None:
        return NONE
    return "deleted" if ends else KEPT


def _plan(plan: CustomerPlan) -> dict[str, Any]:
    return {
        "id": plan.external_id or plan.id,
        "plan_id": plan.plan_id,
        "entity_id": plan.entity_id,
        "status": plan.status,
    }


def _invoice(invoice: Invoice) -> dict[str, Any]:
    return {
        "id": invoice.id,
        "stripe_id": invoice.stripe_id,
        "status": invoice.status,
        "total": number(invoice.total),
        "currency": invoice.currency,
    }


def _balances(state: State) -> list[dict[str, Any]]:
    features = dict.fromkeys(place.feature_id for place in state)
    found = ((name, summary.summary(summary.seen(state, CUSTOMER, name))) for name in features)
    return [
        {"feature_id": name, "remaining": number(one.remaining), "unlimited": one.unlimited}
        for name, one in found
        if one is not None
    ]
