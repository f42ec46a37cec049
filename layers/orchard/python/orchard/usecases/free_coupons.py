"""Which coupons and codes leave nothing to pay."""

from orchard.gateways import stripe_coupons
from orchard.store.session import Session
from orchard.usecases.billing.purchases.discounting import Asked

_ALL = 100


def takes_all(session: Session, asked: Asked) -> bool:
    """Whether a coupon, or any that is to be had by a code, takes off all of a price.

    What Stripe does not know takes off nothing. Errors: `StripeFailed`, `StripeRateLimited`.
    """
    if asked.promotion_code is not None:
        spelled = stripe_coupons.codes_spelled(session.environment, asked.promotion_code)
        coupons = [one.coupon for one in spelled]
    else:
        found = stripe_coupons.coupon(session.environment, asked.reward_id or "")
        coupons = [] if found is None else [found.coupon]
    return any((one.percent_off or 0) >= _ALL for one in coupons)
