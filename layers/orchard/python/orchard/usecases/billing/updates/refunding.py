"""Paying back the last payment for a plan that ends."""

from decimal import Decimal

from orchard.contracts.billing.update import Refunded
from orchard.domain.customer import CustomerPlan
from orchard.domain.quantity import ZERO, total
from orchard.errors import Invalid
from orchard.gateways import stripe_refunds
from orchard.store import invoices
from orchard.usecases.billing.deal import Deal

_PAID = "paid"
#: So many invoices are looked through.
_LOOKED_AT = 100


def last_payment(deal: Deal, held: CustomerPlan, unused: Decimal | None) -> Refunded:
    """Return what is paid back of the newest payment for a plan: what is `unused`, or (None) all.

    Never more than was paid by card, as opposed to credit, and not paid back before. Errors:
    `Invalid` when nothing was paid so.
    """
    session, customer = deal.session, deal.account.customer
    known = invoices.newest(session, customer.internal_id, _LOOKED_AT)
    paid = (
        one
        for one in known
        if one.status == _PAID and held.plan_id in one.plan_ids and (one.amount_paid or ZERO) > 0
    )
    last = next(paid, None)
    if last is None:
        raise Invalid(f"No payment for plan {held.plan_id} could be refunded")
    payments = stripe_refunds.payments(session.environment, last.stripe_id)
    # Stripe pays back one payment at a time, and an invoice has one as a rule.
    best = max(payments, key=lambda one: one.left, default=None)
    if best is None or not best.paid:
        raise Invalid(f"The last payment for plan {held.plan_id} did not go through Stripe")
    amount = best.left if unused is None else min(best.left, unused)
    before = total(one.refunded for one in payments)
    return Refunded(amount, last.stripe_id, last.total, before, last.currency)
