"""The subscriptions at Stripe that pay for what a customer holds."""

from collections.abc import Iterable

from orchard.domain.billing.subscription import Subscription
from orchard.domain.customer import CustomerPlan
from orchard.gateways import stripe_subscriptions
from orchard.store.session import Session


def subscriptions(session: Session, plans: Iterable[CustomerPlan]) -> tuple[Subscription, ...]:
    """Return the subscriptions that pay for plans of a customer, as they are at Stripe."""
    # One by one: a list of them can't show the products that coupons are for.
    found = (
        stripe_subscriptions.get(session.environment, name)
        for name in sorted(paid_by(session, plans))
    )
    return tuple(one for one in found if one is not None and not one.is_over)


def paid_by(session: Session, plans: Iterable[CustomerPlan]) -> set[str]:
    """Return the ids of the subscriptions that pay for plans which are held."""
    live = (plan for plan in plans if plan.is_held(session.now))
    return {one.stripe_subscription_id for one in live if one.stripe_subscription_id}
