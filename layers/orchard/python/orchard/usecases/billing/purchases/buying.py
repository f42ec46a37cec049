"""Plans that are asked for together: how the wish comes true, and the order that is made of it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from orchard.contracts.billing.attach import AttachRequest
from orchard.domain import ids, plan_rules
from orchard.domain.billing.order import Order
from orchard.domain.catalog import Catalog
from orchard.errors import Conflict
from orchard.store import catalog, customers, offers
from orchard.store.customers import Account
from orchard.store.orders import Pending
from orchard.store.session import Session
from orchard.usecases import linking
from orchard.usecases.billing.deal import Deal
from orchard.usecases.billing.orders import placing, repeating, superseding
from orchard.usecases.billing.orders.performing import Outcome
from orchard.usecases.billing.purchases import (
    admission,
    attach_wishes,
    choosing,
    occupying,
    rules,
    within_limits,
)
from orchard.usecases.billing.wishes import Chosen, Wish

_OUTDATED = "checkout_outdated"


class Purchase(NamedTuple):
    """Plans to buy in one go: a request for each, of which the first says all else.

    `digest` tells purchases apart. A trial in them is meant for this customer if it
    `has_own_trial`; plans bought together are `joint`. What comes of an `offer` is done once, and
    `opens` nothing but Stripe's page if that is what was offered.
    """

    requests: tuple[AttachRequest, ...]
    digest: str
    has_own_trial: bool = False
    joint: bool = False
    offer: str | None = None
    opens: bool = False

    @property
    def request(self) -> AttachRequest:
        """What all of the plans have in common."""
        return self.requests[0]


def wish_of(session: Session, account: Account, known: Catalog, purchase: Purchase) -> Wish:
    """Return what a purchase asks for. Errors: 404, 409 and 400, for what can't be had."""
    wish = attach_wishes.wish_of(
        session, account, known, purchase.requests, has_own_trial=purchase.has_own_trial
    )
    if purchase.joint:
        rules.check_redirect(wish, purchase.request)
    if purchase.opens and not wish.by_checkout:
        raise Conflict("The customer's plans have changed since: ask for a new link", _OUTDATED)
    return wish


def chosen(wish: Wish) -> Chosen:
    """Return how a wish comes true. Errors: `Invalid` for what Stripe could not bill."""
    return within_limits.checked(_chosen(wish), wish.deal.currency)


def _chosen(wish: Wish) -> Chosen:
    at_end = [one.at_end for one in wish.transitions]
    if all(at_end):
        return choosing.from_next_cycle(wish)
    if any(at_end):
        return _partly_later(wish)
    if wish.bills_nothing or not _costs(wish):
        return choosing.at_once(wish)
    wish = occupying.seated(wish)
    sold = [one.plan for one in wish.bought if not one.plan.is_free]
    leaves = any(one.stripe_subscription_id for one in wish.ended)
    if not leaves and all(plan_rules.is_one_off(one) for one in sold):
        return choosing.purchase(wish)
    return choosing.first(wish) if wish.deal.subscription is None else choosing.within(wish)


def order_of(
    session: Session, account: Account, known: Catalog, held: Pending, purchase: Purchase
) -> Order | Outcome:
    """Return the order for a purchase, or what became of the same one that still waits."""
    if purchase.offer is not None:
        offers.refuse_taken(session, account.customer.internal_id, purchase.offer)
    again = repeating.again(session, held, purchase.digest)
    if again is not None:
        return again
    wish = wish_of(session, account, known, purchase)
    found = chosen(wish)
    if found.steps:
        superseding.superseded(session, held, found.effect)
    if wish.by_checkout:
        linking.introduce(session, account.customer)
    return _order(session, purchase, wish, found)


def _order(session: Session, purchase: Purchase, wish: Wish, found: Chosen) -> Order:
    request, customer = purchase.request, wish.deal.account.customer
    return Order(
        id=ids.new("ord_", session.now),
        internal_id=customer.internal_id,
        stripe_id=customer.stripe_id,
        created_at=wish.deal.now,
        kind="attach",
        digest=purchase.digest,
        currency=wish.deal.currency,
        steps=found.steps,
        effect=found.effect,
        discounts=found.discounts,
        audit={
            "by": session.actor,
            "request_id": session.request_id,
            **_told(wish),
            **request.audit,
        },
        metadata=request.metadata,
        finalizes=request.invoice_mode.finalize if request.invoice_mode else True,
        early=_is_early(request, wish),
        offer=purchase.offer,
    )


def link(session: Session, account: Account, purchase: Purchase) -> None:
    """Let the customer exist at Stripe if a plan has a price; a refusal comes before that."""
    request = purchase.request
    if account.customer.stripe_id is not None or request.no_billing_changes:
        return
    known = catalog.read(session)
    plans = [attach_wishes.plan_of(known, one) for one in purchase.requests]
    if any(not one.is_free for one in plans):
        admission.turns(Deal(session, account, known), plans, purchase.requests)
        linking.create_in_stripe(session.unmarked(), account, request.audit)


def place(session: Session, purchase: Purchase) -> Outcome:
    """Make the order for a purchase and carry it out.

    Errors: as `placing.place`, and for what can't be had.
    """
    customer_id = purchase.request.customer_id
    link(session, customers.require(session, customer_id), purchase)

    def decide(account: Account, known: Catalog, held: Pending) -> Order | Outcome:
        return order_of(session, account, known, held, purchase)

    return placing.place(session, customer_id, decide, purchase.digest)


def _told(wish: Wish) -> Mapping[str, str | None]:
    """What the audit trail names of a purchase beside what changed: its plans, those replaced."""
    names = [one.plan.id for one in wish.bought]
    replaced = [one.plan_id for one in wish.ended]
    return {"plan_id": ", ".join(names), "replaced": ", ".join(replaced) or None}


def _partly_later(wish: Wish) -> Chosen:
    """How some of the plans begin now, and others when what they replace has ended."""
    now, later = _part(wish, at_end=False), _part(wish, at_end=True)
    first = _chosen(now)
    then = choosing.from_next_cycle(later, now)
    effect = first.effect._replace(
        gains=(*first.effect.gains, *then.effect.gains),
        canceled=then.effect.canceled,
        dropped=(*first.effect.dropped, *then.effect.dropped),
    )
    steps = (*(one for one in first.steps if one.do != "plan"), *then.steps)
    return Chosen(steps, effect, first.lines, then.next_cycle, wish.discounts)


def _part(wish: Wish, *, at_end: bool) -> Wish:
    """A wish for those of its plans alone that begin now, or later."""
    kept = [number for number, turn in enumerate(wish.transitions) if turn.at_end == at_end]
    return replace(
        wish,
        bought=tuple(wish.bought[number] for number in kept),
        gains=tuple(wish.gains[number] for number in kept),
        transitions=tuple(wish.transitions[number] for number in kept),
    )


def _costs(wish: Wish) -> bool:
    """Whether anything about it concerns Stripe: a price, or a paid plan that ends."""
    leaves = any(one.stripe_subscription_id for one in wish.ended)
    return leaves or any(not one.plan.is_free for one in wish.bought)


def _is_early(request: AttachRequest, wish: Wish) -> bool:
    mode = request.invoice_mode
    if mode is not None and mode.enabled:
        return mode.enable_plan_immediately
    return request.enable_plan_immediately and wish.by_checkout
