"""Offers that are opened, shown and taken, by whoever has their address."""

from dataclasses import replace
from typing import NamedTuple

from orchard.contracts.billing import hosted
from orchard.contracts.billing.responses import Shown
from orchard.contracts.billing.update import UpdateRequest
from orchard.domain import ids
from orchard.domain.customer import Customer
from orchard.errors import NotFound, OfferNotFound, OfferTaken
from orchard.store import catalog, customers, offers, orders
from orchard.store.customers import Account
from orchard.store.offers import LAUNCH, UPDATE, Offer
from orchard.store.session import Session
from orchard.store.table import Table
from orchard.usecases.billing import answers
from orchard.usecases.billing.orders.performing import Outcome
from orchard.usecases.billing.purchases import buying, offering
from orchard.usecases.billing.purchases.buying import Purchase
from orchard.usecases.billing.updates import update

_PREFIX = "co_"


class Opened(NamedTuple):
    """An offer that can be taken, with the customer whose it is."""

    session: Session
    offer: Offer
    customer: Customer


class Proposal(NamedTuple):
    """What an offer would do and charge now; `names` are those of its plans, by their ids."""

    shown: Shown
    names: dict[str, str]


def opened(table: Table, offer_id: str, way: str, now: int) -> Opened:
    """Return an offer that is taken in this way.

    Errors: `OfferNotFound`, also for a deleted customer, and when its time is over; `OfferTaken`.
    """
    is_id = offer_id.startswith(_PREFIX) and ids.created_second(offer_id) is not None
    place = offers.address(table, offer_id) if is_id else None
    if place is None:
        raise OfferNotFound
    session = replace(Session.of_job(table, place.key, now, "pages"), actor="page")
    offer = offers.find(session, place.internal_id, place.digest)
    if offer is None or (offer.id, offer.way) != (offer_id, way):
        raise OfferNotFound
    if offer.taken_at is not None:
        raise OfferTaken
    try:
        account = customers.require(session, offer.internal_id)
    except NotFound:
        raise OfferNotFound from None
    if not offer.is_open(now):
        raise OfferNotFound
    return Opened(session, offer, account.customer)


def launched(one: Opened) -> str:
    """Return the address of Stripe's page: the open one, or a new one at the prices of now.

    Errors: `OfferTaken`; as `buying.place`, for what can't be had any more.
    """
    outcome = buying.place(one.session, _purchase(one.offer))
    if outcome.session is None or outcome.session.url is None:
        raise OfferTaken
    return outcome.session.url


def proposed(one: Opened) -> Proposal:
    """Return what an offer would do; nothing is written. Errors: as `taken`."""
    session, internal_id = one.session, one.offer.internal_id
    account, known = customers.require(session, internal_id), catalog.read(session)
    names = {plan.id: plan.name for plan in known.current_plans()}
    if one.offer.kind == UPDATE:
        return Proposal(_updated(session, account, one.offer), names)
    wish = buying.wish_of(session, account, known, _purchase(one.offer))
    return Proposal(answers.shown(internal_id, wish, buying.chosen(wish)), names)


def is_under_way(one: Opened) -> bool:
    """Whether an offer is being carried out: begun, left half done, or waiting to be paid.

    What it would do can't be told then: a part of it is done.
    """
    held = orders.pending(one.session, one.offer.internal_id)
    return any(order.offer == one.offer.digest for order in held.orders)


def taken(one: Opened) -> Outcome:
    """Carry out an offer. Errors: `OfferTaken`; those of attaching and updating a plan."""
    if one.offer.kind == UPDATE:
        return update.carried_out(one.session, _change(one.offer), one.offer.digest)
    return buying.place(one.session, _purchase(one.offer))


def _updated(session: Session, account: Account, offer: Offer) -> Shown:
    found = update.decided(session, account, catalog.read(session), _change(offer))
    return answers.updated(offer.internal_id, found.target, found.chosen)


def _purchase(offer: Offer) -> Purchase:
    """The purchase that is offered: by Stripe's page, or, on ours, by whatever is on file."""
    opens = offer.way == LAUNCH
    mode = "always" if opens else "never"
    bodies = [offering.body_of(one, redirect_mode=mode) for one in offer.requests]
    return Purchase(
        tuple(hosted.attach_request(one, offer.internal_id) for one in bodies),
        offer.digest,
        has_own_trial=offer.has_own_trial,
        joint=offer.joint,
        offer=offer.digest,
        opens=opens,
    )


def _change(offer: Offer) -> UpdateRequest:
    (body,) = offer.requests
    asked = {**body, "redirect_mode": "never", "customer_id": offer.internal_id}
    return UpdateRequest.model_validate(asked)
