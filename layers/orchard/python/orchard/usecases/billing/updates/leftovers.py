"""What waits for the next invoice of a subscription that ends: it is billed with the rest."""

from collections.abc import Sequence

from orchard.domain.billing.coupons import Discount
from orchard.domain.billing.lines import LineItem
from orchard.gateways import stripe_waiting
from orchard.gateways.stripe_waiting import Waiting
from orchard.usecases.billing.deal import Deal

type Leftovers = Sequence[Waiting]


def of(deal: Deal) -> Leftovers:
    """Return the lines of ours that wait for the next invoice of the deal's subscription."""
    stripe_id, paid = deal.account.customer.stripe_id, deal.subscription
    if stripe_id is None or paid is None:
        return ()
    found = stripe_waiting.of_customer(deal.session.environment, stripe_id)
    return [one for one in found if one.subscription_id == paid.id and one.line.customer_plan_id]


def ids(some: Leftovers) -> tuple[str, ...]:
    """Return what the lines are called at Stripe."""
    return tuple(one.id for one in some)


def lines(deal: Deal, some: Leftovers, discounts: tuple[Discount, ...]) -> tuple[LineItem, ...]:
    """Return the lines as an invoice of now shows them; what was credited is discounted already."""
    less = tuple(one.line for one in some if one.discountable and one.line.amount > 0)
    whole = (one.line for one in some if not (one.discountable and one.line.amount > 0))
    return (*deal.reduced(less, discounts), *whole)
