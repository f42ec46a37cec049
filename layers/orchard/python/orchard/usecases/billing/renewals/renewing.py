"""Renewals: usage of the period that ends goes on the draft of the next one's invoice.

With it come the prepaid units and the dates of the new cycle. What could not be added to the
draft, because it was final already, waits for the next invoice.
"""

from orchard.domain.billing import arrears, restocking
from orchard.domain.billing.restocking import Cycle
from orchard.domain.billing.subscription import Subscription, first_resets
from orchard.domain.customer import ACTIVE, CustomerPlan
from orchard.domain.interval import DAY_MS
from orchard.errors import CustomerNotFound
from orchard.gateways import stripe_billing, stripe_renewals, stripe_subscriptions
from orchard.gateways.stripe_events import Event
from orchard.store import customer_plans, customers, stripe_links
from orchard.store.customers import Account
from orchard.store.optimistic import optimistic
from orchard.store.session import Session
from orchard.store.statements import Write
from orchard.store.table import Table
from orchard.usecases.billing.orders import overtaking
from orchard.usecases.billing.renewals import usage_billing
from orchard.usecases.billing.renewals.usage_billing import MOST_WRITES, Scene, Shown, Work

#: The mark of a renewal outlives every repetition of its report.
_MARK_MS = 90 * DAY_MS
_SPACE = "renewal"


def invoice_created(table: Table, event: Event, now: int) -> str:
    """Bill usage on the draft of a renewal that is reported; return what came of it, for the log.

    Errors: `Locked` while the customer's billing is changed; `Unavailable` and what Stripe refuses:
    then it should be reported again.
    """
    if event.object.get("billing_reason") != stripe_renewals.CYCLE:
        return "no renewal"
    link = stripe_links.find(table, event.environment, str(event.object.get("customer")))
    if link is None:
        return "unknown customer"
    session = Session(table, link.tenant, event.environment, now, "stripe", event.id)
    return renew(session, link.internal_id, str(event.object["id"]))


def renew(session: Session, internal_id: str, invoice_id: str) -> str:
    """Do what the invoice of a renewal asks for, unless that is done; return what came of it.

    Errors: as in `invoice_created`.
    """
    session = session.unmarked()
    if session.claimed(_SPACE, invoice_id) is not None:
        return "renewed before"
    overtaking.overtaken(session, internal_id, invoice_id)
    with usage_billing.turn(session, internal_id):
        found = stripe_renewals.get(session.environment, invoice_id)
        if found is None or found.reason != stripe_renewals.CYCLE or not found.subscription_id:
            return "no renewal"
        subscription = stripe_subscriptions.get(session.environment, found.subscription_id)
        work = Work(session, internal_id, found.subscription_id, found, subscription)
        try:
            return _renewed(work)
        except CustomerNotFound:
            return "unknown customer"


def catch_up(session: Session, account: Account, subscription: Subscription) -> bool:
    """Bill the usage of periods that Stripe says are over, before plans may end here.

    Its reports come in any order: what a plan leaves to bill goes with it. True says that the
    account is to be read anew. Errors: as in `invoice_created`.
    """
    owner, latest = account.customer.internal_id, subscription.latest_invoice_id
    if subscription.is_over:
        return final_usage(session, owner, subscription) is not None
    begun = max((one.period.start for one in subscription.items), default=0)
    since = [
        one.current_period_start
        for one in account.plans
        if one.stripe_subscription_id == subscription.id and one.status == ACTIVE
    ]
    if latest is None or all(start is None or start >= begun for start in since):
        return False
    return renew(session, owner, latest).startswith("renewed with")


def final_usage(session: Session, internal_id: str, subscription: Subscription) -> str | None:
    """Bill what is left to bill of a subscription that ended with its period; return the invoice.

    None when nothing is: also where it ended at once, or with its trial. To be called before its
    plans end here. Errors: `Locked`; `Unavailable` and what Stripe refuses: then once more.
    """
    session, period = session.unmarked(), subscription.period
    if period is None or not ended_naturally(subscription):
        return None
    with usage_billing.turn(session, internal_id):
        here = usage_billing.scene(session, internal_id, subscription.id)
        if not _is_owed(here, period.end):
            return None
        coupons = [one.coupon.id for one in subscription.discounts if one.coupon.is_valid]
        params = {
            "currency": subscription.currency,
            **({"discounts": [{"coupon": one} for one in coupons]} if coupons else {}),
        }
        name = f"{subscription.id}:{period.end}"
        made = stripe_renewals.final(session.environment, subscription.customer, name, params)
        invoice = made._replace(ended_at=period.end)
        work = Work(session, internal_id, subscription.id, invoice, subscription)
        usage_billing.settle_others(work, here)
        shown = usage_billing.bill(work) if invoice.is_draft else invoice.shown
        if invoice.is_draft:
            stripe_renewals.finalize(session.environment, invoice)
        # A card that is declined now is tried again by Stripe.
        stripe_billing.pay(session.environment, invoice.id, f"orchard:{invoice.id}:pay")
        usage_billing.let_go(work, invoice.id, shown)
        return invoice.id


def ended_naturally(subscription: Subscription) -> bool:
    """Whether a subscription ended when its period did, and was paid for by then."""
    period, ended_at = subscription.period, subscription.ended_at
    if period is None or ended_at is None or ended_at < period.end - DAY_MS // 24:
        return False
    trial = subscription.trial_end
    return trial is None or trial <= period.end - DAY_MS // 24


def _is_owed(here: Scene, until: int) -> bool:
    """Whether a plan has usage to bill, or had hands laid on it already."""
    if arrears.claims(here.state):
        return True
    if here.is_waived:
        return False
    ending = arrears.Ending(until, renews=False)
    after = here.state
    for held in here.plans:
        after = arrears.claimed(after, held, ending, "any")
    return bool(arrears.claims(after))


def _renewed(work: Work) -> str:
    here = usage_billing.seen(work)
    if not here.plans:
        return "no plan"
    usage_billing.settle_others(work, here)
    if not work.invoice.is_draft:
        _finish(work, work.invoice.shown)
        return f"too late: usage waits for the next invoice ({work.invoice.status})"
    shown = usage_billing.bill(work)
    _finish(work, shown)
    return f"renewed with {len(shown)} lines of usage"


def _finish(work: Work, shown: Shown) -> None:
    """Take what is shown off the record, and begin the new cycle: in one transaction, if it fits.

    The mark comes last: until then all of it may be done again.
    """
    ending = work.ending._replace(shown=shown.keys())

    def step() -> bool:
        here = usage_billing.seen(work)
        state, plans = here.state, []
        for held in here.plans:
            state = arrears.closed(state, held, ending)
            state = arrears.cleared(state, held, work.invoice.id, shown)
            now_is, cycle = held, _cycle(work)
            if cycle is not None:
                now_is = _dated(restocking.renewed_plan(state, held, cycle), work.subscription)
                state = restocking.restocked(state, now_is, cycle)
            plans += [now_is] if now_is != held else []
        writes = usage_billing.writes(work, here, state)
        if len(writes) > MOST_WRITES:
            work.session.commit(*writes[:MOST_WRITES])
            return False
        _commit_last(work, here, plans, writes)
        return True

    while not optimistic(step):
        continue


def _commit_last(work: Work, here: Scene, plans: list[CustomerPlan], writes: list[Write]) -> None:
    session, one = work.session.unmarked(), here.account.customer
    session.claim(_SPACE, work.invoice.id, _MARK_MS)
    puts = (customer_plans.put(session, one, plan) for plan in plans)
    session.commit(customers.touch(session, one), *puts, *writes)


def _cycle(work: Work) -> Cycle | None:
    """The cycle that begins, None if the subscription is over."""
    found = work.subscription
    if found is None or found.is_over:
        return None
    return Cycle(work.invoice.ended_at, first_resets(found), found.anchor)


def _dated(held: CustomerPlan, subscription: Subscription | None) -> CustomerPlan:
    period = subscription.period if subscription else None
    if period is None:
        return held
    return held._replace(current_period_start=period.start, current_period_end=period.end)
