"""How a plan is sold: free, once, by a first subscription, within one, or from the next cycle."""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from orchard.domain import plan_rules
from orchard.domain.billing import charging, discounts
from orchard.domain.billing.lines import Bought, LineItem
from orchard.domain.billing.order import (
    Arrange,
    Checkout,
    End,
    Gain,
    Goods,
    Plan,
    Step,
    Subscribe,
)
from orchard.domain.quantity import total
from orchard.errors import Invalid
from orchard.usecases.billing.deal import Deal
from orchard.usecases.billing.purchases import discounting
from orchard.usecases.billing.renewals import renewal_lines
from orchard.usecases.billing.updates import difference, leftovers, planning
from orchard.usecases.billing.updates.leftovers import Leftovers
from orchard.usecases.billing.updates.planning import Turn
from orchard.usecases.billing.wishes import Chosen, NextCycle, Wish


def at_once(wish: Wish) -> Chosen:
    """Return how plans without a price, or that nothing is billed for, are given: at once."""
    return Chosen((), wish.effect)


def first(wish: Wish) -> Chosen:
    """Return how a first subscription begins: on Stripe's page, or with the card on file."""
    deal = wish.deal
    goods, once = deal.goods(*wish.bought), _once(wish)
    effect = wish.effect._replace(gains=_billed(wish.gains, wish.bought))
    lines = deal.reduced(difference.charged(wish), wish.discounts)
    later = _next_cycle(wish, wish.bought, invoiced=bool(lines))
    if wish.by_checkout:
        step: Step = Checkout(
            mode="subscription",
            goods=Goods((*goods.items, *once.items), (*goods.products, *once.products)),
            discounts=wish.discounts,
            trial_end=wish.trial_end,
            success_url=wish.success_url,
            adjustable=wish.adjustable,
            merged=total(line.amount - line.total for line in lines),
            extra=wish.extra,
        )
    else:
        step = Subscribe(
            goods=goods,
            once=once,
            discounts=wish.discounts,
            trial_end=wish.trial_end,
            days_until_due=wish.days_until_due,
            cancel_at=min((one.ends_at for one in wish.gains if one.ends_at), default=None),
            has_card=wish.has_card,
        )
    return Chosen((step,), effect, lines, later, wish.discounts)


def purchase(wish: Wish) -> Chosen:
    """Return how something is bought once: on Stripe's page, or by an invoice."""
    wish = replace(wish, discounts=discounting.of_purchase(wish.discounts))
    lines = wish.deal.reduced(difference.charged(wish), wish.discounts)
    goods = _once(wish)
    if wish.by_checkout:
        if total(line.total for line in lines) <= 0:
            raise Invalid("There is nothing to pay: Checkout needs an amount above zero")
        step: Step = Checkout(
            mode="payment",
            goods=goods,
            discounts=wish.discounts,
            success_url=wish.success_url,
            adjustable=wish.adjustable,
            merged=total(line.amount - line.total for line in lines),
            extra=wish.extra,
        )
    else:
        step = wish.deal.bill(lines, goods.products, wish.days_until_due, finalize=wish.finalize)
    return Chosen((step,), wish.effect, lines, None, wish.discounts)


def within(wish: Wish) -> Chosen:
    """Return how a subscription changes at once: the difference is billed, then its items."""
    deal = wish.deal
    subscription = deal.subscription
    if subscription is None:
        raise TypeError("there is no subscription")
    kept = [deal.coming(one) for one in deal.on_subscription([it.id for it in wish.ended])]
    target = deal.goods(*kept, *wish.bought)
    left = () if target.items else leftovers.of(deal)
    lines, restart = (*difference.lines(wish), *_late(wish, left)), wish.begins_anew
    # Where a cycle begins anew, Stripe's own invoice uses up what is good for one.
    staying = discounting.staying(wish.discounts, invoiced=bool(lines) and not restart)
    asked = staying if staying != subscription.discounts else None
    arrange = Arrange(
        subscription_id=subscription.id,
        goods=target,
        discounts=asked,
        restart=restart,
        lines=tuple(line for line in lines if not difference.is_fresh(line)) if restart else (),
        trial_end=_trial_end(wish, restart=restart),
    )
    sold = deal.bill(lines, target.products, wish.days_until_due, finalize=wish.finalize)
    bill = [sold] if lines and not restart else []
    later = _next_cycle(wish, (*kept, *wish.bought), invoiced=bool(lines))
    effect = wish.effect._replace(counted=difference.counted(wish))
    steps: tuple[Step, ...] = (*bill, End(subscription.id, leftovers.ids(left)))
    if target.items:
        effect = effect._replace(gains=_billed(wish.gains, wish.bought))
        steps = (*bill, arrange, *_still_planned(wish))
    return Chosen(steps, effect, lines, later, wish.discounts)


def _late(wish: Wish, left: Leftovers) -> tuple[LineItem, ...]:
    """What waits for an invoice that does not come, unless nothing is to be billed now."""
    if wish.bills_nothing or not wish.prorate or wish.custom_lines is not None:
        return ()
    return leftovers.lines(wish.deal, left, wish.discounts)


def _still_planned(wish: Wish) -> tuple[Step, ...]:
    """What was planned for the end of the cycle and is not touched by this change."""
    deal = wish.deal
    ahead = planning.future(deal, Turn(gone=wish.gone))
    if deal.subscription is None or ahead.at is None:
        return ()
    return (Plan(deal.subscription.id, deal.goods(*ahead.plans, *wish.bought), ahead.at),)


def from_next_cycle(wish: Wish, beside: Wish | None = None) -> Chosen:
    """Return how plans change at the end of the cycle: nothing is billed now.

    What is bought `beside` that begins at once and stays.
    """
    deal = wish.deal
    subscription = deal.subscription
    if subscription is None or subscription.period is None:
        raise TypeError("there is no subscription")
    leaving = [one.current for one in wish.transitions if one.current]
    at = deal.end_of(leaving)
    gone = (*wish.gone, *(beside.gone if beside else ()))
    ahead = planning.future(deal, Turn(dict.fromkeys((one.id for one in leaving), at), gone=gone))
    kept = (*ahead.plans, *(beside.bought if beside else ()))
    coming = [one for one in wish.bought if not one.plan.is_free]
    goods = deal.goods(*kept, *coming)
    gains = tuple(gain._replace(starts_at=at) for gain in wish.gains)
    effect = wish.effect._replace(
        gains=_billed(gains, wish.bought), canceled={one.id: at for one in leaving}, settled=()
    )
    lines = (*renewal_lines.due(deal, at, kept), *charged_from(deal, at, coming))
    alive = discounts.alive_next_cycle(wish.discounts, at, invoiced_now=False)
    later = NextCycle(at, deal.reduced(lines, alive), (*kept, *coming))
    steps: tuple[Step, ...] = (Plan(subscription.id, goods, at),)
    if beside is None and wish.discounts != subscription.discounts:
        # What is new is on the subscription from now on: no invoice comes before the change.
        present = deal.goods(*(deal.coming(one) for one in deal.on_subscription()))
        steps = (Arrange(subscription.id, present, wish.discounts), *steps)
    return Chosen(steps, effect, (), later, wish.discounts)


def charged_from(deal: Deal, at: int, bought: Iterable[Bought]) -> tuple[LineItem, ...]:
    """Return what plans cost for the cycle that begins at a time."""
    period = deal.period_after(at)
    return tuple(line for one in bought for line in charging.next_cycle(one, deal.sale, period))


def _once(wish: Wish) -> Goods:
    found = [wish.deal.once(one) for one in wish.bought]
    return Goods(
        tuple(item for some in found for item in some.items),
        tuple(made for some in found for made in some.products),
    )


def _billed(gains: tuple[Gain, ...], bought: tuple[Bought, ...]) -> tuple[Gain, ...]:
    """The plans that are gained, those that recur at a price paid through the subscription."""
    return tuple(
        gain._replace(is_billed=not one.plan.is_free and not plan_rules.is_one_off(one.plan))
        for gain, one in zip(gains, bought, strict=True)
    )


def _trial_end(wish: Wish, *, restart: bool) -> int | None:
    if wish.trial_end is not None:
        return wish.trial_end
    return 0 if restart and wish.deal.is_trialing else None


def _next_cycle(wish: Wish, bought: Iterable[Bought], *, invoiced: bool) -> NextCycle | None:
    deal, plans = wish.deal, tuple(bought)
    recurring = [one for one in plans if deal.goods(one).items]
    if not recurring:
        return None
    starts_at = wish.trial_end or _cycle_end(wish, recurring)
    due = renewal_lines.due(deal, starts_at, recurring, anew=wish.begins_anew)
    lines = charged_from(deal, starts_at, recurring) if wish.trial_end else tuple(due)
    alive = discounts.alive_next_cycle(wish.discounts, starts_at, invoiced_now=invoiced)
    return NextCycle(starts_at, deal.reduced(lines, alive), tuple(recurring))


def _cycle_end(wish: Wish, bought: list[Bought]) -> int:
    ends = renewal_lines.first(wish.deal, bought, anew=wish.begins_anew)
    if ends is not None:
        return ends
    period = wish.deal.subscription.period if wish.deal.subscription else None
    return period.end if period is not None else wish.deal.now


def sum_of(lines: Iterable[LineItem]) -> Decimal:
    """Return what lines come to before discounts."""
    return total(line.amount for line in lines)
