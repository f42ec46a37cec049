"""What attaching a plan does to the plans that are held: which end, when, and which stay."""

from collections.abc import Sequence
from typing import NamedTuple

from orchard.domain import plan_rules
from orchard.domain.billing import customizing, upgrades
from orchard.domain.catalog import Catalog, Plan
from orchard.domain.customer import ACTIVE, SCHEDULED, CustomerPlan

IMMEDIATE, END_OF_CYCLE = "immediate", "end_of_cycle"


class Transition(NamedTuple):
    """`current` is the main plan whose place the new one takes, `successors` waited for that.

    `at_end` says that the current one goes on to the end of its cycle.
    """

    current: CustomerPlan | None = None
    successors: tuple[CustomerPlan, ...] = ()
    at_end: bool = False


def transition(
    plan: Plan, held: Sequence[CustomerPlan], catalog: Catalog, schedule: str | None = None
) -> Transition:
    """Return what attaching a plan does; `held` are the plans of the customer, or of one entity.

    Only main recurring plans of one group take each other's place. `schedule` overrides when.
    """
    if plan.add_on or plan_rules.is_one_off(plan):
        return Transition()
    main = [one for one in held if not one.add_on and not one.one_off and one.group == plan.group]
    current = next((one for one in main if one.status == ACTIVE), None)
    successors = tuple(one for one in main if one.status == SCHEDULED)
    if current is None:
        return Transition(None, successors)
    return Transition(current, successors, _waits(plan, current, catalog, schedule))


def _waits(plan: Plan, current: CustomerPlan, catalog: Catalog, schedule: str | None) -> bool:
    had = customizing.plan_of(current, catalog)
    if current.stripe_subscription_id is None:
        # Nothing was paid for its cycle.
        return False
    if schedule is not None:
        return schedule == END_OF_CYCLE
    return had is not None and not upgrades.is_upgrade(plan, had)
