"""What the next invoice of a subscription comes to, as previews show it."""

from typing import NamedTuple

from orchard.domain.billing import charging, discounts
from orchard.domain.billing.coupons import Discount
from orchard.domain.billing.lines import LineItem
from orchard.usecases.billing.choosing import charged_from
from orchard.usecases.billing.deal import Deal
from orchard.usecases.billing.planning import Future
from orchard.usecases.billing.wishes import NextCycle


class Beginning(NamedTuple):
    """How the cycle before it goes: it begins now, a trial does, an invoice is made now."""

    restart: bool = False
    trial_end: int | None = None
    invoiced: bool = False


def next_cycle(
    deal: Deal,
    ahead: Future,
    some: tuple[Discount, ...],
    begins: Beginning = Beginning(),  # noqa: B008 - a tuple of constants
    beside: tuple[LineItem, ...] = (),
) -> NextCycle | None:
    """Return the next invoice, with lines `beside` what recurs; None if nothing will."""
    recurring = tuple(one for one in ahead.plans if deal.goods(one).items)
    if not recurring:
        return None
    starts_at = begins.trial_end or _end(deal, ahead, restart=begins.restart)
    lines = charged_from(deal, starts_at, recurring)
    alive = discounts.alive_next_cycle(some, starts_at, invoiced_now=begins.invoiced)
    return NextCycle(starts_at, deal.reduced((*beside, *lines), alive), recurring)


def _end(deal: Deal, ahead: Future, *, restart: bool) -> int:
    subscription = deal.subscription
    period = subscription.period if subscription else None
    if period is not None and not restart:
        return period.end
    ends = [
        line.period.end
        for one in ahead.plans
        for line in charging.next_cycle(one, deal.sale, deal.period_from_now)
        if line.period
    ]
    return min(ends, default=deal.now)
