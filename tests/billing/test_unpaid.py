"""What was sent to be paid and never is, or is paid after its plan ended; and races to be paid."""

from typing import Any

import pytest

from orchard.store.orders import Pending
from orchard.store.table import Table
from orchard.usecases.billing.orders import ordering
from tests import harness
from tests.billing.conftest import Shop
from tests.billing.test_corners import billed
from tests.billing.test_finishing import finish
from tests.billing.test_sequences import update, waiting
from tests.billing.test_stripe_trouble import refunds
from tests.billing.test_update import change, seated, seats
from tests.builders import a_plan, monthly

SENT = {"enabled": True}
EARLY = {"enabled": True, "enable_plan_immediately": True}


def end(shop: Shop, answer: Any, how: str) -> None:
    """Void or pay the invoice of an answer at Stripe."""
    shop.api(f"invoices/{answer['invoice']['stripe_id']}/{how}")
    shop.report()


def use(shop: Shop, value: float) -> None:
    shop.done("balances.track", customer_id="user_1", feature_id="messages", value=value)


def test_a_plan_comes_back_with_what_was_used_if_nobody_pays_for_the_one_that_replaced_it(
    shop: Shop, table: Table
) -> None:
    stripe_id = shop.customer()
    shop.attach("pro")
    use(shop, 100)
    update(shop, "pro", cancel_action="cancel_end_of_cycle")
    sent = shop.attach("premium", invoice_mode=EARLY)
    assert shop.plans() == {"premium": "active"}
    use(shop, 50)
    end(shop, sent, "void")

    assert waiting(shop, table) == Pending(None, ())
    assert shop.plans() == {"pro": "canceling"}
    assert shop.remaining() == 350
    update(shop, "pro", cancel_action="uncancel")
    assert billed(shop, stripe_id) == [[2000]]
    shop.pass_time(days=32)
    assert (shop.plans(), shop.remaining()) == ({"pro": "active"}, 500)
    assert shop.invoices() == [(20, "paid"), (30, "void"), (20, "paid")]


def test_units_go_that_nobody_pays_for(shop: Shop) -> None:
    seated(shop)
    sent = update(shop, "team", **seats(8), invoice_mode=EARLY)
    assert shop.remaining("seats") == 8
    end(shop, sent, "void")

    assert shop.remaining("seats") == 5
    assert change(shop, **seats(6))["total"] == 10


def test_a_plan_that_was_given_early_costs_its_price_if_its_end_is_taken_back(shop: Shop) -> None:
    a_plan(shop.call, "base", monthly("messages", 10), auto_enable=True)
    stripe_id = shop.customer()
    shop.attach("pro")
    sent = shop.attach("premium", invoice_mode=EARLY)
    update(shop, "premium", cancel_action="cancel_end_of_cycle")
    update(shop, "premium", cancel_action="uncancel")
    end(shop, sent, "pay")

    assert shop.plans() == {"premium": "active"}
    assert billed(shop, stripe_id) == [[5000]]


def test_a_subscription_bills_what_came_back_if_it_billed_what_went(
    shop: Shop, table: Table
) -> None:
    stripe_id = shop.customer()
    shop.attach("pro")
    sent = shop.attach("premium", invoice_mode=EARLY)
    shop.attach("addon")
    assert billed(shop, stripe_id) == [[2000, 5000]]
    end(shop, sent, "void")
    finish(shop, table)
    shop.report()

    assert waiting(shop, table) == Pending(None, ())
    assert shop.plans() == {"pro": "active", "addon": "active"}
    assert billed(shop, stripe_id) == [[2000, 2000]]


@pytest.mark.parametrize("is_early", [True, False])
def test_a_plan_that_ended_does_not_come_back_when_its_first_invoice_is_paid(
    shop: Shop, table: Table, *, is_early: bool
) -> None:
    stripe_id = shop.customer()
    sent = shop.attach("pro", invoice_mode=EARLY if is_early else SENT)
    (held,) = shop.subscriptions(stripe_id)
    shop.api(f"subscriptions/{held['id']}", "DELETE")
    shop.report()
    end(shop, sent, "pay")

    assert waiting(shop, table) == Pending(None, ())
    assert shop.plans() == {}
    # Who had it owed it; who never had it has the money back.
    assert refunds(shop) == (0 if is_early else 2000)


def test_requests_at_the_same_time_leave_one_page_to_pay_on(
    shop: Shop, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.customer(card=None)
    asked = {"customer_id": "user_1", "plan_id": "pro"}
    real, rivals = ordering.begun, [asked]

    def overtaken(*given: Any) -> Any:
        """A rival decides later and is done before this one begins."""
        while rivals:
            shop.done("billing.attach", **rivals.pop())
        return real(*given)

    monkeypatch.setattr(ordering, "begun", overtaken)
    assert shop.refused("billing.attach", **asked)[0] == 423

    (order,) = waiting(shop, table).orders
    assert shop.attach("pro")["payment_url"] == order.payment_url


@pytest.mark.parametrize(("plan_id", "back"), [("once", 1000), ("pro", 2000), ("pro", 0)])
def test_pages_of_a_customer_that_is_deleted_are_closed_and_what_was_paid_comes_back(
    shop: Shop, plan_id: str, back: int
) -> None:
    stripe_id = shop.customer(card=None)
    url = shop.attach(plan_id)["payment_url"]
    shop.done("customers.delete", customer_id="user_1")
    if back:
        shop.pay(url)
    purged = harness.handler("jobs.purge_customers")({}, None)

    assert purged == {"Purged": 1, "PurgeFailed": 0}
    assert (refunds(shop), billed(shop, stripe_id)) == (back, [])
    session_id = url.rpartition("/")[2].partition("#")[0]
    found = shop.api(f"checkout/sessions/{session_id}", "GET")
    assert found["status"] == ("complete" if back else "expired")
