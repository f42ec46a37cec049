"""More that is bought by itself: from the use that leaves little to the balance that is full."""

import pytest

from local.stack import Stack
from tests.e2e.vocabulary import Organization, Stripe, eventually

pytestmark = pytest.mark.e2e

PACKS = {
    "feature_id": "credits",
    "price": {"amount": 0.1, "interval": "one_off", "billing_method": "prepaid"},
}


def test_a_use_that_leaves_little_is_followed_by_a_purchase(stack: Stack, stripe: Stripe) -> None:
    shop = Organization.on(stack, "topups")
    shop.get_done(
        "features.create", feature_id="credits", name="Credits", type="metered", consumable=True
    )
    shop.get_done("plans.create", plan_id="packs", name="Packs", items=[PACKS])
    made = shop.get_done(
        "customers.get_or_create",
        customer_id="ada",
        email="ada@example.com",
        create_in_stripe=True,
        billing_controls={
            "auto_topups": [
                {"feature_id": "credits", "enabled": True, "threshold": 20, "quantity": 100}
            ]
        },
    )
    stripe.save_card(made["stripe_id"])
    units = [{"feature_id": "credits", "quantity": 100}]
    shop.get_done("billing.attach", customer_id="ada", plan_id="packs", feature_quantities=units)
    shop.get_done("balances.track", customer_id="ada", feature_id="credits", value=90)

    def left() -> float:
        shown = shop.get_done("customers.get", customer_id="ada")["balances"]["credits"]
        return float(shown["remaining"])

    eventually(left, lambda seen: seen == 110)
    stripe.settle()
    invoices = shop.get_done("invoices.list", customer_id="ada")["list"]
    assert [(one["total"], one["status"]) for one in invoices] == [(10, "paid"), (10, "paid")]
