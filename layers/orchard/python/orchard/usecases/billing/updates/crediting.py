"""What is given back for time that is paid for and left: never more than was paid for it."""

from collections.abc import Iterable, Iterator

from orchard.domain.billing import charging, paid
from orchard.domain.billing.coupons import Discount
from orchard.domain.billing.lines import REFUND, LineItem
from orchard.domain.billing.paid import Billed, Line
from orchard.domain.billing.stripe_prices import product_id
from orchard.domain.interval import DAY_MS
from orchard.domain.invoice import Invoice
from orchard.gateways import stripe_paid
from orchard.store import invoices
from orchard.usecases.billing.deal import Deal


def settled(
    deal: Deal, lines: Iterable[LineItem], some: tuple[Discount, ...]
) -> tuple[LineItem, ...]:
    """Return lines after discounts, the credits among them no more than what was paid.

    Stripe is asked for that, once as a rule: what waits for the next invoice may count as well.
    """
    found = deal.reduced(tuple(lines), some)
    credits_ = [line for line in found if line.kind == REFUND and line.total < 0]
    if not credits_:
        return found
    owners = {one.id: one.stripe_subscription_id for one in deal.account.plans}
    subscriptions = {owners.get(line.customer_plan_id) for line in credits_} - {None}
    since = min(line.paid_since or deal.now for line in credits_) - DAY_MS
    known = [line for one in subscriptions for line in _paid(deal, str(one), since)]
    capped = _capped(deal, found, known)
    if capped == found or deal.account.customer.stripe_id is None:
        return found
    waits = stripe_paid.waiting(deal.session.environment, deal.account.customer.stripe_id)
    return _capped(deal, found, [*known, *waits])


def _capped(deal: Deal, found: tuple[LineItem, ...], known: Iterable[Line]) -> tuple[LineItem, ...]:
    rooms = paid.rooms(_by_product(deal, known), deal.now)
    return paid.capped(found, _held(deal), rooms, deal.currency)


def _paid(deal: Deal, subscription_id: str, since: int) -> Iterator[Line]:
    session = deal.session
    found = stripe_paid.invoices(session.environment, subscription_id, since)
    held = {one.id for one in deal.account.plans if one.is_live(session.now)}
    counted = [one for one in found if one.counts(held)]
    refunded = invoices.find(session, (one.id for one in counted if one.total > 0))
    for one in counted:
        yield from _less_refunds(one, refunded).lines


def _less_refunds(one: Billed, known: dict[str, Invoice]) -> Billed:
    return one.without(known[one.id].refunded_amount) if one.id in known else one


def _by_product(deal: Deal, known: Iterable[Line]) -> Iterator[tuple[str, Line]]:
    for line in known:
        if line.product is not None:
            yield line.product, line
        elif line.plan_id is not None:
            yield product_id(deal.session.tenant, line.plan_id, line.feature_id), line


def _held(deal: Deal) -> Iterator[LineItem]:
    """What all plans that the customer pays for would be credited now."""
    for one in deal.account.plans:
        if one.stripe_subscription_id is not None and one.is_live(deal.session.now):
            yield from charging.refunds(deal.bought(one), deal.sale, deal.now, deal.period_of)
