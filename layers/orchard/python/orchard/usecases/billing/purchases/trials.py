"""The trial of plans that are bought together, and which subscription it is of."""

from collections.abc import Sequence

from orchard.domain.billing.transitions import Transition
from orchard.domain.catalog import Plan
from orchard.usecases.billing.deal import Deal


def common_end(plans: Sequence[Plan], ends: Sequence[int | None]) -> int | None:
    """When the trial of all that is paid ends: one subscription has one trial.

    Main plans go before add-ons. A free plan's own trial is its own, unless it is the only plan.
    """
    if len(plans) == 1:
        return ends[0]
    found = [
        (plan.add_on, end)
        for plan, end in zip(plans, ends, strict=True)
        if end is not None and not plan.is_free
    ]
    return min(found, key=lambda one: one[0])[1] if found else None


def apart(
    here: Deal, plans: Sequence[Plan], turns: Sequence[Transition], trial_end: int | None
) -> tuple[Deal, int | None]:
    """Where plans are billed that begin with a trial, and when it ends.

    A subscription that goes on for other plans as before is not put on trial by them: theirs is
    another one. On one that is on trial they have that.
    """
    subscription = here.subscription
    paid = {one.current.stripe_subscription_id for one in turns if one.current is not None}
    is_free = all(one.is_free for one in plans)
    if trial_end is None or subscription is None or subscription.id in paid or is_free:
        return here, trial_end
    if here.is_trialing:
        return here, None
    return Deal(here.session, here.account, here.known), trial_end
