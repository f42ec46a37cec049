"""Lines that an order bills: by an invoice of their own, or with a subscription's next one."""

from collections.abc import Iterable, Iterator, Mapping

from orchard.domain.billing import coupons, discounts
from orchard.domain.billing.lines import LineItem
from orchard.domain.billing.order import Bill
from orchard.domain.billing.subscription import Subscription
from orchard.errors import StripeFailed
from orchard.gateways import stripe_billing, stripe_subscriptions
from orchard.usecases.billing.orders import settings, using_up
from orchard.usecases.billing.orders.work import Taken, Work


def bill(work: Work, step: Bill) -> Taken:
    """Bill lines; Stripe refuses those for an invoice that will not come, as all else."""
    if step.later:
        return _later(work, step)
    if work.made is not None:
        found = stripe_billing.get(work.environment, work.made)
        return Taken(found.id, invoice=found, is_paid=found.is_paid or not step.holds)
    return _at_once(work, step)


def wait(work: Work, target: Mapping[str, str], lines: Iterable[LineItem]) -> str:
    """Add lines to the next invoice of a subscription; return their ids, with commas between.

    Each is noted as it is added: what goes no further is taken back.
    """
    made: list[str] = []
    for item_id in _added(work, target, lines):
        made.append(item_id)
        work.note(",".join(made))
    return ",".join(made)


def _at_once(work: Work, step: Bill) -> Taken:
    order = work.order
    settings.ensure(work.environment, step.products, ())
    drafted = stripe_billing.draft(work.environment, settings.invoice(order, step), work.key)
    work.note(drafted)
    list(_added(work, {"customer": str(order.stripe_id), "invoice": drafted}, step.lines))
    using_up.on_draft(work, drafted)
    if not step.finalize:
        return Taken(drafted, invoice=stripe_billing.get(work.environment, drafted), is_paid=False)
    found = stripe_billing.finalize(work.environment, drafted, f"{work.key}:finalize")
    if step.days_until_due is None:
        found = stripe_billing.pay(work.environment, drafted, f"{work.key}:pay")
    return Taken(drafted, invoice=found, is_paid=found.is_paid or not step.holds)


def _later(work: Work, step: Bill) -> Taken:
    """Add lines to the next invoice; what is owed in any case is billed alone if none comes."""
    if work.made is not None:
        return Taken(work.made)
    settings.ensure(work.environment, step.products, ())
    subscription_id = str(step.subscription_id)
    target = {"customer": str(work.order.stripe_id), "subscription": subscription_id}
    try:
        return Taken(wait(work, target, step.lines))
    except StripeFailed:
        found = stripe_subscriptions.get(work.environment, subscription_id)
        if step.holds or found is None or not found.is_over:
            raise
        stripe_billing.drop(work.environment, filter(None, work.noted.split(",")))
        return _at_once(work._replace(key=f"{work.key}:alone"), _alone(work, step, found))


def _alone(work: Work, step: Bill, ended: Subscription) -> Bill:
    """How lines are billed without the subscription: its discounts count as they would have."""
    lines = discounts.reduced(step.lines, coupons.lasting(ended.discounts), work.order.currency)
    return step._replace(lines=lines, subscription_id=None, later=False)


def _added(work: Work, target: Mapping[str, str], lines: Iterable[LineItem]) -> Iterator[str]:
    return stripe_billing.add(work.environment, target, lines, work.order.currency, work.key)
