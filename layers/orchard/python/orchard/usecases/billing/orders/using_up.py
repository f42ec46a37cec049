"""Discounts that an invoice uses up whose lines have them already.

Stripe is to count them: else a code for one use could be used again.
"""

from orchard.domain.billing.coupons import ONCE, Discount
from orchard.domain.billing.order import Arrange, Order, Subscribe
from orchard.gateways import stripe_coupons
from orchard.usecases.billing.orders.work import Work
from orchard.usecases.billing.purchases.discounting import as_parameters


def on_draft(work: Work, invoice_id: str) -> None:
    """Have the first invoice of an order count what it uses up.

    Errors: `StripeFailed` for what others used up meanwhile.
    """
    if any(one.do == "bill" and not one.later for one in work.order.steps[: work.number]):
        return
    spent = as_parameters(spent_by(work.order))
    if spent:
        stripe_coupons.use_up(work.environment, invoice_id, spent, f"{work.key}:discounts")


def spent_by(order: Order) -> tuple[Discount, ...]:
    """Return the codes, and what is good for one invoice, that no subscription is given.

    What a subscription is given counts there. A coupon that lasts is not used up by what is bought
    once.
    """
    given_on = {
        one.coupon.id
        for step in order.steps
        if isinstance(step, Arrange | Subscribe)
        for one in step.discounts or ()
    }
    return tuple(
        one
        for one in order.discounts
        if one.id is None
        and one.coupon.id not in given_on
        and (one.promotion_code_id is not None or one.coupon.duration == ONCE)
    )
