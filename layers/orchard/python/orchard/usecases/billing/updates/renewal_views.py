"""What the next invoice of a subscription comes to, as previews show it."""

from typing import NamedTuple

from orchard.domain.billing import discounts
from orchard.domain.billing.coupons import Discount
from orchard.domain.billing.lines import LineItem
from orchard.usecases.billing.deal import Deal
from orchard.usecases.billing.purchases.choosing import charged_from
from orchard.usecases.billing.renewals import renewal_lines
from orchard.usecases.billing.updates.planning import Future
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
    anew = begins.restart
    ends = renewal_lines.first(deal, recurring, anew=anew) or _end(deal)
    starts_at = begins.trial_end or ends
    is_first = begins.trial_end is not None
    due = renewal_lines.due(deal, starts_at, recurring, anew=anew)
    lines = charged_from(deal, starts_at, recurring) if is_first else tuple(due)
    alive = discounts.alive_next_cycle(some, starts_at, invoiced_now=begins.invoiced)
    return NextCycle(starts_at, deal.reduced((*beside, *lines), alive), recurring)


def _end(deal: Deal) -> int:
    """When the cycle ends of what is not paid in advance."""
    period = deal.subscription.period if deal.subscription else None
    return period.end if period is not None else deal.now
