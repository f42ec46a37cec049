"""Customers and the plans they hold."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from orchard.domain.billing.coupons import CustomerCoupon

ACTIVE, SCHEDULED, EXPIRED = "active", "scheduled", "expired"
#: What else lists tell of plans that are held.
PAST_DUE, TRIAL, CANCELLING = "past_due", "trial", "cancelling"


class Customer(NamedTuple):
    """A customer. `id` is the caller's and may be absent; `internal_id` never changes."""

    internal_id: str
    id: str | None
    created_at: int
    name: str | None = None
    email: str | None = None
    fingerprint: str | None = None
    metadata: Mapping[str, Any] = {}
    stripe_id: str | None = None
    send_email_receipts: bool = False
    currency: str | None = None
    billing_controls: Mapping[str, Any] = {}
    config: Mapping[str, bool] = {}
    #: For what it buys, and for subscriptions that have no discounts of their own.
    coupons: tuple[CustomerCoupon, ...] = ()
    #: When its deletion began, which waits for Stripe: nothing of it can be changed any more.
    deleting_since: int | None = None
    #: +1 at each change of the customer.
    version: int = 1

    @property
    def hot_id(self) -> str:
        """What the customer's items are kept under."""
        return self.internal_id if self.id is None else self.id


class CustomerPlan(NamedTuple):
    """A plan that a customer holds, or held: a snapshot, so that the plan may change."""

    id: str
    plan_id: str
    plan_version: int
    started_at: int
    status: str = ACTIVE
    external_id: str | None = None
    group: str = ""
    add_on: bool = False
    auto_enable: bool = False
    one_off: bool = False
    quantity: int = 1
    trial_ends_at: int | None = None
    canceled_at: int | None = None
    expires_at: int | None = None
    current_period_start: int | None = None
    current_period_end: int | None = None
    past_due: bool = False
    billing_controls: Mapping[str, Any] | None = None
    #: The entity that the plan is for; None: the customer and all of its entities.
    entity_id: str | None = None
    #: Prepaid units by feature, included ones among them, and those of the cycles to come.
    quantities: Mapping[str, Decimal] = {}
    upcoming_quantities: Mapping[str, Decimal] = {}
    #: What this customer's plan has instead of the catalogue's: `price`, `items`, `free_trial`.
    custom: Mapping[str, Any] | None = None
    #: At Stripe: the subscription that pays for it, and what will change that.
    stripe_subscription_id: str | None = None
    stripe_schedule_id: str | None = None
    #: The order that has yet to be paid for, if the plan holds before it is.
    order_id: str | None = None

    def is_held(self, now: int) -> bool:
        """Whether the plan is the customer's, now or (scheduled) soon.

        What is paid through Stripe ends when Stripe says so; others end by themselves.
        """
        if self.status == EXPIRED or self.stripe_subscription_id is not None:
            return self.status != EXPIRED
        return all(at is None or at > now for at in (self.expires_at, self.trial_ends_at))

    def is_live(self, now: int) -> bool:
        """Whether the plan gives something now."""
        return self.status == ACTIVE and self.is_held(now)

    def statuses(self, now: int) -> tuple[str, ...]:
        """What lists can be asked for of a plan that is held; one in trial is active as well."""
        on_trial = self.trial_ends_at is not None and self.trial_ends_at > now
        further = ((TRIAL, on_trial), (CANCELLING, self.canceled_at is not None))
        paid = PAST_DUE if self.past_due else self.status
        return (paid, *(status for status, holds in further if holds))


def merged_metadata(stored: Mapping[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
    """Return the stored metadata with the keys sent; a null deletes its key."""
    merged = {**stored, **sent}
    return {name: value for name, value in merged.items() if sent.get(name, value) is not None}


def changed_since(customer: Customer, seen: Mapping[str, Any]) -> list[str]:
    """Return which fields, and `metadata.<key>`, are not as they were seen; None: it was empty."""
    fields = {name: value for name, value in seen.items() if name != "metadata"}
    entries = seen.get("metadata", {})
    changed = [name for name, was in fields.items() if (getattr(customer, name) or None) != was]
    return changed + [
        f"metadata.{name}"
        for name, was in entries.items()
        if _written(customer.metadata.get(name)) != _written(was)
    ]


def _written(value: Any) -> str:
    """A value as JSON: there 1 is not true."""
    return json.dumps(value, sort_keys=True)


def tokens(plans: tuple[CustomerPlan, ...], now: int) -> list[str]:
    """Return what a list of customers can be filtered by: statuses, plans and their versions."""
    found: set[str] = set()
    for plan in plans:
        if plan.is_held(now):
            for status in ("any", *plan.statuses(now)):
                found.update((f"{status}:", f"{status}:{plan.plan_id}"))
                if status not in (TRIAL, CANCELLING):
                    found.add(f"{status}:{plan.plan_id}/{plan.plan_version}")
    return sorted(found)
