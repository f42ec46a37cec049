"""What a request to attach a plan asks for, checked against what the customer has."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from orchard.contracts.billing.attach import AttachRequest
from orchard.contracts.billing.parts import CarryOver
from orchard.domain import carrying, ids, plan_rules
from orchard.domain.billing import customizing, quantities, stripe_prices
from orchard.domain.billing.lines import Bought, LineItem
from orchard.domain.billing.order import Gain
from orchard.domain.billing.transitions import transition
from orchard.domain.carrying import Carry
from orchard.domain.catalog import Catalog, Plan
from orchard.domain.customer import CustomerPlan
from orchard.errors import Conflict, EntityNotFound
from orchard.store.customers import Account
from orchard.store.session import Session
from orchard.usecases.billing import choosing, deal, discounting, rules
from orchard.usecases.billing.deal import Deal
from orchard.usecases.billing.discounting import Asked
from orchard.usecases.billing.wishes import Wish


def plan_of(known: Catalog, request: AttachRequest) -> Plan:
    """Return the plan that is asked for, with the customer's own parts. Errors: `PlanNotFound`."""
    plan = known.plan(request.plan_id, request.version)
    if request.customize is None:
        return plan
    return customizing.customized(plan, request.customize.changes(), known)


def wish_of(session: Session, account: Account, known: Catalog, request: AttachRequest) -> Wish:
    """Return what is asked for. Errors: 404, 409 and 400, for what can't be had."""
    plan = plan_of(known, request)
    nothing_read = Deal(session, account, known)
    held = nothing_read.held(request.entity_id)
    _require_entity(account, request.entity_id)
    refuse_repetition(plan, request, held)
    turn = transition(plan, held, known, request.plan_schedule)
    new = request.new_billing_subscription and turn.current is None
    found = None if new else deal.subscription_of(account.plans, turn.current, session.now)
    here = deal.opened(session, account, known, found)
    asked = {one.feature_id: one.quantity for one in request.feature_quantities}
    gain = _gain(session, known, plan, request, quantities.settled(plan, asked))
    bought = Bought(
        plan, gain.customer_plan_id, gain.quantities, here.entity_name(request.entity_id)
    )
    trial_end = rules.trial_end(here, plan, turn, request.customize)
    has_card = rules.needs_card(plan, here) and here.has_card()
    wish = Wish(
        deal=here,
        bought=(bought,),
        gains=(gain._replace(trial_ends_at=trial_end),),
        transitions=(turn,),
        trial_end=trial_end,
        has_card=has_card,
        by_checkout=rules.goes_to_checkout(request, plan, here, has_card=has_card),
        days_until_due=_days(request),
        finalize=request.invoice_mode.finalize if request.invoice_mode else True,
        prorate=request.proration_behavior != "none",
        restart=request.billing_cycle_anchor == "now" or rules.changes_interval(here, plan, turn),
        carry=_carry(request, known),
        success_url=request.success_url,
        extra=dict(request.checkout_session_params),
        adjustable=tuple(one.feature_id for one in request.feature_quantities if one.adjustable),
        custom_lines=_custom_lines(request, here, bought),
        bills_nothing=request.no_billing_changes,
    )
    rules.check(wish, request, turn)
    return _discounted(wish, request)


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


def _gain(
    session: Session, known: Catalog, plan: Plan, request: AttachRequest, bought: Mapping[str, Any]
) -> Gain:
    return Gain(
        customer_plan_id=ids.new("cus_prod_", session.now),
        plan_id=plan.id,
        plan_version=plan.version,
        custom=customizing.snapshot(plan, known),
        quantities=bought,
        external_id=request.subscription_id,
        entity_id=request.entity_id,
        ends_at=request.ends_at,
    )


def _require_entity(account: Account, entity_id: str | None) -> None:
    if entity_id is not None and all(one.id != entity_id for one in account.entities):
        raise EntityNotFound(entity_id)


def refuse_repetition(plan: Plan, request: AttachRequest, held: list[CustomerPlan]) -> None:
    """Refuse a main plan that is held already, and an id of a subscription that is in use."""
    is_main = not plan.add_on and not plan_rules.is_one_off(plan)
    if is_main and any(one.plan_id == plan.id for one in held):
        raise Conflict(
            f"Plan {plan.id} is already attached to this customer", "plan_already_attached"
        )
    wanted = request.subscription_id
    if wanted is not None and any(one.external_id == wanted for one in held):
        raise Conflict(f"Subscription {wanted} already exists", "duplicate_subscription_id")


def _days(request: AttachRequest) -> int | None:
    mode = request.invoice_mode
    if mode is None or not mode.enabled:
        return None
    return mode.net_terms_days if mode.net_terms_days is not None else rules.NET_TERMS_DAYS


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
        )
        for line in request.custom_line_items
    )
