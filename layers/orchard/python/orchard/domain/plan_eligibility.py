"""What attaching a plan would do for a customer."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from orchard.domain.billing.customizing import plan_of
from orchard.domain.billing.upgrades import is_upgrade
from orchard.domain.catalog import Catalog, Plan
from orchard.domain.customer import CustomerPlan
from orchard.domain.interval import LENGTH_MINUTES, ONE_OFF
from orchard.domain.plan_rules import is_one_off, prices
from orchard.domain.quantity import ZERO

ACTIVATE, UPGRADE, DOWNGRADE, NONE, PURCHASE = (
    "activate",
    "upgrade",
    "downgrade",
    "none",
    "purchase",
)


class Holder(NamedTuple):
    """A customer's plans, those that ended too, at a moment."""

    plans: Sequence[CustomerPlan]
    now: int

    @property
    def held(self) -> list[CustomerPlan]:
        """The plans that count now."""
        return [plan for plan in self.plans if plan.is_held(self.now)]

    def replaced_by(self, plan: Plan) -> CustomerPlan | None:
        """Return the plan whose place this one would take: the main plan of its group."""
        if plan.add_on or is_one_off(plan):
            return None
        main = (one for one in self.held if not one.add_on and not one.one_off)
        return next((one for one in main if one.group == plan.group), None)


def eligibility(plan: Plan, holder: Holder, catalog: Catalog) -> dict[str, Any]:
    """Return the action that attaching would be, and how the customer has the plan already."""
    own = next((one for one in holder.held if one.plan_id == plan.id), None)
    view: dict[str, Any] = {"attach_action": _action(plan, own, holder, catalog)}
    if own is not None:
        view["status"] = own.status
        view["canceling"] = own.canceled_at is not None
        view["trialing"] = own.trial_ends_at is not None and own.trial_ends_at > holder.now
    had_trial = any(one.plan_id == plan.id and one.trial_ends_at for one in holder.plans)
    return {**view, "trial_available": plan.free_trial is not None and not had_trial}


def _action(plan: Plan, own: CustomerPlan | None, holder: Holder, catalog: Catalog) -> str:
    if is_one_off(plan):
        return PURCHASE
    if own is not None:
        return NONE
    current = holder.replaced_by(plan)
    if current is None:
        return ACTIVATE
    bought = plan_of(current, catalog)
    return UPGRADE if bought is None or is_upgrade(plan, bought) else DOWNGRADE


def worth(plan: Plan) -> tuple[bool, int, Decimal]:
    """Sort key of plans by price: free ones first, then by length of commitment and amount."""
    recurring = [one for one in prices(plan) if one["interval"] != ONE_OFF]
    lengths = [
        LENGTH_MINUTES[one["interval"]] * int(one.get("interval_count", 1)) for one in recurring
    ]
    base = ZERO if plan.price is None else Decimal(plan.price["amount"])
    return not plan.is_free, max(lengths, default=0), base
