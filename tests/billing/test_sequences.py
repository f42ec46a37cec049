"""Sequences of ordinary events, here and at Stripe, that have to end in the one right state."""

from collections.abc import Callable
from typing import Any

import pytest

from orchard.gateways import stripe_subscriptions
from orchard.store import customers, orders
from orchard.store.orders import Pending
from orchard.store.table import Table
from tests.billing.conftest import Shop, a_price
from tests.builders import a_feature, a_plan
from tests.concurrency.faults import Killed
from tests.concurrency.interruptions import LEASE_S, finish, restart
from tests.conftest import session_of

DAY = 86_400_000
METERED = {
    "feature_id": "messages",
    "included": 100,
    "price": {"amount": 0.1, "interval": "month", "billing_method": "usage_based"},
}


def waiting(shop: Shop, table: Table) -> Pending:
    """What the customer's billing waits for."""
    session = session_of(table, shop.clock.now)
    return orders.pending(session, customers.require(session, "user_1").customer.internal_id)


def update(shop: Shop, plan_id: str, **body: Any) -> Any:
    shop.clock.advance(seconds=1)
    answer = shop.done("billing.update", customer_id="user_1", plan_id=plan_id, **body)
    shop.report()
    return answer


def subscription_of(shop: Shop) -> Any:
    """The plan's subscription as the API shows it."""
    (shown,) = shop.done("customers.get", customer_id="user_1")["subscriptions"]
    return shown


def die_planning(
    monkeypatch: pytest.MonkeyPatch, act: Callable[[], object], *, after: bool
) -> None:
    """Act in a process that dies when it tells Stripe what comes after the cycle."""
    real = stripe_subscriptions.schedule

    def die(*arguments: Any) -> str:
        if after:
            real(*arguments)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(stripe_subscriptions, "schedule", die)
        with pytest.raises(Killed):
            act()
    restart()


@pytest.mark.parametrize("is_early", [True, False])
def test_a_sent_invoice_that_is_voided_at_stripe_gives_its_order_up(
    shop: Shop, table: Table, *, is_early: bool
) -> None:
    stripe_id = shop.customer(card=None)
    mode = {"enabled": True, "enable_plan_immediately": is_early}
    answer = shop.attach("pro", invoice_mode=mode)
    assert len(waiting(shop, table).orders) == 1
    shop.api(f"invoices/{answer['invoice']['stripe_id']}/void")
    shop.report()

    assert waiting(shop, table) == Pending(None, ())
    assert shop.plans() == {}
    assert [one["status"] for one in shop.subscriptions(stripe_id)] == ["canceled"]


def test_a_report_of_others_is_believed_after_what_was_left_is_finished(
    shop: Shop, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    stripe_id = shop.customer()
    shop.attach("pro")
    update(shop, "pro", cancel_action="cancel_end_of_cycle")
    attach = {"customer_id": "user_1", "plan_id": "addon"}
    die_planning(monkeypatch, lambda: shop.call("billing.attach", attach), after=False)
    shop.clock.advance(seconds=LEASE_S)
    (found,) = shop.subscriptions(stripe_id)
    shop.api(f"subscriptions/{found['id']}", **{"metadata[note]": "seen"})
    shop.report()

    assert waiting(shop, table) == Pending(None, ())
    assert shop.plans() == {"pro": "canceling", "addon": "active"}
    shop.pass_time(days=32)
    assert shop.plans() == {"addon": "active"}
    assert shop.invoices()[0] == (20, "paid")


def test_what_is_planned_anew_after_a_crash_may_differ_from_the_first_try(
    shop: Shop, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    stripe_id = shop.customer()
    shop.api("coupons", id="half", percent_off="50", duration="forever")
    shop.attach("premium")
    attach = {"customer_id": "user_1", "plan_id": "pro"}
    die_planning(monkeypatch, lambda: shop.call("billing.attach", attach), after=True)
    (found,) = shop.subscriptions(stripe_id)
    shop.api(f"subscriptions/{found['id']}", **{"discounts[0][coupon]": "half"})
    shop.clock.advance(seconds=LEASE_S)
    assert finish(shop, table)["OrdersFinished"] == 1
    shop.report()

    assert shop.plans() == {"premium": "canceling", "pro": "scheduled"}
    shop.pass_time(days=32)
    assert shop.plans() == {"pro": "active"}
    assert shop.invoices()[0] == (10, "paid")


@pytest.mark.parametrize("days", [3, 14, None])
def test_the_end_of_a_trial_may_move_at_stripe(shop: Shop, days: int | None) -> None:
    trial = {"duration_length": 7, "duration_type": "day", "card_required": True}
    a_plan(shop.call, "tried", METERED, price=a_price(20), free_trial=trial)
    stripe_id = shop.customer()
    shop.attach("tried")
    use = {"customer_id": "user_1", "feature_id": "messages"}
    shop.done("balances.track", **use, value=130)
    shop.pass_time(days=1)
    (found,) = shop.subscriptions(stripe_id)
    end = "now" if days is None else (shop.clock.now + days * DAY) // 1000
    shop.api(f"subscriptions/{found['id']}", trial_end=end, proration_behavior="none")
    shop.report()
    if days is not None:
        assert subscription_of(shop)["trial_ends_at"] == end * 1000
        (row,) = shop.done("customers.get", customer_id="user_1")["balances"]["messages"][
            "breakdown"
        ]
        assert row["reset"]["resets_at"] == end * 1000
        shop.pass_time(days=days - 1)
        assert shop.remaining() == 0
        shop.pass_time(days=2)

    # What was used on trial is free, what comes after is not.
    assert shop.remaining() == 100
    ends_at = subscription_of(shop)["current_period_end"]
    (row,) = shop.done("customers.get", customer_id="user_1")["balances"]["messages"]["breakdown"]
    assert row["reset"]["resets_at"] == ends_at
    shop.done("balances.track", **use, value=110)
    shop.pass_time(days=32)
    assert shop.invoices() == [(21, "paid"), (20, "paid"), (0, "paid")]


@pytest.mark.parametrize("days", [0, 32])
def test_what_is_used_while_an_invoice_waits_is_billed_with_the_next(
    shop: Shop, table: Table, days: int
) -> None:
    a_plan(shop.call, "metered", METERED, price=a_price(20))
    shop.customer()
    use = {"customer_id": "user_1", "feature_id": "messages"}
    shop.attach("metered")
    shop.done("balances.track", **use, value=130)
    sent = shop.attach("premium", invoice_mode={"enabled": True})
    shop.done("balances.track", **use, value=20)
    shop.pass_time(days=days)
    shop.done("balances.track", **use, value=101)
    shop.api(f"invoices/{sent['invoice']['stripe_id']}/pay")
    shop.report()
    shop.clock.advance(seconds=60)
    finish(shop, table)

    assert waiting(shop, table) == Pending(None, ())
    assert shop.plans() == {"premium": "active"}
    assert shop.remaining() == 1000
    shop.pass_time(days=32)
    # The cycle that began meanwhile was billed at 20; of that before nothing was had for the 30.
    late = 12.1 if days == 0 else 2.1 + 30 * 29 / 31 - 30
    assert shop.invoices()[0][0] == pytest.approx(50 + late, abs=0.5)


def test_usage_is_billed_alone_if_the_subscription_is_over_before_its_next_invoice(
    shop: Shop, table: Table
) -> None:
    a_plan(shop.call, "metered", METERED, price=a_price(20))
    stripe_id = shop.customer()
    shop.api("coupons", id="half", percent_off="50", duration="forever")
    use = {"customer_id": "user_1", "feature_id": "messages"}
    shop.attach("metered", discounts=[{"reward_id": "half"}])
    sent = shop.attach("premium", invoice_mode={"enabled": True})
    shop.done("balances.track", **use, value=150)
    shop.api(f"invoices/{sent['invoice']['stripe_id']}/pay")
    assert shop.stripe.deliver(shop.stripe.reports("invoice.paid")[-1]).status == 200
    (late,) = waiting(shop, table).orders
    assert late.kind == "usage"
    (held,) = shop.subscriptions(stripe_id)
    shop.api(f"subscriptions/{held['id']}", "DELETE")
    shop.clock.advance(seconds=60)
    finish(shop, table)
    shop.report()

    assert waiting(shop, table) == Pending(None, ())
    assert shop.plans() == {}
    assert shop.invoices() == [(2.5, "paid"), (15, "paid"), (10, "paid")]


@pytest.mark.parametrize("is_free", [False, True])
def test_units_that_the_next_invoice_was_to_bill_are_billed_when_there_is_none(
    shop: Shop, *, is_free: bool
) -> None:
    stripe_id = shop.customer()
    a_feature(shop.call, "seats", consumable=False)
    price = {"amount": 10, "interval": "month", "billing_method": "prepaid"}
    later = {"on_increase": "prorate_next_cycle", "on_decrease": "prorate_next_cycle"}
    item = {"feature_id": "seats", "included": 0, "price": price, "proration": later}
    a_plan(shop.call, "team", item, group="team")
    shop.api("coupons", id="half", percent_off="50", duration="forever")
    units = {"feature_id": "seats", "quantity": 5}
    shop.attach("team", feature_quantities=[units], discounts=[{"reward_id": "half"}])
    update(shop, "team", feature_quantities=[{**units, "quantity": 10}])
    shop.pass_time(days=15)
    if is_free:
        update(shop, "team", customize={"price": None, "items": [{"feature_id": "messages"}]})
    else:
        cancel = {"plan_id": "team", "cancel_action": "cancel_immediately"}
        seen = shop.done("billing.preview_update", customer_id="user_1", **cancel)
        update(shop, **cancel)
        assert shop.invoices()[0][0] == seen["total"]

    # Half of 50 was paid, half of 50 is due; half of the half of 100 comes back.
    assert shop.invoices()[0][0] == pytest.approx(0, abs=0.1)
    assert [one["status"] for one in shop.subscriptions(stripe_id)] == ["canceled"]
    assert shop.api("invoiceitems", "GET", customer=stripe_id, pending="true")["data"] == []


@pytest.mark.parametrize("is_paid", [False, True])
def test_a_change_that_a_renewal_overtakes_is_given_up_or_priced_anew(
    shop: Shop, table: Table, *, is_paid: bool
) -> None:
    stripe_id = shop.customer()
    shop.attach("pro")
    shop.pass_time(days=29.5)
    shop.save_card(stripe_id, "pm_card_chargeCustomerFail")
    declined = shop.attach("premium")
    assert declined["required_action"]["code"] == "payment_failed"
    shop.save_card(stripe_id)
    if is_paid:
        shop.api(f"invoices/{declined['invoice']['stripe_id']}/pay")
    ends_at = subscription_of(shop)["current_period_end"]
    told = {"to": ends_at // 1000, "stop_after": "invoice.created"}
    shop.clock.now = int(shop.stripe.control("clock/advance", told)["now"]) * 1000
    renewal = shop.stripe.reports("invoice.created")[-1]
    assert shop.stripe.deliver(renewal).status == 200
    shop.report()

    assert waiting(shop, table) == Pending(None, ())
    assert shop.plans() == {"premium" if is_paid else "pro": "active"}
    shop.pass_time(days=32)
    # The cycle began with 20: the 30 that it costs more are on the next invoice, less what was
    # paid for the half day that is over.
    amounts = [total for total, status in shop.invoices() if status == "paid"]
    assert amounts[:2] == pytest.approx([79.5 if is_paid else 20, 20], abs=0.1)


def test_a_plan_that_was_given_before_it_was_paid_for_costs_its_price_from_the_renewal_on(
    shop: Shop, table: Table
) -> None:
    shop.customer()
    shop.attach("pro")
    mode = {"enabled": True, "enable_plan_immediately": True}
    sent = shop.attach("premium", invoice_mode=mode)
    shop.pass_time(days=32)
    assert shop.plans() == {"premium": "active"}
    shop.api(f"invoices/{sent['invoice']['stripe_id']}/pay")
    shop.report()

    assert waiting(shop, table) == Pending(None, ())
    shop.pass_time(days=30)
    assert shop.invoices()[:2] == [(80, "paid"), (20, "paid")]
