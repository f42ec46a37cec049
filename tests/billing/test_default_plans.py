"""Plans with a price that customers get by themselves, on a trial that needs no card."""

from typing import Any

import pytest

from orchard.store.table import Table
from tests.billing.conftest import Shop, a_price
from tests.billing.test_finishing import finish
from tests.builders import a_plan, monthly

TRIAL = {"duration_length": 14, "duration_type": "day", "card_required": False}


def a_default(shop: Shop, plan_id: str = "starter", *items: Any, **fields: Any) -> None:
    given = items or (monthly("messages", 500),)
    fields = {"price": a_price(20), "free_trial": TRIAL, "auto_enable": True, **fields}
    a_plan(shop.call, plan_id, *given, **fields)


def create(shop: Shop, customer_id: str = "new_1", **body: Any) -> Any:
    return shop.call("customers.get_or_create", {"customer_id": customer_id, **body})


def test_a18_a_new_customer_is_on_trial_at_once_and_the_plan_goes_unpaid(shop: Shop) -> None:
    a_default(shop)
    made = create(shop).body
    shop.report()

    (held,) = made["subscriptions"]
    assert (held["plan_id"], held["status"]) == ("starter", "active")
    assert held["trial_ends_at"] == pytest.approx(shop.clock.now + 14 * 86_400_000, abs=2000)
    assert made["balances"]["messages"]["remaining"] == 500
    (subscription,) = shop.subscriptions(made["stripe_id"])
    assert subscription["status"] == "trialing"
    shop.pass_time(days=18)
    assert shop.plans("new_1") == {}
    assert [total for total, _status in shop.invoices("new_1")] == [0]


def test_asking_again_changes_nothing(shop: Shop) -> None:
    a_default(shop)
    first = create(shop).body
    again = create(shop).body

    assert again["subscriptions"] == first["subscriptions"]
    assert len(shop.subscriptions(first["stripe_id"])) == 1


def test_a20_a_trial_goes_before_a_free_plan_and_groups_have_their_own(shop: Shop) -> None:
    a_plan(shop.call, "basic", monthly("messages", 100), auto_enable=True)
    a_plan(shop.call, "gift", monthly("credits", 5), auto_enable=True, group="gifts")
    a_default(shop, "starter", monthly("messages", 1000))
    create(shop)

    assert shop.plans("new_1") == {"starter": "active", "gift": "active"}
    assert shop.remaining(customer_id="new_1") == 1000


def test_a19_packs_are_not_bought_by_themselves(shop: Shop) -> None:
    price = {"amount": 10, "interval": "month", "billing_units": 100, "billing_method": "prepaid"}
    item = {"feature_id": "credits", "included": 200, "price": price}
    a_default(shop, "packs", item, price=None, free_trial={**TRIAL, "duration_length": 7})
    made = create(shop).body

    assert made["balances"]["credits"]["remaining"] == 200
    (part,) = made["balances"]["credits"]["breakdown"]
    assert (part["included_grant"], part["prepaid_grant"]) == (200, 0)
    (subscription,) = shop.subscriptions(made["stripe_id"])
    assert subscription["status"] == "trialing"


def test_a_plan_with_a_price_may_be_asked_for_with_the_customer(shop: Shop) -> None:
    a_default(shop, auto_enable=False)
    assert create(shop, auto_enable_plan_id="starter").status == 200
    assert shop.plans("new_1") == {"starter": "active"}

    refused = create(shop, "new_2", auto_enable_plan_id="pro")
    assert (refused.status, refused.body["code"]) == (400, "invalid_request")
    assert create(shop, "new_3", auto_enable_plan_id="nothing").status == 404
    assert shop.refused("customers.get", customer_id="new_2")[0] == 404


def test_customers_that_are_there_already_get_nothing(shop: Shop) -> None:
    create(shop)
    a_default(shop)
    made = create(shop, create_in_stripe=True).body

    assert made["stripe_id"] is not None
    assert shop.plans("new_1") == {}
    assert shop.subscriptions(made["stripe_id"]) == []


@pytest.mark.parametrize("path", ["/v1/customers", "/v1/subscriptions"])
@pytest.mark.parametrize("status", [500, 400])
def test_what_stripe_refuses_is_made_good_by_asking_again(
    shop: Shop, path: str, status: int
) -> None:
    a_default(shop)
    # A call is tried three times; one that is refused once more, should a price have gone.
    times = 3 if status == 500 else 1 if path == "/v1/customers" else 2
    shop.stripe.control("failures", {"path": path, "status": status, "times": times})
    refused = create(shop)
    assert refused.status == {500: 503, 400: 400}[status]
    assert shop.plans("new_1") == {}

    shop.clock.advance(seconds=40)
    made = create(shop).body

    assert [one["plan_id"] for one in made["subscriptions"]] == ["starter"]
    assert len(shop.subscriptions(made["stripe_id"])) == 1


def test_the_job_gives_what_nobody_asks_for_again(shop: Shop, table: Table) -> None:
    a_default(shop)
    shop.stripe.control("failures", {"path": "/v1/customers", "status": 500, "times": 3})
    assert create(shop).status == 503
    shop.clock.advance(seconds=40)

    assert finish(shop, table) == 1
    assert shop.plans("new_1") == {"starter": "active"}
    assert finish(shop, table) == 0


def test_a_plan_that_was_bought_meanwhile_stays(shop: Shop, table: Table) -> None:
    a_default(shop)
    shop.stripe.control("failures", {"path": "/v1/customers", "status": 500, "times": 3})
    assert create(shop).status == 503
    shop.clock.advance(seconds=40)
    shop.done("billing.attach", customer_id="new_1", plan_id="starter", redirect_mode="never")

    assert finish(shop, table) == 1
    assert shop.plans("new_1") == {"starter": "active"}
    assert finish(shop, table) == 0
