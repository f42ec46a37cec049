"""What goes together in a request to attach a plan, and how it is going to be paid."""

from collections.abc import Sequence

from orchard.contracts.billing.attach import AttachRequest
from orchard.contracts.billing.customize import Customize
from orchard.contracts.billing.parts import InvoiceMode
from orchard.domain import interval, plan_rules
from orchard.domain.billing import stripe_prices
from orchard.domain.billing.transitions import Transition
from orchard.domain.catalog import Plan
from orchard.domain.customer import CustomerPlan
from orchard.errors import Invalid
from orchard.usecases.billing.deal import Deal
from orchard.usecases.billing.wishes import Wish

#: Days until an invoice that is sent is due, unless the request says otherwise.
NET_TERMS_DAYS = 30
_CURRENCY = "currency_mismatch"


def asks_for_trial(customize: Customize | None) -> bool:
    """Whether a trial, or none, is asked for this customer."""
    return customize is not None and "free_trial" in customize.model_fields_set


def trial_end(deal: Deal, plan: Plan, turn: Transition, is_asked: bool) -> int | None:  # noqa: FBT001 - one of what decides about it
    """Return when the trial ends that a plan begins with; None for none.

    A customer has a trial of a plan once; a trial that is asked for this customer is given.
    """
    trial = plan.free_trial
    if trial is None or turn.at_end:
        return None
    if not is_asked and had_trial(deal.account.plans, plan):
        return None
    return interval.after(deal.now, trial["duration_type"], int(trial["duration_length"]))


def had_trial(plans: tuple[CustomerPlan, ...], plan: Plan) -> bool:
    """Whether a customer had a trial of a plan already, or has one."""
    return any(one.plan_id == plan.id and one.trial_ends_at is not None for one in plans)


def needs_card(plans: Sequence[Plan], deal: Deal) -> bool:
    """Whether it matters if there is a card on file."""
    is_sold = any(not one.is_free for one in plans)
    return is_sold and deal.account.customer.stripe_id is not None


def goes_to_checkout(
    request: AttachRequest,
    plans: Sequence[Plan],
    deal: Deal,
    turns: Sequence[Transition],
    *,
    has_card: bool,
) -> bool:
    """Whether the customer is sent to Stripe's page to pay for plans that are bought together."""
    sold = [one for one in plans if not one.is_free]
    if not sold or request.is_invoiced or request.no_billing_changes:
        return False
    recurring = [one for one in sold if not plan_rules.is_one_off(one)]
    waits = _starts_later(request, deal) or any(one.at_end for one in turns)
    can = not (recurring and deal.subscription) and not waits
    if not can or request.redirect_mode == "never":
        return False
    if request.redirect_mode == "always":
        return True
    return not has_card and not (recurring == sold and _has_open_trial(recurring, deal))


def is_confirmed(request: AttachRequest, deal: Deal, *, by_checkout: bool, costs: bool) -> bool:
    """Whether the customer is sent to a page of ours, as Stripe's has no part in it.

    What `costs` something is charged to a card there. Nobody is sent there about invoices.
    """
    if request.redirect_mode != "always" or by_checkout:
        return False
    if request.is_invoiced or request.no_billing_changes or _starts_later(request, deal):
        return False
    return not costs or deal.has_card()


def _has_open_trial(plans: Sequence[Plan], deal: Deal) -> bool:
    """Whether nothing is to be paid until a trial ends that needs no card."""
    return any(
        one.free_trial is not None
        and not one.free_trial["card_required"]
        and not had_trial(deal.account.plans, one)
        for one in plans
    )


def changes_interval(deal: Deal, plan: Plan, turn: Transition) -> bool:
    """Whether the cycle has to begin anew: the plan is billed at another interval."""
    if deal.subscription is None or turn.current is None or turn.at_end or plan.is_free:
        return False
    had = deal.bought(turn.current).plan
    before, after = stripe_prices.largest_interval(had), stripe_prices.largest_interval(plan)
    return before is not None and after is not None and before != after


def check(wish: Wish, requests: Sequence[AttachRequest]) -> None:
    """Refuse what does not go together. Errors: `Invalid`."""
    request = requests[0]
    _check_currency(wish.deal, request)
    for bought, turn in zip(wish.bought, wish.transitions, strict=True):
        _check_dates(wish.deal, request, bought.plan, turn)
        _check_payment(wish, request, turn)
    if request.long_lived_checkout and request.enable_plan_immediately:
        raise Invalid(
            "enable_plan_immediately excludes long_lived_checkout, which may never be paid"
        )
    if any(one.at_end for one in wish.transitions) and (wish.carry.balances or wish.carry.usages):
        raise Invalid("Only a switch that happens at once can carry over balances or usage")


def check_redirect(wish: Wish, request: AttachRequest) -> None:
    """Refuse a page for plans bought together that join a subscription. Errors: `Invalid`."""
    joins = wish.deal.subscription is not None and not request.new_billing_subscription
    if request.redirect_mode == "always" and joins:
        raise Invalid(
            'redirect_mode "always" needs new_billing_subscription: the customer has a '
            "subscription, which is changed without a page",
            "invalid_redirect_mode",
        )


def _check_payment(wish: Wish, request: AttachRequest, turn: Transition) -> None:
    deal = wish.deal
    upfront = (stripe_prices.upfront_intervals(one.plan) for one in wish.bought)
    if wish.by_checkout and len(set().union(*upfront)) > 1:
        raise Invalid("Checkout can't sell prices of several recurring intervals at once")
    if request.is_invoiced and turn.at_end and not _enables_at_once(request):
        raise Invalid("An invoice can't be waited for when the plan begins with the next cycle")
    if request.new_billing_subscription is False and deal.subscription is None:
        raise Invalid("new_billing_subscription false needs a paid recurring subscription")
    keeps_cycle = deal.subscription is not None and not (turn.at_end or wish.begins_anew)
    if request.custom_line_items is not None and not keeps_cycle:
        raise Invalid("custom_line_items need a subscription that changes at once, in its cycle")
    begins = deal.subscription is None and not (wish.by_checkout or turn.at_end)
    if request.ends_at is not None and not begins:
        raise Invalid("ends_at needs a new subscription without a page: cancel the plan instead")
    if request.proration_behavior == "none" and _is_first_payment(deal, request, turn):
        raise Invalid("proration_behavior none can't waive the first payment or end a trial")


def days_until_due(mode: InvoiceMode | None) -> int | None:
    """Return within how many days an invoice is to be paid; None: the card is charged."""
    if mode is None or not mode.enabled:
        return None
    return mode.net_terms_days if mode.net_terms_days is not None else NET_TERMS_DAYS


def _enables_at_once(request: AttachRequest) -> bool:
    return request.invoice_mode is not None and request.invoice_mode.enable_plan_immediately


def _is_first_payment(deal: Deal, request: AttachRequest, turn: Transition) -> bool:
    if deal.subscription is None:
        return not request.no_billing_changes and turn.current is not None
    return deal.is_trialing and turn.current is not None


def _check_currency(deal: Deal, request: AttachRequest) -> None:
    if request.currency is not None and request.currency.lower() != deal.currency:
        raise Invalid(f"This customer is billed in {deal.currency}", _CURRENCY)
    subscription = deal.subscription
    if subscription is not None and subscription.currency != deal.currency:
        raise Invalid(f"The subscription is billed in {subscription.currency}", _CURRENCY)


def _check_dates(deal: Deal, request: AttachRequest, plan: Plan, turn: Transition) -> None:
    anchor = request.billing_cycle_anchor
    if isinstance(anchor, int):
        raise Invalid('billing_cycle_anchor must be "now"')
    if anchor == "now" and (plan.free_trial or plan_rules.is_one_off(plan) or turn.at_end):
        raise Invalid("billing_cycle_anchor needs a recurring plan without a trial, at once")
    if (
        request.starts_at is not None
        and abs(request.starts_at - deal.session.now) > interval.DAY_MS
    ):
        raise Invalid("starts_at is not supported: attach the plan when it is to begin")
    if request.ends_at is not None and (request.ends_at <= deal.session.now or plan.is_free):
        raise Invalid("ends_at must be in the future, and the plan have a price")


def _starts_later(request: AttachRequest, deal: Deal) -> bool:
    return request.starts_at is not None and request.starts_at > deal.session.now
