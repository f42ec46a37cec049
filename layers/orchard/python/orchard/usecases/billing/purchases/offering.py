"""What is not carried out at once: the customer decides about it on a page of ours, later."""

from collections.abc import Mapping
from typing import Any

from orchard.contracts.billing import responses
from orchard.domain import ids
from orchard.domain.interval import DAY_MS
from orchard.store import catalog, customers, offers
from orchard.store.offers import ATTACH, CONFIRM, LAUNCH, Offer
from orchard.store.optimistic import optimistic
from orchard.store.session import Session
from orchard.usecases.billing import answers
from orchard.usecases.billing.purchases import buying
from orchard.usecases.billing.purchases.buying import Purchase

#: For so long a link opens Stripe's page, and something can be confirmed on ours.
_LIFE_MS = {LAUNCH: 90 * DAY_MS, CONFIRM: DAY_MS}
_PATHS = {LAUNCH: "co", CONFIRM: "c"}


def bought_or_offered(
    session: Session, purchase: Purchase, customer_id: str, entity_id: str | None
) -> dict[str, Any]:
    """Carry a purchase out, or offer it; return the answer to the request. Errors: as `place`."""
    address = of_purchase(session, purchase)
    if address is not None:
        return responses.billed(customer_id, entity_id, address, None)
    return answers.billed(customer_id, entity_id, buying.place(session, purchase))


def of_purchase(session: Session, purchase: Purchase) -> str | None:
    """Return the address at which a purchase is decided; None if it is carried out at once.

    What can't be had is refused now. Errors: as `buying.place`.
    """
    request = purchase.request
    if not request.long_lived_checkout and request.redirect_mode != "always":
        return None
    account = customers.require(session, request.customer_id)
    wish = buying.wish_of(session, account, catalog.read(session), purchase)
    buying.chosen(wish)
    is_launched = wish.by_checkout and request.long_lived_checkout
    if not is_launched and not wish.is_confirmed:
        return None
    offer = made(
        session,
        account.customer.internal_id,
        purchase.digest,
        LAUNCH if is_launched else CONFIRM,
        kind=ATTACH,
        requests=tuple(one.model_dump(exclude_unset=True) for one in purchase.requests),
        success_url=request.success_url,
        has_own_trial=purchase.has_own_trial,
        joint=purchase.joint,
    )
    return kept(session, offer)


def made(session: Session, internal_id: str, digest: str, way: str, **what: Any) -> Offer:
    """Return a new offer, of an id that nobody can guess."""
    return Offer(
        id=ids.new("co_", session.now),
        internal_id=internal_id,
        digest=digest,
        way=way,
        expires_at=session.now + _LIFE_MS[way],
        **what,
    )


def kept(session: Session, offer: Offer) -> str:
    """Keep an offer, unless the same one is open already; return the address of its page."""

    def attempt() -> Offer:
        found = offers.find(session, offer.internal_id, offer.digest)
        if found is not None and found.is_open(session.now):
            return found
        session.commit(*offers.written(session, offer))
        return offer

    return address_of(session, optimistic(attempt))


def address_of(session: Session, offer: Offer) -> str:
    """Return the address of the page that an offer has."""
    return f"{session.base_url}/{_PATHS[offer.way]}/{offer.id}"


def body_of(request: Mapping[str, Any], *, redirect_mode: str) -> dict[str, Any]:
    """Return the body of a request that is carried out now."""
    return {**request, "redirect_mode": redirect_mode, "long_lived_checkout": False}
