"""What products of Stripe are here: the plans that they belong to, and units of their features."""

from collections.abc import Mapping
from decimal import Decimal

from orchard.domain.billing import quantities, stripe_prices
from orchard.domain.catalog import Catalog, Plan
from orchard.store.session import Session


def sold(session: Session, known: Catalog) -> dict[str, Plan]:
    """Return the plans of which something is sold, by the products that it is sold as."""
    return {
        product: plan
        for plan in known.current_plans()
        for product in stripe_prices.product_ids(session.tenant, plan)
    }


def quantities_of(session: Session, plan: Plan, packs: Mapping[str, int]) -> dict[str, Decimal]:
    """Return how much of each prepaid feature so many packs, by product, come to."""
    bought = {}
    for item in quantities.prepaid_items(plan):
        name = item["feature_id"]
        count = packs.get(stripe_prices.product_id(session.tenant, plan.id, name))
        if count is not None and "tiers" not in item["price"]:
            units = Decimal(item["price"].get("billing_units", 1))
            bought[name] = quantities.included(item) + count * units
    return bought
