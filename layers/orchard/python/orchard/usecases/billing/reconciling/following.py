"""What becomes of plans when the subscription that pays for them changes at Stripe.

Reports come twice, late and in any order: the subscription is fetched again, and the plans are
brought into line with what it is now. Nothing is concluded from the report itself.
"""

from collections.abc import Mapping
from typing import Any

from orchard.domain.billing import stripe_prices
from orchard.domain.billing.gains import gain_of
from orchard.domain.billing.order import Effect, Gain
from orchard.domain.billing.stripe_prices import PriceSpec
from orchard.domain.billing.subscription import OVERDUE, Item, Subscription
from orchard.domain.customer import ACTIVE, SCHEDULED, CustomerPlan
from orchard.domain.interval import MINUTE_MS
from orchard.gateways import stripe_subscriptions
from orchard.gateways.stripe_events import Event
from orchard.store import catalog, customers
from orchard.store.customers import Account
from orchard.store.optimistic import optimistic
from orchard.store.session import Session
from orchard.store.statements import Contention, Write
from orchard.store.table import Table
from orchard.usecases.billing.deal import Deal
from orchard.usecases.billing.orders import effects, ordering
from orchard.usecases.billing.orders.effects import Setting
from orchard.usecases.billing.reconciling import marking, reports
from orchard.usecases.billing.reconciling.defaults import default_of
from orchard.usecases.billing.renewals import renewing
from orchard.usecases.billing.updates import writing_off

#: A phase is taken to have begun so long before it does: clocks differ.
_TOLERANCE_MS = 10 * MINUTE_MS


def subscription_changed(table: Table, event: Event, now: int) -> str:
    """Bring plans into line with a subscription; return what came of it, for the log."""

    def attempt() -> str:
        found = reports.opened(table, event, now, "subscription")
        if found is None:
            return "unknown customer"
        if reports.refuse_meanwhile(event, found):
            return "own change"
        if _finished_left(found):
            raise Contention
        subscription = stripe_subscriptions.get(event.environment, event.object["id"])
        if subscription is None:
            return "no subscription"
        if renewing.catch_up(found.session, found.account, subscription):
            raise Contention
        writing_off.write_off(found.session, found.account, subscription)
        writes = in_line(found.session, found.account, subscription)
        found.session.commit(*writes)
        return "in line" if writes else "unchanged"

    return optimistic(attempt)


def converge(session: Session, internal_id: str, subscription_id: str, **audit: str) -> bool:
    """Bring the plans of a customer into line with a subscription; whether anything changed."""

    def attempt() -> bool:
        account = customers.require(session, internal_id)
        subscription = stripe_subscriptions.get(session.environment, subscription_id)
        if subscription is None:
            return False
        if renewing.catch_up(session, account, subscription):
            raise Contention
        writing_off.write_off(session, account, subscription)
        writes = in_line(session, account, subscription, **audit)
        if writes:
            session.commit(*writes)
        return bool(writes)

    return optimistic(attempt)


def _finished_left(found: reports.Opened) -> bool:
    """Finish orders that were left half done; whether there were any.

    Until then what Stripe has is neither what was nor what is wanted.
    """
    left = found.pending.abandoned(found.session.now)
    for order in left:
        ordering.finish(found.session, order)
    return bool(left)


def in_line(
    session: Session, account: Account, subscription: Subscription, **audit: str
) -> list[Write]:
    """Return the writes that bring plans into line with their subscription; none if they are.

    Errors: `Contention` once a part of them was made that may be: then look again.
    """
    paid = [
        one
        for one in account.plans
        if one.stripe_subscription_id == subscription.id and one.is_held(session.now)
    ]
    if not paid:
        return []
    known = catalog.read(session)
    deal = Deal(session, account, known, subscription)
    effect = over(deal, paid) if subscription.is_over else _going_on(deal, paid)
    facts = {} if subscription.is_over else _facts(deal, paid)
    setting = Setting(session, known, account, subscription, facts)
    if effect == Effect() and not facts and not marking.is_stale(session, account, known):
        return []
    kind = "subscription_ended" if subscription.is_over else "subscription_changed"
    last = session.stamp(kind, subscription_id=subscription.id, **audit)
    found = effects.writes(setting, effect, last)
    if effect == Effect():
        marking.go_ahead(session, found)
    return found


def over(deal: Deal, paid: list[CustomerPlan]) -> Effect:
    """Return what becomes of plans whose time is over: they end, and what is free follows."""
    ended = [one for one in paid if one.status == ACTIVE]
    dropped = [one.id for one in paid if one.status == SCHEDULED]
    gains: list[Gain] = []
    for one in ended:
        if one.add_on or one.one_off:
            continue
        waiting = [held for held in successors(deal, one) if held.id not in dropped]
        free = next((held for held in waiting if deal.bought(held).plan.is_free), None)
        dropped += [held.id for held in waiting if held is not free]
        gain = _begun(free) if free is not None else default_of(deal, one)
        gains += [] if gain is None else [gain]
    return Effect(
        gains=tuple(gains),
        ended=tuple(one.id for one in ended),
        dropped=tuple(dict.fromkeys(dropped)),
    )


def _going_on(deal: Deal, paid: list[CustomerPlan]) -> Effect:
    """The subscription goes on: phases that passed, cancellations made or taken back at Stripe."""
    coming = [(one, _has_begun(deal, one)) for one in paid if one.status == SCHEDULED]
    begun = [one for one, has in coming if has]
    if not begun and any(has is False and _is_beginning(deal, one) for one, has in coming):
        return Effect()
    replaced = [held.id for one in begun for held in predecessors(deal, one)]
    active = [one for one in paid if one.status == ACTIVE]
    left = [one for one in active if one.id not in replaced and _is_left(deal, one)]
    if begun or left:
        ends = over(deal, left)
        given = tuple(_begun(one, is_billed=True) for one in begun)
        return ends._replace(gains=(*given, *ends.gains), ended=(*replaced, *ends.ended))
    waits = any(one.status == SCHEDULED for one in paid)
    cancel_at = deal.subscription.cancel_at if deal.subscription else None
    if cancel_at is not None:
        fresh = [one for one in active if one.expires_at != cancel_at]
        gains = (default_of(deal, one, starts_at=cancel_at) for one in fresh)
        return Effect(
            canceled=dict.fromkeys((one.id for one in fresh), cancel_at),
            gains=tuple(one for one in gains if one is not None),
        )
    if waits or (deal.subscription and deal.subscription.schedule_id is not None):
        return Effect()
    again = [one for one in active if one.canceled_at is not None]
    return Effect(
        restored=tuple(one.id for one in again),
        dropped=tuple(held.id for one in again for held in successors(deal, one)),
    )


def _facts(deal: Deal, paid: list[CustomerPlan]) -> Mapping[str, Mapping[str, Any]]:
    """What Stripe says of plans that go on, where it is not what is known."""
    subscription = deal.subscription
    if subscription is None:
        return {}
    period = subscription.period
    told = {
        "past_due": subscription.status in OVERDUE,
        "trial_ends_at": subscription.trial_end,
        "current_period_start": period and period.start,
        "current_period_end": period and period.end,
    }
    active = (one for one in paid if one.status == ACTIVE)
    return {
        one.id: told
        for one in active
        if any(getattr(one, name) != value for name, value in told.items())
    }


def successors(deal: Deal, current: CustomerPlan) -> list[CustomerPlan]:
    """Return the plans that wait to take the place of one."""
    held = deal.held(current.entity_id)
    return [one for one in held if one.status == SCHEDULED and one.group == current.group]


def predecessors(deal: Deal, coming: CustomerPlan) -> list[CustomerPlan]:
    """Return the plans whose place one takes when it begins."""
    return [
        one
        for one in deal.held(coming.entity_id)
        if one.status == ACTIVE and one.group == coming.group and not one.add_on and not one.one_off
    ]


def _has_begun(deal: Deal, coming: CustomerPlan) -> bool | None:
    """Whether the subscription bills a scheduled plan already; None if not even its items do.

    Items may change a moment before their period does: the plan before has usage to bill then.
    """
    subscription = deal.subscription
    if subscription is None or subscription.period is None:
        return None
    wanted = [
        item.price for item in stripe_prices.subscription_items(deal.bought(coming), deal.sale)
    ]
    found = [[one for one in subscription.items if _is_of(one, price)] for price in wanted]
    starts = [one.period.start for some in found for one in some]
    is_time = all(start >= coming.started_at - _TOLERANCE_MS for start in starts)
    is_time = is_time or deal.session.now >= coming.started_at + _TOLERANCE_MS
    return is_time if all(found) else None


def _is_beginning(deal: Deal, coming: CustomerPlan) -> bool:
    return abs(deal.session.now - coming.started_at) <= _TOLERANCE_MS


def _is_of(item: Item, price: PriceSpec) -> bool:
    """Whether an item has a price, or one of the same product that others made."""
    is_ours = (item.lookup_key or "").startswith(stripe_prices.PREFIX)
    return item.lookup_key == price.lookup_key or (not is_ours and item.product == price.product)


def _is_left(deal: Deal, held: CustomerPlan) -> bool:
    """Whether the time of a canceled plan is up, while the subscription goes on for others."""
    subscription, ends_at = deal.subscription, held.expires_at
    if subscription is None or ends_at is None or held.canceled_at is None:
        return False
    if any(item.period.start >= ends_at - _TOLERANCE_MS for item in subscription.items):
        return True
    there = {item.lookup_key for item in subscription.items}
    items = stripe_prices.subscription_items(deal.coming(held), deal.sale)
    is_gone = not {item.price.lookup_key for item in items} <= there
    return is_gone and deal.session.now >= ends_at - _TOLERANCE_MS


def _begun(held: CustomerPlan, *, is_billed: bool = False) -> Gain:
    return gain_of(held)._replace(is_billed=is_billed)
