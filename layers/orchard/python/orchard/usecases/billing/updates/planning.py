"""What a subscription will be from the end of its cycle: plans that leave, and those that come."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from orchard.domain.billing.lines import Bought
from orchard.domain.billing.order import Plan, Step
from orchard.domain.customer import CustomerPlan
from orchard.errors import Invalid
from orchard.usecases.billing.deal import Deal


class Turn(NamedTuple):
    """What a change does to that, plans by their ids: canceled at a time, canceled no more, gone.

    `amended` are plans that are billed otherwise from then on.
    """

    canceled: Mapping[str, int] = {}
    restored: Collection[str] = ()
    gone: Collection[str] = ()
    amended: Mapping[str, Bought] = {}


class Future(NamedTuple):
    """The plans that a subscription pays for in its next cycle; `at` is when others end or begin.

    None: nothing but renewals is ahead.
    """

    plans: tuple[Bought, ...]
    at: int | None = None


def future(deal: Deal, turn: Turn) -> Future:
    """Return what is ahead of a subscription. Errors: `Invalid` for ends at different times."""
    staying = deal.on_subscription(turn.gone)
    coming = [one for one in deal.scheduled() if one.id not in turn.gone]
    ends = {one.id: _end(one, turn) for one in staying}
    times = {at for at in ends.values() if at is not None} | {one.started_at for one in coming}
    if turn.canceled and len(times) > 1:
        raise Invalid(
            "Plans that share a subscription can't end at different times: "
            "cancel this one when the other has ended, or immediately"
        )
    ahead = [one for one in (*staying, *coming) if ends.get(one.id) is None]
    plans = tuple(turn.amended.get(one.id) or deal.coming(one) for one in ahead)
    return Future(plans, max(times, default=None))


def steps(deal: Deal, ahead: Future, *, arranged: bool = False) -> tuple[Step, ...]:
    """Return how Stripe is told what is ahead; `arranged`: what it knew of that is taken back."""
    subscription = deal.subscription
    if subscription is None:
        return ()
    if ahead.at is not None:
        return (Plan(subscription.id, deal.goods(*ahead.plans), ahead.at),)
    is_planned = subscription.cancel_at is not None or subscription.schedule_id is not None
    return (Plan(subscription.id, None),) if is_planned and not arranged else ()


def _end(held: CustomerPlan, turn: Turn) -> int | None:
    if held.id in turn.canceled:
        return turn.canceled[held.id]
    return None if held.id in turn.restored else held.expires_at
