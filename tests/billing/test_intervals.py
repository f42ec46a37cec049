"""Plans that recur at different intervals on one subscription: each renews at its own time."""

from typing import Any

import pytest

from tests.billing.conftest import Shop, a_price
from tests.builders import a_plan, monthly


@pytest.fixture(autouse=True)
def yearly(shop: Shop) -> None:
    fields = {"price": a_price(120, "year"), "add_on": True, "create_in_stripe": False}
    a_plan(shop.call, "support", monthly("messages", 50), **fields)


def shown(cycle: dict[str, Any]) -> list[tuple[str, float]]:
    return [(one["plan_id"], one["total"]) for one in cycle["line_items"]]


#: The plan, the add-on, what the rest of its period costs after ten days, what renews first.
MIXED = [("pro_annual", "addon", 13.33, ("addon", 20)), ("pro", "support", 116.71, ("pro", 20))]


@pytest.mark.parametrize(("plan", "extra", "rest", "renewal"), MIXED)
def test_an_add_on_at_another_interval_joins_the_subscription(
    shop: Shop, plan: str, extra: str, rest: float, renewal: tuple[str, float]
) -> None:
    stripe_id = shop.customer()
    shop.attach(plan)
    (paid,) = shop.invoices()
    shop.pass_time(days=10)

    seen = shop.preview(extra)
    shop.attach(extra)

    assert seen["total"] == rest
    assert shown(seen["next_cycle"]) == [renewal]
    assert shop.invoices() == [(rest, "paid"), paid]
    assert len(shop.subscriptions(stripe_id)) == 1
    shop.pass_time(days=55)
    assert shop.invoices() == [(20, "paid"), (20, "paid"), (rest, "paid"), paid]
    (coming,) = shop.done("customers.get", customer_id="user_1", expand=["invoice_previews"])[
        "invoice_previews"
    ]
    assert shown(coming) == [renewal]
    assert shop.plans() == {plan: "active", extra: "active"}
    assert shop.remaining() == 550


def test_both_are_on_one_invoice_when_both_renew(shop: Shop) -> None:
    shop.customer()
    shop.attach("pro_annual")
    shop.attach("addon")
    shop.pass_time(days=366)

    assert shop.invoices()[0] == (220, "paid")
    assert [total for total, _status in shop.invoices()[1:-1]] == [20] * 12


def test_an_add_on_that_ends_is_credited_for_its_own_period(shop: Shop) -> None:
    stripe_id = shop.customer()
    shop.attach("pro_annual")
    shop.pass_time(days=10)
    shop.attach("addon")
    shop.pass_time(days=10)
    ended = {"customer_id": "user_1", "plan_id": "addon", "cancel_action": "cancel_immediately"}

    assert shop.done("billing.preview_update", **ended)["total"] == -6.67
    shop.done("billing.update", **ended)
    shop.report()

    assert shop.plans() == {"pro_annual": "active"}
    (held,) = shop.subscriptions(stripe_id)
    assert [one["price"]["recurring"]["interval"] for one in held["items"]["data"]] == ["year"]


@pytest.mark.parametrize(("plan", "extra"), [("pro_annual", "addon"), ("support", "pro")])
def test_what_is_canceled_ends_with_its_own_period(shop: Shop, plan: str, extra: str) -> None:
    stripe_id = shop.customer()
    shop.attach(plan)
    shop.pass_time(days=10)
    shop.attach(extra)
    asked = {"customer_id": "user_1", "plan_id": extra, "cancel_action": "cancel_end_of_cycle"}
    shop.done("billing.update", **asked)
    shop.report()
    assert shop.plans() == {plan: "active", extra: "canceling"}
    billed = len(shop.invoices())

    shop.pass_time(days=55)

    assert shop.plans() == {plan: "active"}
    assert len(shop.invoices()) == billed
    (held,) = shop.subscriptions(stripe_id)
    assert (held["status"], held["cancel_at"]) == ("active", None)


def test_an_upgrade_to_a_year_begins_all_cycles_anew(shop: Shop) -> None:
    shop.customer()
    shop.attach("pro")
    shop.attach("support")
    shop.pass_time(days=10)

    seen = shop.preview("pro_annual")
    shop.attach("pro_annual")

    told = {one["plan_id"]: one["total"] for one in seen["line_items"] if one["total"] > 0}
    assert told == {"pro_annual": 200, "support": 120}
    assert shop.invoices()[0] == (seen["total"], "paid")
    assert shop.plans() == {"pro_annual": "active", "support": "active"}


def test_an_add_on_at_another_interval_is_tried_with_the_plan(shop: Shop) -> None:
    trial = {"duration_type": "day", "duration_length": 7, "card_required": True}
    fields = {"price": a_price(200, "year"), "free_trial": trial, "create_in_stripe": False}
    a_plan(shop.call, "tried", monthly("messages", 500), **fields)
    shop.customer()
    shop.attach("tried")
    shop.pass_time(days=3)

    assert shop.preview("addon")["total"] == 0
    shop.attach("addon")
    shop.pass_time(days=40)

    assert sorted(shop.invoices()) == [(0, "paid"), (20, "paid"), (220, "paid")]
