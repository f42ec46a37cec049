"""What a request to update a plan asks for: its new form, its units, trial and dates."""

from typing import NamedTuple

from orchard.contracts.billing.update import UpdateRequest
from orchard.domain import carrying, interval, plan_rules
from orchard.domain.billing import customizing, stripe_prices
from orchard.domain.billing.coupons import Discount
from orchard.domain.billing.lines import Bought
from orchard.domain.billing.order import Amendment
from orchard.domain.carrying import NO_CARRY, Carry
from orchard.domain.catalog import Plan
from orchard.domain.customer import SCHEDULED, CustomerPlan
from orchard.errors import Invalid
from orchard.usecases.billing.deal import Deal
from orchard.usecases.billing.purchases import choosing, discounting, rules
from orchard.usecases.billing.purchases.discounting import Asked
from orchard.usecases.billing.reconciling import following
from orchard.usecases.billing.updates.alterations import Alteration
from orchard.usecases.billing.updates.portions import Portions, portions


class Target(NamedTuple):
    """The plan that a request is about, with what it is and what it is to become."""

    deal: Deal
    held: CustomerPlan
    before: Plan
    after: Plan
    request: UpdateRequest

    @property
    def pays(self) -> bool:
        """Whether what changes is billed."""
        return self.deal.subscription is not None and not self.request.no_billing_changes

    @property
    def restart(self) -> bool:
        """Whether a cycle is to begin now: asked for, or since prices have another interval."""
        if self.request.billing_cycle_anchor == "now":
            return True
        was, now = map(stripe_prices.largest_interval, (self.before, self.after))
        return self.pays and None not in (was, now) and was != now


def form_of(deal: Deal, held: CustomerPlan, request: UpdateRequest) -> Plan:
    """Return the form that a plan is to have. Errors: `Invalid` if that is the one that it has."""
    present = deal.bought(held).plan
    after = present
    if request.version is not None:
        after = deal.known.plan(held.plan_id, request.version)
    if request.customize is not None:
        changes = request.customize.changes()
        after = customizing.customized(after, changes, deal.known, must_differ=False)
    is_new_version = after.version != held.plan_version
    is_asked = request.version is not None or request.customize is not None
    if is_asked and not is_new_version and not customizing.differs(present, after):
        raise Invalid(f"These changes leave plan {held.plan_id} as it is")
    return after


def alteration(one: Target) -> Alteration:
    """Return what becomes of a plan that goes on. Errors: `Invalid` for what can't be done."""
    deal, held, request = one.deal, one.held, one.request
    trial_end = _trial_end(one)
    _check(one, trial_end)
    may_wait = one.pays and not one.restart and trial_end != 0
    found = portions(held, one.after, request.asked, may_wait=may_wait)
    mode = request.invoice_mode
    return Alteration(
        deal=deal,
        held=held,
        before=deal.bought(held),
        after=one.after,
        portions=found,
        amendment=_amendment(one, found, trial_end),
        discounts=_discounts(one, found),
        carry=_carry(one),
        restored=_restored(one),
        dropped=_dropped(one),
        prorate=request.proration_behavior != "none",
        restart=one.restart and not (trial_end or 0) > 0,
        trial_end=trial_end,
        days_until_due=rules.days_until_due(mode),
        finalize=mode.finalize if mode else True,
    )


def _amendment(one: Target, found: Portions, trial_end: int | None) -> Amendment | None:
    held, request = one.held, one.request
    levels = request.recalculate_balances is not None and request.recalculate_balances.enabled
    is_same = one.after is one.before and (found.now, found.upcoming) == (
        held.quantities,
        held.upcoming_quantities,
    )
    if is_same and not levels and not one.restart:
        return None
    loses = held.stripe_subscription_id is not None and one.after.is_free
    gains = one.before.is_free and not one.after.is_free and not request.no_billing_changes
    return Amendment(
        customer_plan_id=held.id,
        plan_version=one.after.version,
        custom=customizing.snapshot(one.after, one.deal.known),
        quantities=found.now,
        upcoming_quantities=found.upcoming,
        trial_ends_at=trial_end or None,
        retried=trial_end is not None,
        restarted=one.restart or trial_end == 0,
        levelled=levels,
        is_billed=True if gains else False if loses and one.pays else None,
        before=held.quantities,
    )


def _trial_end(one: Target) -> int | None:
    """When the trial ends that is asked for; 0: the present one ends now; None: nothing is."""
    custom = one.request.customize
    if custom is None or "free_trial" not in custom.model_fields_set:
        return None
    trial, ends_at = one.after.free_trial, one.held.trial_ends_at
    if trial is None:
        return 0 if ends_at is not None and ends_at > one.deal.now else None
    return interval.after(one.deal.now, trial["duration_type"], int(trial["duration_length"]))


def _discounts(one: Target, found: Portions) -> tuple[Discount, ...]:
    deal, request = one.deal, one.request
    if not request.discounts and not _costs(one):
        return ()
    if deal.subscription is None and one.after.is_free:
        raise Invalid("discounts need a plan that is paid for through a subscription")
    bought = Bought(one.after, one.held.id, found.coming)
    return discounting.resolve(
        deal.session,
        deal.account.customer,
        deal.subscription.discounts if deal.subscription else (),
        [Asked(it.reward_id, it.promotion_code) for it in request.discounts],
        stripe_prices.product_ids(deal.session.tenant, one.after),
        choosing.sum_of(choosing.charged_from(deal, deal.now, [bought])),
        deal.currency,
    )


def _costs(one: Target) -> bool:
    return not one.request.no_billing_changes and not (one.before.is_free and one.after.is_free)


def _carry(one: Target) -> Carry:
    asked = one.request.carry_over_usages
    if asked is None or not asked.enabled:
        return NO_CARRY
    names = None if asked.feature_ids is None else tuple(asked.feature_ids)
    carry = Carry(usages=True, usage_features=names)
    carrying.check(carry, one.deal.known)
    return carry


def _restored(one: Target) -> tuple[str, ...]:
    is_taken_back = one.request.cancel_action == "uncancel" and one.held.canceled_at is not None
    return (one.held.id,) if is_taken_back else ()


def _dropped(one: Target) -> tuple[str, ...]:
    if not _restored(one) or one.held.add_on or one.held.one_off:
        return ()
    return tuple(held.id for held in following.successors(one.deal, one.held))


def _check(one: Target, trial_end: int | None) -> None:
    held, request = one.held, one.request
    begins = request.billing_cycle_anchor == "now" or trial_end is not None
    if held.status == SCHEDULED and begins:
        raise Invalid("A plan that has not begun has no cycle or trial that could begin anew")
    if request.billing_cycle_anchor == "now" and (not one.pays or trial_end is not None):
        raise Invalid("billing_cycle_anchor needs a subscription that is billed, without a trial")
    if (one.restart or trial_end == 0) and one.pays and request.proration_behavior == "none":
        raise Invalid("proration_behavior none can't waive the payment of a cycle that begins now")
    if (one.restart or trial_end == 0) and one.pays and request.is_invoiced:
        raise Invalid("A cycle that begins now is charged: it can't have an invoice that is sent")
    if plan_rules.is_one_off(one.after) != plan_rules.is_one_off(one.before) and _costs(one):
        raise Invalid("A plan that recurs and one that is bought once can't become each other")
