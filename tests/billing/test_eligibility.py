"""plans.list for a customer: what attaching each plan would mean, by what the customer pays."""

from typing import Any

from tests.billing.conftest import Shop, a_price
from tests.builders import a_plan


def eligible(shop: Shop) -> dict[str, tuple[Any, Any, Any]]:
    listed = shop.done("plans.list", customer_id="user_1")["list"]
    parts = ("attach_action", "status", "canceling")
    return {
        one["id"]: tuple(one["customer_eligibility"].get(part) for part in parts) for one in listed
    }


def test_f3_each_plan_says_what_attaching_it_would_mean(shop: Shop) -> None:
    a_plan(shop.call, "mail", price=a_price(5), group="mail")
    a_plan(shop.call, "lite", price=a_price(10))
    shop.customer()
    shop.attach("pro")
    found = eligible(shop)

    assert found["pro"] == ("none", "active", False)
    actions = {name: action for name, (action, _status, _canceling) in found.items()}
    assert actions["premium"] == actions["growth"] == "upgrade"
    assert actions["free"] == actions["lite"] == "downgrade"
    assert actions["mail"] == actions["addon"] == "activate"
    assert actions["once"] == "purchase"
    assert all("customer_eligibility" not in one for one in shop.done("plans.list")["list"])

    ending = {"plan_id": "pro", "cancel_action": "cancel_end_of_cycle"}
    shop.done("billing.update", customer_id="user_1", **ending)
    assert eligible(shop)["pro"] == ("none", "active", True)


def test_what_is_paid_is_compared_not_the_catalogue(shop: Shop) -> None:
    shop.customer()
    shop.attach("pro", customize={"price": a_price(70)})
    found = eligible(shop)

    assert found["premium"][0] == "downgrade"
    assert found["growth"][0] == "upgrade"


def test_f3_a_plan_that_ends_and_one_that_waits_are_told(shop: Shop) -> None:
    shop.customer()
    shop.attach("premium")
    shop.attach("pro")
    found = eligible(shop)

    assert found["premium"] == ("none", "active", True)
    assert found["pro"][:2] == ("none", "scheduled")
    assert found["growth"][0] == "upgrade"
