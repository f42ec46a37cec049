"""`billing.attach` and `billing.preview_attach`: the same decision, carried out or only shown."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from orchard.contracts.billing.attach import AttachRequest
from orchard.contracts.billing.parts import CarryOver
from orchard.domain import carrying, ids, plan_rules
from orchard.domain.billing import customizing, quantities, stripe_prices
from orchard.domain.billing.lines import Bought, LineItem
from orchard.domain.billing.order import CHECKOUT, PAYMENT, Gain, Order
from orchard.domain.billing.transitions import transition
from orchard.domain.carrying import Carry
from orchard.domain.catalog import Catalog, Plan
from orchard.domain.customer import CustomerPlan
from orchard.errors import Conflict, EntityNotFound
from orchard.gateways import stripe_billing, stripe_checkout
from orchard.store import catalog, customers
from orchard.store.customers import Account
from orchard.store.orders import Pending
from orchard.store.session import Session
from orchard.usecases import linking
from orchard.usecases.billing import answers, choosing, deal, discounting, ordering, rules, settings
from orchard.usecases.billing.choosing import Chosen, Wish
from orchard.usecases.billing.deal import Deal
from orchard.usecases.billing.discounting import Asked
from orchard.usecases.billing.performing import Outcome


def attach(session: Session, request: AttachRequest) -> dict[str, Any]:
    """Give a customer a plan: at once, after payment on Stripe's page, or from the next cycle.

    Errors: 404 unknown customer, entity or plan; 409 `plan_already_attached`,
    `duplicate_subscription_id`; 423 while another request changes the billing; 400 for what does
    not go together, and for what Stripe refuses.
    """
    _linked(session, request)

    def decide(account: Account, known: Catalog, held: Pending) -> Order | Outcome:
        return _decided(session, account, known, held, request)

    outcome = ordering.place(session, request.customer_id, decide)
    return answers.billed(request.customer_id, request.entity_id, outcome)


def preview(session: Session, request: AttachRequest) -> dict[str, Any]:
    """Return what `attach` would do and charge; nothing is written, here or at Stripe."""
    account = customers.require(session, request.customer_id)
    known = catalog.read(session)
    wish = _wish(session, account, known, request)
    return answers.preview(request.customer_id, wish, chosen(wish))


def chosen(wish: Wish) -> Chosen:
    """Return how a wish comes true."""
    (bought, *_rest) = wish.bought
    if any(one.at_end for one in wish.transitions):
        return choosing.from_next_cycle(wish)
    if wish.bills_nothing or not _costs(wish):
        return choosing.at_once(wish)
    if plan_rules.is_one_off(bought.plan):
        return choosing.purchase(wish)
    return choosing.first(wish) if wish.deal.subscription is None else choosing.within(wish)


def _costs(wish: Wish) -> bool:
    """Whether anything about it concerns Stripe: a price, or a paid plan that ends."""
    leaves = any(one.stripe_subscription_id for one in wish.ended)
    return leaves or any(not one.plan.is_free for one in wish.bought)


def _linked(session: Session, request: AttachRequest) -> None:
    """Let the customer exist at Stripe if the plan has a price; a refusal comes before that."""
    account = customers.require(session, request.customer_id)
    if account.customer.stripe_id is not None:
        return
    known = catalog.read(session)
    plan = _plan(known, request)
    if not plan.is_free and not request.no_billing_changes:
        _refuse_repetition(plan, request, Deal(session, account, known).held(request.entity_id))
        linking.create_in_stripe(session.unmarked(), account, request.audit)


def _decided(
    session: Session, account: Account, known: Catalog, held: Pending, request: AttachRequest
) -> Order | Outcome:
    digest = settings.digest(request.model_dump(exclude={"reason", "reference"}))
    again = _again(session, held, digest)
    if again is not None:
        return again
    wish = _wish(session, account, known, request)
    found = chosen(wish)
    if found.steps:
        ordering.superseded(session, held)
    customer = account.customer
    return Order(
        id=ids.new("ord_", session.now),
        internal_id=customer.internal_id,
        stripe_id=customer.stripe_id,
        created_at=wish.deal.now,
        kind="attach",
        digest=digest,
        currency=wish.deal.currency,
        steps=found.steps,
        effect=found.effect,
        discounts=found.discounts,
        audit={
            "by": session.actor,
            "request_id": session.request_id,
            "plan_id": request.plan_id,
            "replaced": next((one.plan_id for one in wish.ended), None),
            **request.audit,
        },
        metadata=request.metadata,
        finalizes=request.invoice_mode.finalize if request.invoice_mode else True,
        early=_is_early(request, wish),
    )


def _is_early(request: AttachRequest, wish: Wish) -> bool:
    mode = request.invoice_mode
    if mode is not None and mode.enabled:
        return mode.enable_plan_immediately
    return request.enable_plan_immediately and wish.by_checkout


def _again(session: Session, held: Pending, digest: str) -> Outcome | None:
    """The answer to a request that is repeated while its payment is waited for."""
    same = next((one for one in held.orders if one.digest == digest), None)
    if same is None or same.paid_by is None:
        return None
    if same.status == CHECKOUT:
        found = stripe_checkout.get(session.environment, same.paid_by)
        is_open = found is not None and found.status == stripe_checkout.OPEN
        return Outcome(same, session=found, is_paid=False) if is_open else None
    if same.status != PAYMENT:
        return None
    invoice = stripe_billing.get(session.environment, same.paid_by)
    return None if invoice.is_paid else Outcome(same, invoice=invoice, is_paid=False)


def _plan(known: Catalog, request: AttachRequest) -> Plan:
    plan = known.plan(request.plan_id, request.version)
    if request.customize is None:
        return plan
    return customizing.customized(plan, request.customize.changes(), known)


def _wish(session: Session, account: Account, known: Catalog, request: AttachRequest) -> Wish:
    plan = _plan(known, request)
    nothing_read = Deal(session, account, known)
    held = nothing_read.held(request.entity_id)
    _require_entity(account, request.entity_id)
    _refuse_repetition(plan, request, held)
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


def _refuse_repetition(plan: Plan, request: AttachRequest, held: list[CustomerPlan]) -> None:
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
