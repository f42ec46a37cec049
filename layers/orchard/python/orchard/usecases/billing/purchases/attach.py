"""`billing.attach` and `billing.preview_attach`: the same decision, carried out or only shown."""

from typing import Any

from orchard.contracts.billing.attach import AttachRequest
from orchard.store import catalog, customers
from orchard.store.session import Session
from orchard.usecases.billing import answers
from orchard.usecases.billing.orders import settings
from orchard.usecases.billing.purchases import buying, offering
from orchard.usecases.billing.purchases.buying import Purchase


def attach(session: Session, request: AttachRequest) -> dict[str, Any]:
    """Give a customer a plan: at once, after payment on Stripe's page, or from the next cycle.

    What the customer is to confirm first, or may pay for later, is only offered.

    Errors: 404 unknown customer, entity or plan; 409 `plan_already_attached`,
    `duplicate_subscription_id`; 423 while another request changes the billing; 400 for what does
    not go together, and for what Stripe refuses.
    """
    purchase = purchase_of(request)
    return offering.bought_or_offered(session, purchase, request.customer_id, request.entity_id)


def preview(session: Session, request: AttachRequest) -> dict[str, Any]:
    """Return what `attach` would do and charge; nothing is written, here or at Stripe."""
    account = customers.require(session, request.customer_id)
    wish = buying.wish_of(session, account, catalog.read(session), purchase_of(request))
    return answers.preview(request.customer_id, wish, buying.chosen(wish))


def purchase_of(request: AttachRequest) -> Purchase:
    """Return the purchase that a request asks for."""
    digest = settings.digest(request.model_dump(exclude={"reason", "reference"}))
    return Purchase((request,), digest)
