"""Rows about switching and canceling: some of C1 to C20 of the acceptance tables.

The number of the row is in the test's name. Amounts are exact.
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


def test_c8_a_plan_that_is_held_is_not_attached_again_not_even_while_it_ends(shop: Shop) -> None:
    shop.customer()
    shop.attach("pro")
    again = {"customer_id": "user_1", "plan_id": "pro"}
    first = shop.refused("billing.attach", **again)
    shop.done("billing.update", customer_id="user_1", **END)

    assert shop.plans() == {"pro": "canceling"}
    assert first == shop.refused("billing.attach", **again)
    assert first[:2] == (409, "plan_already_attached")


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
