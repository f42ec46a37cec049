"""The products and prices of a plan at Stripe, made as soon as the plan is stored.

The plan does not wait for Stripe: whatever is missing there is made when it is first sold. So a
failure is told beside the stored plan instead of failing a request that has had its effect.
"""

from typing import Any

from orchard.domain.billing import stripe_prices
from orchard.domain.billing.lines import Sale
from orchard.domain.catalog import Catalog, Plan
from orchard.domain.money import MAIN_CURRENCY
from orchard.errors import OrchardError
from orchard.gateways import stripe_catalog
from orchard.store.session import Session

#: So many products, and prices, are made within a request; it has an end. Sales make the rest.
_MOST = 20


def publish(
    session: Session, known: Catalog, plan: Plan, *, renamed: bool = False
) -> dict[str, Any]:
    """Make what a plan is sold as; return what to tell: `stripe_error` if that did not work.

    Does nothing for a free plan, and none of it before Stripe is connected. Products that exist
    get the plan's name if it is `renamed`.
    """
    if plan.is_free:
        return {}
    try:
        if stripe_catalog.is_connected(session.environment):
            _publish(session.environment, plan, _sale(session, known), renamed=renamed)
    except OrchardError as failed:
        return {"stripe_error": {"code": failed.code, "message": failed.message}}
    return {}


def _publish(environment: str, plan: Plan, sale: Sale, *, renamed: bool) -> None:
    products = stripe_prices.products(plan, sale)[:_MOST]
    made = {one.id for one in products}
    prices = [one for one in stripe_prices.standing_prices(plan, sale) if one.product in made]
    stripe_catalog.ensure(environment, products, prices[:_MOST])
    if renamed:
        stripe_catalog.rename(environment, stripe_prices.products(plan, sale))


def _sale(session: Session, known: Catalog) -> Sale:
    return Sale(session.tenant, known.features, MAIN_CURRENCY)
