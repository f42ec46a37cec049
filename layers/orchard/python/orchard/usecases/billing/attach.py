"""`billing.attach` and `billing.preview_attach`: the same decision, carried out or only shown."""

from typing import Any

from orchard.contracts.billing.attach import AttachRequest
from orchard.domain import ids, plan_rules
from orchard.domain.billing.order import CHECKOUT, PAYMENT, Order
from orchard.domain.catalog import Catalog
from orchard.gateways import stripe_billing, stripe_checkout
from orchard.store import catalog, customers
from orchard.store.customers import Account
from orchard.store.orders import Pending
from orchard.store.session import Session
from orchard.usecases import linking
from orchard.usecases.billing import answers, attach_wishes, choosing, ordering, settings
from orchard.usecases.billing.deal import Deal
from orchard.usecases.billing.performing import Outcome
from orchard.usecases.billing.wishes import Chosen, Wish


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
    wish = attach_wishes.wish_of(session, account, known, request)
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
    plan = attach_wishes.plan_of(known, request)
    if not plan.is_free and not request.no_billing_changes:
        attach_wishes.refuse_repetition(
            plan, request, Deal(session, account, known).held(request.entity_id)
        )
        linking.create_in_stripe(session.unmarked(), account, request.audit)


def _decided(
    session: Session, account: Account, known: Catalog, held: Pending, request: AttachRequest
) -> Order | Outcome:
    digest = settings.digest(request.model_dump(exclude={"reason", "reference"}))
    again = _again(session, held, digest)
    if again is not None:
        return again
    wish = attach_wishes.wish_of(session, account, known, request)
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
