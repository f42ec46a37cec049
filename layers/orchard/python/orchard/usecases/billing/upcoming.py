"""The next invoice of each subscription of a customer: what recurs, and usage so far."""

from collections.abc import Iterator
from typing import Any

from orchard.contracts.billing import responses
from orchard.contracts.customer import Profile
from orchard.domain.billing import arrears, charging, discounts
from orchard.domain.billing.lines import Bought, LineItem
from orchard.domain.billing.subscription import Subscription
from orchard.domain.interval import DAY_MS
from orchard.store import catalog, customers
from orchard.store.session import Session
from orchard.usecases import standing
from orchard.usecases.billing import planning
from orchard.usecases.billing.deal import Deal
from orchard.usecases.billing.planning import Turn


def invoices(session: Session, profile: Profile) -> list[dict[str, Any]]:
    """Return what is billed next if nothing changes until then; nothing is written for that.

    A subscription that ends without anything left to bill has none. Errors: those of Stripe.
    """
    account = customers.require(session, profile.customer.internal_id)
    known = catalog.cached(session)
    found = []
    for one in standing.subscriptions(session, profile.plans):
        deal, at = Deal(session, account, known, one), _at(one)
        lines = () if at is None else _lines(deal, one, at)
        if at is not None and lines:
            found.append(responses.upcoming(at, one.currency, lines))
    return found


def _at(one: Subscription) -> int | None:
    """When the next invoice is made."""
    if one.is_trialing and one.trial_end is not None:
        return one.trial_end
    ends = [item.period.end for item in one.items]
    return min(ends, default=None)


def _lines(deal: Deal, one: Subscription, at: int) -> tuple[LineItem, ...]:
    ahead = planning.future(deal, Turn())
    usage = () if one.is_trialing else tuple(_usage(deal, at))
    fixed = (line for bought in ahead.plans for line in _fixed(deal, bought, at))
    alive = discounts.alive_next_cycle(one.discounts, at, invoiced_now=False)
    return deal.reduced((*fixed, *usage), alive)


def _fixed(deal: Deal, bought: Bought, at: int) -> Iterator[LineItem]:
    """What a plan costs from then on; prices whose period lasts longer are not billed yet."""
    coming = {held.id for held in deal.scheduled()}
    lines = charging.next_cycle(bought, deal.sale, deal.period_after(at))
    present = charging.next_cycle(bought, deal.sale, deal.period_of)
    for line, now in zip(lines, present, strict=True):
        lasts = now.period is not None and now.period.end > at + DAY_MS
        if bought.customer_plan_id in coming or deal.is_trialing or not lasts:
            yield line


def _usage(deal: Deal, at: int) -> Iterator[LineItem]:
    state = deal.account.state(deal.session.now)
    waived = bool(deal.account.customer.config.get("disable_overage_billing"))
    for held in deal.on_subscription():
        bought = deal.bought(held)
        yield from arrears.lines(
            state,
            held,
            bought.plan,
            deal.sale,
            at,
            waived=waived,
            entity_name=bought.entity_name,
        )
