"""What became of a change of billing that was asked for before, and is not carried out yet."""

from typing import Any

from orchard.contracts.billing import responses
from orchard.contracts.billing.attach import AttachRequest
from orchard.contracts.billing.update import UpdateRequest
from orchard.store import customers, offers, orders
from orchard.store.session import Session
from orchard.usecases.billing import answers
from orchard.usecases.billing.orders import repeating
from orchard.usecases.billing.purchases import attach, offering
from orchard.usecases.billing.updates import update


def answer(session: Session, request: AttachRequest | UpdateRequest) -> dict[str, Any] | None:
    """Return the answer that a request got which waits to be paid or confirmed, else None.

    Nothing is begun. Errors: `CustomerNotFound`; those of Stripe.
    """
    digest = _digest(request)
    internal_id = customers.require(session, request.customer_id).customer.internal_id
    offer = offers.find(session, internal_id, digest)
    if offer is not None and offer.is_open(session.now):
        address = offering.address_of(session, offer)
        return responses.billed(request.customer_id, request.entity_id, address, None)
    waiting = repeating.again(session, orders.pending(session, internal_id), digest)
    if waiting is None:
        return None
    return answers.billed(request.customer_id, request.entity_id, waiting)


def _digest(request: AttachRequest | UpdateRequest) -> str:
    if isinstance(request, AttachRequest):
        return attach.purchase_of(request).digest
    return update.digest_of(request)
