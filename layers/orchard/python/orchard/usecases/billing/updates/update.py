"""`billing.update` and `billing.preview_update`: the same decision, carried out or only shown."""

from typing import Any

from orchard.contracts.billing import responses
from orchard.contracts.billing.update import UpdateRequest
from orchard.domain import plan_rules
from orchard.domain.billing.order import Checkout, Effect, Gain, Order
from orchard.domain.catalog import Catalog
from orchard.domain.customer import SCHEDULED
from orchard.errors import Invalid
from orchard.store import catalog, customers, offers
from orchard.store.customers import Account
from orchard.store.offers import CONFIRM, UPDATE
from orchard.store.orders import Pending
from orchard.store.session import Session
from orchard.usecases import linking
from orchard.usecases.billing import answers, deal
from orchard.usecases.billing.deal import Deal
from orchard.usecases.billing.orders import placing, repeating, settings, superseding
from orchard.usecases.billing.orders.performing import Outcome
from orchard.usecases.billing.purchases import choosing, offering, within_limits
from orchard.usecases.billing.updates import (
    canceling,
    changing,
    targets,
    update_orders,
    update_wishes,
)
from orchard.usecases.billing.updates.alterations import Alteration
from orchard.usecases.billing.updates.canceling import Ending
from orchard.usecases.billing.updates.update_orders import Change, Decided
from orchard.usecases.billing.updates.update_wishes import Target
from orchard.usecases.billing.wishes import Chosen, Wish


def update(session: Session, request: UpdateRequest) -> dict[str, Any]:
    """Change a plan that a customer holds, or end it.

    Errors: 404 unknown customer, entity or subscription; 409 `invoice_pending` while an invoice
    for an earlier change is to be paid; 423 while another request changes the billing; 400 for
    what does not go together, and for what Stripe refuses.
    """
    address = _offered(session, request)
    if address is not None:
        return responses.billed(request.customer_id, request.entity_id, address, None)
    outcome = carried_out(session, request)
    return answers.billed(request.customer_id, request.entity_id, outcome)


def carried_out(session: Session, request: UpdateRequest, offer: str | None = None) -> Outcome:
    """Make the order for an update, of an offer if it comes of one, and carry it out."""
    _linked(session, request)
    change = Change(request, offer or digest_of(request), offer)

    def decide(account: Account, known: Catalog, held: Pending) -> Order | Outcome:
        return _order(session, account, known, held, change)

    return placing.place(session, request.customer_id, decide, change.digest)


def _offered(session: Session, request: UpdateRequest) -> str | None:
    """The page on which a change is confirmed; None if it is carried out without that."""
    if request.redirect_mode != "always" or request.is_invoiced or request.no_billing_changes:
        return None
    account = customers.require(session, request.customer_id)
    found = decided(session, account, catalog.read(session), request).chosen
    is_nothing = not found.steps and found.effect == Effect()
    if is_nothing or any(isinstance(step, Checkout) for step in found.steps):
        return None
    internal_id, body = account.customer.internal_id, request.model_dump(exclude_unset=True)
    offer = offering.made(
        session, internal_id, digest_of(request), CONFIRM, kind=UPDATE, requests=(body,)
    )
    return offering.kept(session, offer)


def preview(session: Session, request: UpdateRequest) -> dict[str, Any]:
    """Return what `update` would do and charge; nothing is written, here or at Stripe."""
    account = customers.require(session, request.customer_id)
    found = decided(session, account, catalog.read(session), request)
    return answers.update_preview(
        request, found.target, found.chosen, update_orders.intent_of(found.target), found.refund
    )


def decided(session: Session, account: Account, known: Catalog, request: UpdateRequest) -> Decided:
    """Return what a request comes to. Errors: as in `update`."""
    target = _target(session, account, known, request)
    end = canceling.ending(target.deal, target.held, request)
    if request.cancel_action == "cancel_immediately":
        return Decided(target, *canceling.immediately(end))
    if request.cancel_action == "cancel_end_of_cycle":
        return _ending_later(target, end)
    if request.cancel_action == "uncancel":
        if target.held.status == SCHEDULED:
            raise Invalid(f"Plan {target.held.plan_id} has not begun: there is nothing to uncancel")
        if target.after is target.before:
            is_canceled = target.held.canceled_at is not None
            back = canceling.taken_back(end) if is_canceled else Chosen((), Effect())
            return Decided(target, back)
    return Decided(target, within_limits.checked(_changed(target), target.deal.currency))


def _ending_later(target: Target, end: Ending) -> Decided:
    if end.is_written_off:
        return Decided(target, *canceling.immediately(end))
    if end.is_repeated:
        return Decided(target, Chosen((), Effect()))
    return Decided(target, canceling.at_end_of_cycle(end))


def _target(session: Session, account: Account, known: Catalog, request: UpdateRequest) -> Target:
    held = targets.target(Deal(session, account, known), request)
    here = deal.opened(session, account, known, held.stripe_subscription_id)
    goes_on = request.cancel_action in (None, "uncancel")
    if held.stripe_subscription_id is not None and here.subscription is None and goes_on:
        raise Invalid(f"The subscription of plan {held.plan_id} is over at Stripe")
    before = here.bought(held).plan
    after = update_wishes.form_of(here, held, request)
    is_same = request.version is None and request.customize is None
    return Target(here, held, before, before if is_same else after, request)


def _changed(target: Target) -> Chosen:
    alteration = update_wishes.alteration(target)
    request, before, after = target.request, target.before, target.after
    if request.no_billing_changes:
        return changing.unbilled(alteration)
    if target.deal.subscription is not None:
        return changing.within(alteration)
    if before.is_free and not after.is_free:
        return _first(target, alteration)
    if plan_rules.is_one_off(after):
        return changing.bought_more(alteration)
    return changing.unbilled(alteration)


def _first(target: Target, one: Alteration) -> Chosen:
    """How a plan that was free begins to be paid for."""
    here, request = target.deal, target.request
    has_card = here.has_card()
    by_checkout = not (has_card or request.is_invoiced or request.redirect_mode == "never")
    gain = Gain(target.held.id, target.held.plan_id, target.after.version)
    wish = Wish(
        deal=here,
        bought=(one.now,),
        gains=(gain,),
        transitions=(),
        discounts=one.discounts,
        trial_end=one.trial_end or None,
        has_card=has_card,
        by_checkout=by_checkout,
        days_until_due=one.days_until_due,
        finalize=one.finalize,
    )
    return choosing.first(wish)._replace(effect=one.effect)


def _linked(session: Session, request: UpdateRequest) -> None:
    """Let the customer exist at Stripe if the plan gets a price; a refusal comes before that."""
    account = customers.require(session, request.customer_id)
    if account.customer.stripe_id is not None or request.no_billing_changes:
        return
    target = _target(session, account, catalog.read(session), request)
    if target.before.is_free and not target.after.is_free:
        linking.create_in_stripe(session.unmarked(), account, request.audit)


def digest_of(request: UpdateRequest) -> str:
    """Return what tells a request from others that ask for something else."""
    return settings.digest(("update", request.model_dump(exclude={"reason", "reference"})))


def _order(
    session: Session, account: Account, known: Catalog, held: Pending, change: Change
) -> Order | Outcome:
    if change.offer is not None:
        offers.refuse_taken(session, account.customer.internal_id, change.offer)
    again = repeating.again(session, held, change.digest)
    if again is not None:
        return again
    found = decided(session, account, known, change.request)
    update_orders.refuse_unpaid(found, held)
    if found.chosen.steps:
        superseding.superseded(session, held, found.chosen.effect)
    order = update_orders.made(session, account, found, change)
    is_nothing = not order.steps and order.effect == Effect()
    return Outcome(order) if is_nothing else order
