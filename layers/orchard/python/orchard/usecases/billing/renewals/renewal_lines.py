"""What renews next of plans, and when: prices of one subscription may recur at different times."""

from collections.abc import Iterable, Iterator

from orchard.domain.billing import charging
from orchard.domain.billing.charging import PeriodOf
from orchard.domain.billing.lines import Bought, LineItem
from orchard.domain.interval import DAY_MS
from orchard.usecases.billing.deal import Deal


def first(deal: Deal, bought: Iterable[Bought], *, anew: bool = False) -> int | None:
    """Return when the first of what plans cost renews or begins; None: nothing recurs.

    `anew`: cycles begin now.
    """
    begin, period_of = _beginnings(deal), _periods(deal, anew=anew)
    times = []
    for one in bought:
        lines = charging.next_cycle(one, deal.sale, period_of)
        ends = [line.period.end for line in lines if line.period is not None]
        starts_at = begin.get(one.customer_plan_id)
        times += ends if starts_at is None else [starts_at]
    return min(times, default=None)


def due(deal: Deal, at: int, bought: Iterable[Bought], *, anew: bool = False) -> Iterator[LineItem]:
    """Yield what plans cost for the periods that begin at a time; others last longer."""
    begin, period_of = _beginnings(deal), _periods(deal, anew=anew)
    for one in bought:
        lines = charging.next_cycle(one, deal.sale, deal.period_after(at))
        present = charging.next_cycle(one, deal.sale, period_of)
        starts_at = begin.get(one.customer_plan_id)
        for line, now in zip(lines, present, strict=True):
            ends_at = now.period.end if now.period is not None else at
            if (ends_at if starts_at is None else starts_at) <= at + DAY_MS:
                yield line


def _beginnings(deal: Deal) -> dict[str, int]:
    return {one.id: one.started_at for one in deal.scheduled()}


def _periods(deal: Deal, *, anew: bool) -> PeriodOf:
    return deal.period_from_now if anew or deal.subscription is None else deal.period_of
