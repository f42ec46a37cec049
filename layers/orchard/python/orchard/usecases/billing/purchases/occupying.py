"""Seats that are in use already when a plan is bought: they are paid for with it."""

from dataclasses import replace

from orchard.domain.billing import quantities, seats
from orchard.usecases.billing.orders import effects
from orchard.usecases.billing.orders.effects import Setting
from orchard.usecases.billing.wishes import Wish


def seated(wish: Wish) -> Wish:
    """Return a wish whose plans know the seats in use beyond what they include.

    On trial none are paid for.
    """
    deal = wish.deal
    is_trial = wish.trial_end is not None or (deal.is_trialing and not wish.ended)
    if is_trial or not any(any(quantities.seat_items(one.plan)) for one in wish.bought):
        return wish
    setting = Setting(deal.session, deal.known, deal.account, deal.subscription)
    after = effects.applied(setting, wish.effect).state
    bought = tuple(
        one._replace(seats=seats.in_use(after, one.customer_plan_id, spare=False))
        for one in wish.bought
    )
    return replace(wish, bought=bought)
