"""Rows about customers whom Stripe knows already: A23 and A26 of the acceptance tables.

The number of the row is in the test's name.
"""

from typing import Any

import pytest

from tests.billing.conftest import Shop
from tests.billing.test_verify import foreign, price_of, verified

ASKED = {"customer_id": "user_9"}


def held(shop: Shop) -> dict[str, str]:
    return shop.plans("user_9")


def plans(shop: Shop, stripe_id: str, *phases: str) -> str:
    """Begin a subscription and plan what it becomes, as other software does; return its id."""
    made = foreign(shop, stripe_id, phases[0])
    schedule = shop.api("subscription_schedules", from_subscription=made)
    present = schedule["current_phase"]
    asked: dict[str, Any] = {
        "phases[0][start_date]": present["start_date"],
        "phases[0][end_date]": present["end_date"],
    }
    for number, price in enumerate(phases):
        asked[f"phases[{number}][items][0][price]"] = price
        asked[f"phases[{number}][items][0][quantity]"] = 1
        asked[f"phases[{number}][proration_behavior]"] = "none"
    shop.api(f"subscription_schedules/{schedule['id']}", end_behavior="release", **asked)
    return made


@pytest.fixture
def stripe_id(shop: Shop) -> str:
    """A customer of Stripe with a card, whom nobody knows here."""
    made = shop.stripe.customer(email="ada@example.com")
    shop.save_card(made)
    return made


def test_a23_a_customer_who_subscribes_already_has_the_plan_once(
    shop: Shop, stripe_id: str
) -> None:
    pro = price_of(shop, "pro")
    subscription = foreign(shop, stripe_id, pro)
    for _ in range(3):
        shop.done("customers.get_or_create", **ASKED, stripe_id=stripe_id)
        shop.report()

    assert (held(shop), shop.remaining("messages", "user_9")) == ({"pro": "active"}, 500)
    assert [one["id"] for one in shop.subscriptions(stripe_id)] == [subscription]
    assert verified(shop, "user_9") == set()


def test_a26_what_a_schedule_of_others_plans_is_scheduled_and_begins(
    shop: Shop, stripe_id: str
) -> None:
    pro, premium = price_of(shop, "pro"), price_of(shop, "premium")
    subscription = plans(shop, stripe_id, pro, pro, premium)
    for _ in range(2):
        shop.done("customers.get_or_create", **ASKED, stripe_id=stripe_id)
        shop.report()

    shown = shop.done("customers.get", **ASKED)["subscriptions"]
    assert held(shop) == {"pro": "canceling", "premium": "scheduled"}
    ((ends, begins),) = {(shown[0]["expires_at"], shown[1]["started_at"])}
    assert ends == begins
    assert verified(shop, "user_9") == set()
    shop.pass_time(days=32)
    assert held(shop) == {"pro": "canceling", "premium": "scheduled"}
    shop.pass_time(days=31)
    assert (held(shop), shop.remaining("messages", "user_9")) == ({"premium": "active"}, 1000)
    assert [one["id"] for one in shop.subscriptions(stripe_id)] == [subscription]


def test_a26_a_price_that_others_made_of_our_product_counts_as_the_plan(
    shop: Shop, stripe_id: str
) -> None:
    pro, premium = price_of(shop, "pro"), price_of(shop, "premium")
    product = shop.api(f"prices/{premium}", "GET")["product"]
    theirs = {"product": product, "currency": "usd", "unit_amount": "4500"}
    cheaper = shop.api("prices", **theirs, **{"recurring[interval]": "month"})["id"]
    plans(shop, stripe_id, pro, cheaper)
    shop.done("customers.get_or_create", **ASKED, stripe_id=stripe_id)

    assert held(shop) == {"pro": "canceling", "premium": "scheduled"}
    shop.pass_time(days=32)
    assert held(shop) == {"premium": "active"}


def test_a26_a_schedule_that_leads_to_something_unknown_is_left_alone(
    shop: Shop, stripe_id: str
) -> None:
    pro = price_of(shop, "pro")
    product = shop.api("products", name="Something else")["id"]
    other = {"product": product, "currency": "usd", "unit_amount": "700"}
    unknown = shop.api("prices", **other, **{"recurring[interval]": "month"})["id"]
    plans(shop, stripe_id, pro, unknown)
    shop.done("customers.get_or_create", **ASKED, stripe_id=stripe_id)

    assert held(shop) == {"pro": "active"}
