"""The next invoice of each subscription of a customer.

It has what recurs, usage so far, and what waits for it at Stripe.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from orchard.contracts.billing import responses
from orchard.contracts.customer import Profile
from orchard.domain.billing import arrears, discounts
from orchard.domain.billing.lines import LineItem
from orchard.domain.billing.subscription import Subscription
from orchard.gateways import stripe_waiting
from orchard.gateways.stripe_waiting import Waiting
from orchard.store import catalog, customers
from orchard.store.customers import Account
from orchard.store.session import Session
from orchard.usecases import standing
from orchard.usecases.billing.deal import Deal
from orchard.usecases.billing.renewals import renewal_lines
from orchard.usecases.billing.updates import planning
from orchard.usecases.billing.updates.planning import Turn


def invoices(
    session: Session,
    profile: Profile,
    account: Account | None = None,
    changed: Callable[[Subscription], Subscription] = lambda one: one,
) -> list[dict[str, Any]]:
    """Return what is billed next if nothing changes until then; nothing is written for that.

    The account is read unless it is given; subscriptions are taken as they are after `changed`.
    One that ends without anything left to bill has no such invoice. Errors: those of Stripe.
    """
    account = account or customers.require(session, profile.customer.internal_id)
    found = map(changed, standing.subscriptions(session, profile.plans))
    dated = sorted((at, one.id, one) for one in found if (at := _at(one)) is not None)
    if not dated or account.customer.stripe_id is None:
        return []
    known = catalog.cached(session)
    left = stripe_waiting.of_customer(session.environment, account.customer.stripe_id)
    shown = []
    for at, _name, one in dated:
        deal = Deal(session, account, known, one)
        # What waits for no subscription in particular is on the invoice that comes first.
        own = [it for it in left if _is_for(it, one)]
        lines = _lines(deal, one, at, own)
        if lines:
            left = tuple(it for it in left if it not in own)
            shown.append(responses.upcoming(at, one.currency, lines))
    return shown


def _is_for(waiting: Waiting, one: Subscription) -> bool:
    return waiting.subscription_id in (None, one.id) and waiting.currency == one.currency


def _at(one: Subscription) -> int | None:
    """When the next invoice is made."""
    if one.is_trialing and one.trial_end is not None:
        return one.trial_end
    ends = [item.period.end for item in one.items]
    return min(ends, default=None)


def _lines(
    deal: Deal, one: Subscription, at: int, waiting: Sequence[Waiting]
) -> tuple[LineItem, ...]:
    ahead = planning.future(deal, Turn())
    usage = () if one.is_trialing else tuple(_usage(deal, at))
    fixed = renewal_lines.due(deal, at, ahead.plans)
    waits = [(_named(deal, it.line), it.discountable) for it in waiting]
    less = (line for line, is_discountable in waits if is_discountable)
    whole = (line for line, is_discountable in waits if not is_discountable)
    alive = discounts.alive_next_cycle(one.discounts, at, invoiced_now=False)
    return (*deal.reduced((*fixed, *usage, *less), alive), *whole)


def _named(deal: Deal, line: LineItem) -> LineItem:
    """A line that waits at Stripe, with the name of what it is for, if that is ours."""
    feature = deal.known.features.get(line.feature_id or "")
    held = (one for one in deal.account.plans if one.id == line.customer_plan_id)
    plans = (deal.bought(one).plan.name for one in held)
    name = feature.name if feature is not None else next(plans, None)
    return line._replace(display_name=name or line.description)


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
