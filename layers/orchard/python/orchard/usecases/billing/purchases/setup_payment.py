"""`billing.setup_payment`: a card is saved on Stripe's page, and a plan attached after that."""

from typing import Any

from orchard.contracts.billing import hosted
from orchard.contracts.billing.hosted import SetupPaymentRequest
from orchard.domain import ids
from orchard.domain.billing.order import Checkout, Effect, Goods, Order
from orchard.domain.catalog import Catalog
from orchard.domain.money import MAIN_CURRENCY
from orchard.gateways import stripe_checkout
from orchard.store import catalog, customers
from orchard.store.customers import Account
from orchard.store.orders import Pending
from orchard.store.session import Session
from orchard.usecases import creating, linking
from orchard.usecases.billing.orders import checkouts, placing, repeating, settings, superseding
from orchard.usecases.billing.orders.performing import Outcome
from orchard.usecases.billing.purchases import buying
from orchard.usecases.billing.purchases.buying import Purchase


def setup_payment(session: Session, request: SetupPaymentRequest) -> dict[str, Any]:
    """Return the page on which a card is saved; the plan is attached when that is done.

    The attach is tried before, so that what can't be had is refused now. A customer that is not
    there is made first if the request says with what. Errors: as `attach`.
    """
    account = _customer(session, request)
    if request.plan_id is None:
        url = _page(session, _order(session, account, request)).url
    else:
        url = _placed(session, account, request)
    answer = {"customer_id": request.customer_id, "url": url}
    return answer if request.entity_id is None else {**answer, "entity_id": request.entity_id}


def _customer(session: Session, request: SetupPaymentRequest) -> Account:
    """The customer, who exists at Stripe; a plan that can't be had is refused before that."""
    account = customers.find(session, request.customer_id)
    if account is None and request.customer_data is not None:
        creating.get_or_create(session.unmarked(), request.customer)
        account = None
    account = account or customers.require(session, request.customer_id)
    _preview(session, account, catalog.read(session), request)
    if account.customer.stripe_id is None:
        account = linking.create_in_stripe(session.unmarked(), account, request.audit)
    return account


def _preview(
    session: Session, account: Account, known: Catalog, request: SetupPaymentRequest
) -> None:
    """Refuse an attach that could not be carried out. Errors: as `attach`."""
    body = request.attach_body()
    if body is not None:
        asked = hosted.attach_request(body, request.customer_id)
        buying.chosen(buying.wish_of(session, account, known, Purchase((asked,), "")))


def _placed(session: Session, account: Account, request: SetupPaymentRequest) -> str | None:
    """The page of an order that waits for the card; the same request again has the same page."""

    def decide(account: Account, known: Catalog, held: Pending) -> Order | Outcome:
        order = _order(session, account, request)
        again = repeating.again(session, held, order.digest)
        if again is not None:
            return again
        _preview(session, account, known, request)
        superseding.superseded(session, held, Effect())
        return order

    outcome = placing.place(session, account.customer.internal_id, decide)
    return outcome.session.url if outcome.session else outcome.order.payment_url


def _page(session: Session, order: Order) -> stripe_checkout.Session:
    """A page for a card alone: nothing waits for it here."""
    (step,) = order.steps
    if not isinstance(step, Checkout):
        raise TypeError("a page is asked for")
    params = checkouts.parameters(session.environment, order, step)
    return stripe_checkout.create(session.environment, params, f"orchard:{order.id}:0")


def _order(session: Session, account: Account, request: SetupPaymentRequest) -> Order:
    page = Checkout(
        mode="setup",
        goods=Goods(),
        success_url=request.success_url,
        extra=dict(request.checkout_session_params),
    )
    return Order(
        id=ids.new("ord_", session.now),
        internal_id=account.customer.internal_id,
        stripe_id=account.customer.stripe_id,
        created_at=session.now // 1000 * 1000,
        kind="setup",
        digest=settings.digest(request.model_dump(exclude={"reason", "reference"})),
        currency=account.customer.currency or MAIN_CURRENCY,
        steps=(page,),
        effect=Effect(),
        audit={"by": session.actor, "request_id": session.request_id, **request.audit},
        metadata=request.metadata,
        then=request.attach_body(),
    )
