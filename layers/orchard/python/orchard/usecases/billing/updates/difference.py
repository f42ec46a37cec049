"""What a subscription that changes at once is credited and charged for the rest of its cycle."""

from decimal import Decimal

from orchard.domain.billing import charging
from orchard.domain.billing.lines import Bought, LineItem
from orchard.usecases.billing.updates import crediting
from orchard.usecases.billing.wishes import Wish


def lines(wish: Wish) -> tuple[LineItem, ...]:
    """Return what is credited and charged now, after discounts.

    Where a cycle begins anew, so it does for all that the subscription pays for.
    """
    deal = wish.deal
    if wish.bills_nothing or not wish.prorate:
        return ()
    if wish.custom_lines is not None:
        return wish.custom_lines
    ended = [one.id for one in wish.ended]
    staying = deal.on_subscription(ended) if wish.begins_anew else []
    credits_ = tuple(line for one in (*wish.ended, *staying) for line in deal.credit(one))
    usage = () if wish.carry.usages else tuple(one for it in wish.ended for one in deal.usage(it))
    fresh = (*charged(wish), *_charges(wish, tuple(deal.coming(one) for one in staying)))
    netted = (*credits_, *fresh) if wish.begins_anew else charging.netted(credits_, fresh)
    found = crediting.settled(deal, (*netted, *usage), wish.discounts)
    return tuple(line for line in found if line.amount)


def counted(wish: Wish) -> dict[str, dict[str, Decimal]]:
    """Return how much of what plans used is among the lines, by plan and row."""
    is_free = wish.bills_nothing or not wish.prorate or wish.custom_lines is not None
    return {} if is_free or wish.carry.usages else wish.deal.counted(wish.ended)


def charged(wish: Wish) -> tuple[LineItem, ...]:
    """Return what is charged now for what is asked for, before discounts."""
    deal = wish.deal
    found = _charges(wish, wish.bought)
    is_free_now = wish.trial_end is not None or (deal.is_trialing and not wish.ended)
    return tuple(line for line in found if line.one_off) if is_free_now else found


def is_fresh(line: LineItem) -> bool:
    """Whether Stripe bills a line itself when a cycle begins anew."""
    return line.kind == "charge" and not line.one_off


def _charges(wish: Wish, bought: tuple[Bought, ...]) -> tuple[LineItem, ...]:
    deal = wish.deal
    anew = wish.begins_anew or deal.subscription is None
    period = deal.period_from_now if anew else deal.period_of
    return tuple(
        line for one in bought for line in charging.charges(one, deal.sale, deal.now, period)
    )
