"""Rows about new customers, above all those whom Stripe knows already: A16 to A26.

The number of the row is in the test's name; more of them are beside what they are about.
"""

from typing import Any

import pytest

from tests.billing.conftest import Shop
from tests.billing.test_verify import foreign, price_of, verified
from tests.builders import a_plan, monthly

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


def test_a16_a_free_plan_on_trial_comes_by_itself(shop: Shop) -> None:
    trial = {"duration_length": 7, "duration_type": "day", "card_required": False}
    a_plan(shop.call, "start", monthly("messages", 100), auto_enable=True, free_trial=trial)
    made = shop.done("customers.get_or_create", **ASKED)

    (plan,) = made["subscriptions"]
    assert (plan["plan_id"], plan["status"]) == ("start", "active")
    assert plan["trial_ends_at"] == shop.clock.now + 7 * 86_400_000
    assert made["balances"]["messages"]["remaining"] == 100
    assert made["stripe_id"] is None


@pytest.mark.parametrize("named", ["one", "two"])
def test_a17_of_two_plans_that_come_by_themselves_the_one_that_is_named_does(
    shop: Shop, named: str
) -> None:
    for plan_id in ("one", "two"):
        a_plan(shop.call, plan_id, monthly("messages", 7), auto_enable=True, group=plan_id)
    shop.done("customers.get_or_create", **ASKED, auto_enable_plan_id=named)

    assert held(shop) == {named: "active"}


def test_a21_a_customer_without_one_gets_one_stripe_customer(shop: Shop) -> None:
    assert shop.done("customers.get_or_create", **ASKED)["stripe_id"] is None
    made, again = [
        shop.done("customers.get_or_create", **ASKED, create_in_stripe=True) for _ in range(2)
    ]

    assert made["stripe_id"].startswith("cus_")
    assert made["stripe_id"] == again["stripe_id"] == again["processors"]["stripe"]["id"]
    assert shop.api(f"customers/{made['stripe_id']}", "GET")["id"] == made["stripe_id"]


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
