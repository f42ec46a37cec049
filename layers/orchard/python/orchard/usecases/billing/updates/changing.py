"""How a plan changes in place: other parts, units, discounts or dates, and what is billed for that.

The difference is billed first, then the subscription is arranged, then balances move.
"""

from collections.abc import Iterable

from orchard.domain.billing import charging, coupons
from orchard.domain.billing.coupons import Discount
from orchard.domain.billing.lines import CHARGE, LineItem
from orchard.domain.billing.order import Arrange, End, Step
from orchard.domain.customer import SCHEDULED
from orchard.domain.quantity import ZERO
from orchard.usecases.billing.updates import (
    crediting,
    deferring,
    leftovers,
    planning,
    renewal_views,
)
from orchard.usecases.billing.updates.alterations import Alteration
from orchard.usecases.billing.updates.planning import Turn
from orchard.usecases.billing.updates.renewal_views import Beginning
from orchard.usecases.billing.wishes import Chosen


def unbilled(one: Alteration) -> Chosen:
    """Return how a plan changes that nothing is billed for."""
    return Chosen((), one.effect)


def bought_more(one: Alteration) -> Chosen:
    """Return how a plan changes whose prices are all paid once."""
    deal = one.deal
    lines = deal.reduced(tuple(_once(one)), one.discounts)
    goods = deal.once(one.now)
    steps = (
        (deal.bill(lines, goods.products, one.days_until_due, finalize=one.finalize),)
        if lines
        else ()
    )
    return Chosen(steps, one.effect, lines, None, one.discounts)


def within(one: Alteration) -> Chosen:
    """Return how a plan changes whose subscription goes on, or ends with what had a price."""
    deal = one.deal
    turn = Turn(restored=one.restored, gone=one.dropped, amended={one.held.id: one.coming})
    ahead = planning.future(deal, turn)
    lines, later = _difference(one), deferring.later(one)
    arrange = _arrangement(one, lines, later)
    left = () if arrange.goods.items else leftovers.of(deal)
    lines = (*lines, *(leftovers.lines(deal, left, one.discounts) if one.prorate else ()))
    steps: list[Step] = []
    if lines and not one.restarts:
        products = (*arrange.goods.products, *deal.goods(one.before).products)
        sold = tuple({made.id: made for made in products}.values())
        steps.append(deal.bill(lines, sold, one.days_until_due, finalize=one.finalize))
    if not arrange.goods.items:
        steps.append(End(arrange.subscription_id, leftovers.ids(left)))
    else:
        is_needed = _is_needed(one, arrange)
        steps += [arrange] if is_needed else []
        if is_needed or one.restored or one.held.status == SCHEDULED:
            steps += planning.steps(deal, ahead, arranged=is_needed)
    begins = Beginning(one.restarts, one.trial_end or None, invoiced=bool(lines))
    following = renewal_views.next_cycle(deal, ahead, one.discounts, begins, later)
    return Chosen(tuple(steps), one.effect, lines, following, one.discounts)


def _arrangement(
    one: Alteration, lines: tuple[LineItem, ...], later: tuple[LineItem, ...]
) -> Arrange:
    """What the subscription is to be from now on; units of the next cycle are its items already."""
    deal = one.deal
    if deal.subscription is None:
        raise TypeError("there is no subscription")
    kept = [deal.coming(it) for it in deal.on_subscription([one.held.id])]
    here = [] if one.held.status == SCHEDULED else [one.coming]
    return Arrange(
        subscription_id=deal.subscription.id,
        goods=deal.goods(*kept, *here),
        discounts=_given(one, invoiced=bool(lines)),
        restart=one.restarts,
        lines=tuple(line for line in lines if not _is_stripes(line)) if one.restarts else later,
        trial_end=one.trial_end,
    )


def _is_needed(one: Alteration, arrange: Arrange) -> bool:
    """Whether anything about the subscription changes at once."""
    subscription = one.deal.subscription
    wanted = {item.price.lookup_key: item.quantity for item in arrange.goods.items}
    there = {item.lookup_key: item.quantity for item in subscription.items} if subscription else {}
    changes = arrange.restart or arrange.trial_end is not None or arrange.discounts is not None
    return changes or bool(arrange.lines) or wanted != there


def _difference(one: Alteration) -> tuple[LineItem, ...]:
    """What is credited and charged now, after discounts."""
    if one.held.status == SCHEDULED or not one.prorate:
        return ()
    deal = one.deal
    charged = () if one.is_trial else _charges(one, deal.now)
    credited = () if deal.is_trialing else _credits(one)
    fresh = (*charged, *_once(one))
    waits = one.portions.prorated | one.portions.whole
    if not one.restarts:
        pairs = charging.netted(credited, fresh)
        fresh, credited = tuple(line for line in pairs if line.feature_id not in waits), ()
    lines = crediting.settled(deal, (*credited, *fresh), one.discounts)
    return tuple(line for line in lines if line.amount)


def _charges(one: Alteration, at: int) -> tuple[LineItem, ...]:
    deal = one.deal
    period = deal.period_from_now if one.restarts else deal.period_of
    others = [deal.coming(it) for it in deal.on_subscription([one.held.id])] if one.restarts else []
    lines = (
        line for it in (*others, one.now) for line in charging.charges(it, deal.sale, at, period)
    )
    return tuple(line for line in lines if not line.one_off)


def _credits(one: Alteration) -> tuple[LineItem, ...]:
    """What of the present cycle is given back; where another begins, for all that it was for."""
    deal = one.deal
    others = deal.on_subscription([one.held.id]) if one.restarts else []
    return tuple(line for it in (one.held, *others) for line in deal.credit(it))


def _once(one: Alteration) -> Iterable[LineItem]:
    """What is bought once, beyond what was bought already."""
    deal = one.deal
    had = charging.charges(one.before, deal.sale, deal.now, deal.period_of)
    paid = {line.feature_id: line.amount for line in had if line.one_off}
    for line in charging.charges(one.now, deal.sale, deal.now, deal.period_of):
        more = line.amount - paid.get(line.feature_id, ZERO)
        if line.one_off and more > 0:
            yield line._replace(amount=more)


def _given(one: Alteration, *, invoiced: bool) -> tuple[Discount, ...] | None:
    """The discounts of the subscription, None if they stay; what is used up now is not given."""
    subscription = one.deal.subscription
    there = subscription.discounts if subscription else ()
    lasting = tuple(
        it
        for it in one.discounts
        if it.id is not None or it.coupon.duration != coupons.ONCE or not invoiced
    )
    return lasting if {it.coupon.id for it in lasting} != {it.coupon.id for it in there} else None


def _is_stripes(line: LineItem) -> bool:
    """Whether Stripe bills a line itself when a cycle begins anew."""
    return line.kind == CHARGE and not line.one_off
