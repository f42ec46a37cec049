"""Customers in organisations of a test's own: what the pages of the dashboard are about."""

import time
from typing import Any

from local.demo import living, loading
from local.demo.calls import Api, StripeDouble
from local.demo.customers import customers
from local.demo.product import FEATURES, PLANS, REWARDS
from local.stack import Stack
from tests.e2e.vocabulary import Organization, eventually

_NAMED = {"northwind-labs", "tanaka-design", "quill-and-co"}


def furnish(stack: Stack, shop: Organization, organization: str) -> None:
    """Make customers of `local.shots`: two pay, one has a grant, one came two months ago."""
    now = int(time.time() * 1000)
    with Api(shop.base_url, shop.key) as api, StripeDouble(stack.stripe_url) as stripe:
        for feature in FEATURES:
            api.call("features.create", **feature)
        for plan in PLANS:
            api.call("plans.create", **plan)
        for reward in REWARDS:
            # All organisations of the stack have the same account at Stripe.
            own = {"id": f"{organization}-{reward['id']}", "promo_codes": []}
            api.call("rewards.create", coupon={**reward, **own})
        made = [(str(one.id), one) for one in customers() if one.id in _NAMED]
        for _, one in made:
            loading.create(api, stripe, one)
        loading.deal(api, stripe, made)
        for customer_id, one in made:
            few = one._replace(uses=8)
            loading.live(api, customer_id, few, now)
        stripe.settle()
    living.live(stack, organization)


def offer_products(shop: Organization, called: str) -> None:
    """Sell `pro`, which needs no card, and have the feature `evil`, which is called so."""
    shop.offer_messages(included=500)
    shop.get_done(
        "features.create", feature_id="evil", name=called, type="metered", consumable=True
    )
    price = {"amount": 20, "interval": "month"}
    items = [{"feature_id": "messages", "included": 1000, "reset": {"interval": "month"}}]
    shop.get_done("plans.create", plan_id="pro", name="Pro", price=price, items=items)


def create(shop: Organization, customer_id: str, name: str, **more: Any) -> None:
    """Make a customer."""
    asked = {"customer_id": customer_id, "name": name, **more}
    shop.get_done("customers.get_or_create", **asked)


def live(shop: Organization, customer_id: str, told: str) -> None:
    """Make a customer with something on every tab; `told` is all that is typed of it."""
    whose = {"customer_id": customer_id}
    create(
        shop,
        customer_id,
        told,
        email=f"{customer_id}@example.com",
        metadata={told: told},
        create_in_stripe=True,
    )
    sold = {"plan_id": "pro", "invoice_mode": {"enabled": True, "enable_plan_immediately": True}}
    shop.get_done("billing.attach", **whose, **sold)
    grant = {"feature_id": "evil", "included_grant": 7, "reason": told}
    shop.get_done("balances.create", **whose, **grant)
    used = {"feature_id": "messages", "value": 12, "properties": {"channel": told}}
    shop.get_done("balances.track", **whose, **used)
    shop.get_done("balances.track", **whose, feature_id="evil", value=2)
    edited = {"feature_id": "messages", "add_to_balance": 30, "reason": told, "reference": told}
    shop.get_done("balances.update", **whose, **edited)
    eventually(lambda: shop.get_done("changes.list", **whose)["list"], lambda all_: len(all_) > 2)
    eventually(lambda: shop.get_done("events.list", **whose)["list"], lambda all_: len(all_) > 1)
