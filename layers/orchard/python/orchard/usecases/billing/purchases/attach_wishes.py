"""What a request to attach a plan asks for, checked against what the customer has."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from orchard.contracts.billing.attach import AttachRequest
from orchard.contracts.billing.parts import CarryOver
from orchard.domain import carrying, ids, plan_rules
from orchard.domain.billing import customizing, quantities, stripe_prices
from orchard.domain.billing.lines import Bought, LineItem, Period
from orchard.domain.billing.order import Gain
from orchard.domain.billing.transitions import Transition
from orchard.domain.carrying import Carry
from orchard.domain.catalog import Catalog, Plan
from orchard.errors import Invalid
from orchard.store.customers import Account
from orchard.store.session import Session
from orchard.usecases.billing import deal
from orchard.usecases.billing.deal import Deal
from orchard.usecases.billing.purchases import admission, choosing, discounting, rules, trials
from orchard.usecases.billing.purchases.discounting import Asked
from orchard.usecases.billing.wishes import Wish


def plan_of(known: Catalog, request: AttachRequest) -> Plan:
    """Return the plan that is asked for, with the customer's own parts. Errors: `PlanNotFound`."""
    plan = known.plan(request.plan_id, request.version)
    if request.customize is None:
        return plan
    return customizing.customized(plan, request.customize.changes(), known, must_differ=False)


def wish_of(
    session: Session,
    account: Account,
    known: Catalog,
    requests: Sequence[AttachRequest],
    *,
    has_own_trial: bool = False,
) -> Wish:
    """Return what is asked for: a plan by each request, all else by the first one.

    `has_own_trial`: a trial in them is meant for this customer. Errors: 404, 409, 400.
    """
    plans = [plan_of(known, one) for one in requests]
    turns = admission.turns(Deal(session, account, known), plans, requests)
    here = _deal(session, account, known, requests[0], turns)
    turns = turns if here.subscription is not None else _at_once(turns)
    ends = _trial_ends(here, plans, turns, [has_own_trial or _asks(one) for one in requests])
    here, trial_end = trials.apart(here, plans, turns, trials.common_end(plans, ends))
    gains = _gains(here, plans, requests, ends, trial_end)
    bought = tuple(_bought(here, *one) for one in zip(plans, gains, strict=True))
    wish = Wish(
        deal=here,
        bought=bought,
        gains=gains,
        transitions=turns,
        trial_end=trial_end,
        **_terms(here, known, requests, bought, turns),
    )
    rules.check(wish, requests)
    return _discounted(wish, requests[0])


def _at_once(turns: tuple[Transition, ...]) -> tuple[Transition, ...]:
    """Nothing is left to be waited for of a subscription that is over, though nobody told yet."""
    return tuple(one._replace(at_end=False) for one in turns)


def _asks(request: AttachRequest) -> bool:
    return rules.asks_for_trial(request.customize)


def _trial_ends(
    here: Deal, plans: Sequence[Plan], turns: Sequence[Transition], own: Sequence[bool]
) -> list[int | None]:
    """When the trial of each plan ends; `own` ones are given again."""
    return [rules.trial_end(here, *one) for one in zip(plans, turns, own, strict=True)]


def _bought(here: Deal, plan: Plan, gain: Gain) -> Bought:
    named = here.entity_name(gain.entity_id)
    return Bought(plan, gain.customer_plan_id, gain.quantities, named)


def _deal(
    session: Session,
    account: Account,
    known: Catalog,
    request: AttachRequest,
    turns: Sequence[Transition],
) -> Deal:
    """What is known, with the subscription that pays. Errors: `Invalid` if there were several."""
    replaced = [one.current for one in turns if one.current is not None]
    paid = [one for one in replaced if one.stripe_subscription_id is not None]
    if len({one.stripe_subscription_id for one in paid}) > 1:
        raise Invalid("The plans to be replaced are on several subscriptions: replace one by one")
    if request.new_billing_subscription and not replaced:
        return deal.opened(session, account, known, None)
    current = next(iter(paid), None)
    found = deal.subscription_of(account.plans, current, session.now)
    return deal.opened(session, account, known, found)


def _terms(
    here: Deal,
    known: Catalog,
    requests: Sequence[AttachRequest],
    bought: Sequence[Bought],
    turns: Sequence[Transition],
) -> dict[str, Any]:
    """How it is to be paid, as a request says it of all of its plans."""
    request, plans = requests[0], [one.plan for one in bought]
    has_card = rules.needs_card(plans, here) and here.has_card()
    longer = (rules.changes_interval(here, *one) for one in zip(plans, turns, strict=True))
    goes = rules.goes_to_checkout(request, plans, here, turns, has_card=has_card)
    costs = any(not one.is_free for one in plans)
    return {
        "adjustable": _adjustable(here.session.tenant, requests),
        "has_card": has_card,
        "by_checkout": goes,
        "is_confirmed": rules.is_confirmed(request, here, by_checkout=goes, costs=costs),
        "days_until_due": rules.days_until_due(request.invoice_mode),
        "finalize": request.invoice_mode.finalize if request.invoice_mode else True,
        "prorate": request.proration_behavior != "none",
        "restart": request.billing_cycle_anchor == "now" or any(longer),
        "carry": _carry(request, known),
        "success_url": request.success_url,
        "extra": dict(request.checkout_session_params),
        "custom_lines": _custom_lines(request, here, bought[0]),
        "bills_nothing": request.no_billing_changes,
    }


def _unless_once(plan: Plan, trial_end: int | None) -> int | None:
    return None if plan_rules.is_one_off(plan) else trial_end


def _adjustable(tenant: str, requests: Sequence[AttachRequest]) -> tuple[str, ...]:
    """The products of which the buyer may choose how many."""
    found = [
        stripe_prices.product_id(tenant, one.plan_id, asked.feature_id)
        for one in requests
        for asked in one.feature_quantities
        if asked.adjustable
    ]
    if len(set(found)) < len(found):
        raise Invalid("A quantity can't be adjustable of a plan that is bought twice")
    return tuple(found)


def _discounted(wish: Wish, request: AttachRequest) -> Wish:
    here = wish.deal
    sold = [one for one in wish.bought if not one.plan.is_free]
    if not sold and not request.discounts:
        return wish
    lines = choosing.charged_from(here, here.now, wish.bought)
    found = discounting.resolve(
        here.session,
        here.account.customer,
        here.subscription.discounts if here.subscription else (),
        [Asked(one.reward_id, one.promotion_code) for one in request.discounts],
        [one for it in sold for one in stripe_prices.product_ids(here.session.tenant, it.plan)],
        choosing.sum_of(lines),
        here.currency,
    )
    return Wish(**{**_fields(wish), "discounts": found})


def _fields(wish: Wish) -> Mapping[str, Any]:
    return {name: getattr(wish, name) for name in wish.__dataclass_fields__}


def _gains(
    here: Deal,
    plans: Sequence[Plan],
    requests: Sequence[AttachRequest],
    ends: Sequence[int | None],
    trial_end: int | None,
) -> tuple[Gain, ...]:
    asked = zip(plans, requests, ends, strict=True)
    return tuple(_gain(here, *one, trial_end=trial_end) for one in asked)


def _gain(
    here: Deal, plan: Plan, request: AttachRequest, end: int | None, *, trial_end: int | None
) -> Gain:
    asked = {one.feature_id: one.quantity for one in request.feature_quantities}
    return Gain(
        customer_plan_id=ids.new("cus_prod_", here.session.now),
        plan_id=plan.id,
        plan_version=plan.version,
        custom=customizing.snapshot(plan, here.known),
        quantities=quantities.settled(plan, asked),
        external_id=request.subscription_id,
        entity_id=request.entity_id,
        ends_at=request.ends_at,
        trial_ends_at=end if plan.is_free else _unless_once(plan, trial_end),
    )


def _carry(request: AttachRequest, known: Catalog) -> Carry:
    def chosen_of(one: CarryOver | None) -> tuple[bool, tuple[str, ...] | None]:
        if one is None or not one.enabled:
            return False, None
        return True, None if one.feature_ids is None else tuple(one.feature_ids)

    usages, usage_features = chosen_of(request.carry_over_usages)
    balances, balance_features = chosen_of(request.carry_over_balances)
    carry = Carry(usages, balances, usage_features, balance_features)
    carrying.check(carry, known)
    return carry


def _custom_lines(
    request: AttachRequest, here: Deal, bought: Bought
) -> tuple[LineItem, ...] | None:
    if request.custom_line_items is None:
        return None
    product = stripe_prices.product_id(here.session.tenant, bought.plan.id, None)
    cycle = here.subscription and here.subscription.period
    return tuple(
        LineItem(
            kind="charge",
            plan_id=bought.plan.id,
            customer_plan_id=bought.customer_plan_id,
            feature_id=None,
            product=product,
            display_name=bought.plan.name,
            description=line.description,
            amount=line.amount,
            quantity=Decimal(1),
            period=Period(here.now, max(here.now, cycle.end)) if cycle else None,
        )
        for line in request.custom_line_items
    )
