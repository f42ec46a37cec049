"""`billing.open_customer_portal`: where a customer sees invoices and keeps cards."""

from typing import Any

from orchard.contracts.billing.hosted import OpenCustomerPortalRequest
from orchard.gateways import stripe_portal
from orchard.store import customers
from orchard.store.session import Session
from orchard.usecases import linking


def open_customer_portal(session: Session, request: OpenCustomerPortalRequest) -> dict[str, Any]:
    """Return the address of the portal; a customer that is not at Stripe yet is made there.

    Errors: 404 unknown customer; 400 for what Stripe refuses.
    """
    account = customers.require(session, request.customer_id)
    if account.customer.stripe_id is None:
        account = linking.create_in_stripe(session.unmarked(), account, request.audit)
    url = stripe_portal.opened(
        session.environment,
        str(account.customer.stripe_id),
        request.configuration_id,
        request.return_url,
    )
    return {"customer_id": request.customer_id, "url": url}
