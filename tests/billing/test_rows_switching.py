"""Rows about switching and canceling: some of C1 to C20 of the acceptance tables.

The number of the row is in the test's name. Amounts are exact. The others are played where
attaching, canceling and updating are tested, by tests that have their numbers as well.
"""

from typing import Any

import pytest

from tests.billing.conftest import Shop
from tests.builders import a_plan, monthly

END = {"plan_id": "pro", "cancel_action": "cancel_end_of_cycle"}
OPTION = "VOID_INVOICES_ON_CANCELLATION"


def test_c1_a_paid_plan_takes_the_place_of_the_free_one(shop: Shop) -> None:
    shop.customer()
    shop.attach("free")
    assert shop.preview("pro")["total"] == 20
    shop.attach("pro")

    assert (shop.plans(), shop.invoices()) == ({"pro": "active"}, [(20, "paid")])
    assert shop.remaining() == 500


def test_c3_an_upgrade_in_the_cycle_is_billed_as_it_was_shown(shop: Shop) -> None:
    shop.customer()
    shop.attach("pro")
    shop.pass_time(days=15)
    shown = shop.preview("premium")["total"]
    shop.attach("premium")

    # 15 of the 30 days of September are left, less the seconds that passed.
    assert 14.9 < shown <= 15
    assert shop.invoices() == [(shown, "paid"), (20, "paid")]


def test_c4_a_free_plan_waits_while_the_paid_one_stays_in_use(shop: Shop) -> None:
    stripe_id = shop.customer()
    shop.attach("pro")
    assert shop.preview("free")["total"] == 0
    shop.attach("free")

    assert shop.plans() == {"pro": "canceling", "free": "scheduled"}
    assert shop.remaining() == 500
    shop.pass_time(days=32)
    assert (shop.plans(), shop.remaining()) == ({"free": "active"}, 100)
    assert shop.invoices() == [(20, "paid")]
    assert [one["status"] for one in shop.subscriptions(stripe_id)] == ["canceled"]


def test_c6_a_free_plan_takes_the_turn_of_the_paid_one_that_waits(shop: Shop) -> None:
    stripe_id = shop.customer()
    shop.attach("premium")
    shop.attach("pro")
    shop.attach("free")

    assert shop.plans() == {"premium": "canceling", "free": "scheduled"}
    shop.pass_time(days=32)
    assert (shop.plans(), shop.invoices()) == ({"free": "active"}, [(50, "paid")])
    assert [one["status"] for one in shop.subscriptions(stripe_id)] == ["canceled"]


def test_c7_a_plan_at_once_comes_before_one_that_waits(shop: Shop) -> None:
    stripe_id = shop.customer()
    shop.attach("pro")
    later: dict[str, Any] = {"plan_schedule": "end_of_cycle"}
    shown = shop.preview("premium", **later)
    assert (shown["total"], shown["next_cycle"]["total"]) == (0, 50)
    shop.attach("premium", **later)
    assert shop.plans() == {"pro": "canceling", "premium": "scheduled"}
    assert (shop.remaining(), shop.invoices()) == (500, [(20, "paid")])

    assert shop.preview("growth", plan_schedule="immediate")["total"] == 80
    shop.attach("growth", plan_schedule="immediate")

    assert (shop.plans(), shop.remaining()) == ({"growth": "active"}, 2000)
    assert shop.invoices() == [(80, "paid"), (20, "paid")]
    shop.pass_time(days=32)
    assert (shop.plans(), shop.invoices()[0]) == ({"growth": "active"}, (100, "paid"))
    assert [one["status"] for one in shop.subscriptions(stripe_id)] == ["active"]


def test_c7_a_dearer_plan_that_waits_comes_with_the_next_cycle(shop: Shop) -> None:
    shop.customer()
    shop.attach("pro")
    shop.attach("premium", plan_schedule="end_of_cycle")
    shop.pass_time(days=32)

    assert (shop.plans(), shop.remaining()) == ({"premium": "active"}, 1000)
    assert shop.invoices() == [(50, "paid"), (20, "paid")]


def test_c7_a_cheaper_plan_may_come_at_once(shop: Shop) -> None:
    shop.customer()
    shop.attach("premium")
    assert shop.preview("pro", plan_schedule="immediate")["total"] == -30
    shop.attach("pro", plan_schedule="immediate")

    assert (shop.plans(), shop.remaining()) == ({"pro": "active"}, 500)
    assert shop.invoices() == [(-30, "paid"), (50, "paid")]


def test_c8_a_plan_that_is_held_is_not_attached_again_not_even_while_it_ends(shop: Shop) -> None:
    shop.customer()
    shop.attach("pro")
    again = {"customer_id": "user_1", "plan_id": "pro"}
    first = shop.refused("billing.attach", **again)
    shop.done("billing.update", customer_id="user_1", **END)

    assert shop.plans() == {"pro": "canceling"}
    assert first == shop.refused("billing.attach", **again)
    assert first[:2] == (409, "plan_already_attached")


@pytest.mark.parametrize("chosen", ["pro", "free"])
def test_c9_a_plan_that_was_to_follow_does_not_once_the_present_one_is_canceled(
    shop: Shop, chosen: str
) -> None:
    a_plan(shop.call, "basic", monthly("messages", 10), auto_enable=True)
    shop.customer()
    shop.attach("premium")
    shop.attach(chosen)
    assert shop.plans() == {"premium": "canceling", chosen: "scheduled"}
    for _ in range(2):
        shop.done("billing.update", customer_id="user_1", **END | {"plan_id": "premium"})
        shop.report()
        assert shop.plans() == {"premium": "canceling", "basic": "scheduled"}
    shop.pass_time(days=32)

    assert (shop.plans(), shop.invoices()) == ({"basic": "active"}, [(50, "paid")])


@pytest.mark.parametrize("how", ["cancel_immediately", "cancel_end_of_cycle"])
def test_c17_what_waits_is_dropped_and_what_ends_goes_on(shop: Shop, how: str) -> None:
    stripe_id = shop.customer()
    shop.attach("premium")
    shop.attach("pro")
    shop.done("billing.update", customer_id="user_1", plan_id="pro", cancel_action=how)
    shop.report()

    assert (shop.plans(), shop.remaining()) == ({"premium": "active"}, 1000)
    assert shop.invoices() == [(50, "paid")]
    (held,) = shop.subscriptions(stripe_id)
    assert (held["schedule"], held["cancel_at"]) == (None, None)


@pytest.mark.parametrize("plan_id", ["free", "once"])
def test_c18_a_plan_without_a_cycle_does_not_end_with_one(shop: Shop, plan_id: str) -> None:
    shop.customer()
    shop.attach(plan_id)
    before = shop.done("customers.get", customer_id="user_1")
    status, code, message = shop.refused(
        "billing.update", customer_id="user_1", **END | {"plan_id": plan_id}
    )

    assert (status, code) == (400, "invalid_request")
    assert "cycle" in message
    assert shop.done("customers.get", customer_id="user_1") == before


@pytest.fixture
def overdue(shop: Shop) -> str:
    """A customer whose renewal was not paid, with a free plan to fall back to."""
    a_plan(shop.call, "basic", monthly("messages", 10), auto_enable=True)
    stripe_id = shop.customer()
    shop.attach("pro")
    shop.save_card(stripe_id, "pm_card_chargeCustomerFail")
    shop.pass_time(days=32)
    assert shop.invoices() == [(20, "open"), (20, "paid")]
    return stripe_id


def test_c19_with_the_option_an_overdue_plan_ends_at_once_and_nothing_is_owed(
    shop: Shop, overdue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(OPTION, "true")
    shown: Any = shop.done("billing.preview_update", customer_id="user_1", **END)
    assert (shown["total"], [one["plan_id"] for one in shown["incoming"]]) == (0, ["basic"])
    shop.done("billing.update", customer_id="user_1", **END)
    shop.report()

    assert shop.plans() == {"basic": "active"}
    assert shop.invoices() == [(20, "void"), (20, "paid")]
    assert shop.api(f"customers/{overdue}", "GET")["balance"] == 0
    assert [one["status"] for one in shop.subscriptions(overdue)] == ["canceled"]


def test_c19_without_the_option_an_overdue_plan_ends_with_its_cycle(
    shop: Shop, overdue: str
) -> None:
    shop.done("billing.update", customer_id="user_1", **END)
    shop.report()

    assert shop.plans() == {"pro": "canceling", "basic": "scheduled"}
    assert shop.invoices() == [(20, "open"), (20, "paid")]
    assert [one["status"] for one in shop.subscriptions(overdue)] == ["past_due"]


def test_c19_what_is_owed_is_given_up_as_well_when_stripe_ends_the_subscription(
    shop: Shop, overdue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(OPTION, "true")
    (held,) = shop.subscriptions(overdue)
    shop.api(f"subscriptions/{held['id']}", "DELETE")
    shop.report()

    assert shop.plans() == {"basic": "active"}
    assert shop.invoices() == [(20, "void"), (20, "paid")]
