"""Corners of billing in which money would be lost, or a plan given for nothing."""

from contextlib import suppress
from typing import Any

import pytest
import stripe

from orchard.errors import StripeFailed
from orchard.gateways import stripe_checkout, stripe_subscriptions
from orchard.store.table import Table
from orchard.usecases.billing.orders import performing
from orchard.usecases.billing.orders.performing import Halted
from tests.billing.conftest import Shop, a_price
from tests.billing.test_finishing import finish
from tests.billing.test_stripe_trouble import refunds
from tests.builders import a_plan, monthly

SENT = {"enabled": True}


def billed(shop: Shop, stripe_id: str) -> list[list[int]]:
    """Return what the live subscriptions of a customer bill, item by item."""
    return [
        sorted(item["price"]["unit_amount"] for item in one["items"]["data"])
        for one in shop.subscriptions(stripe_id)
        if one["status"] in {"active", "trialing", "past_due"}
    ]


def settle(shop: Shop, answer: Any) -> None:
    """Pay the invoice of an answer, some time later."""
    shop.api(f"invoices/{answer['invoice']['stripe_id']}/pay")
    shop.report()


def test_a_first_invoice_may_be_paid_after_the_renewal(shop: Shop) -> None:
    shop.customer()
    answer = shop.attach("pro", invoice_mode={**SENT, "net_terms_days": 60})
    shop.pass_time(days=33)
    assert shop.plans() == {}

    settle(shop, answer)

    assert shop.plans() == {"pro": "active"}


def test_a_cheaper_plan_comes_at_once_if_the_subscription_is_over(shop: Shop) -> None:
    stripe_id = shop.customer()
    shop.attach("premium")
    (held,) = shop.subscriptions(stripe_id)
    shop.api(f"subscriptions/{held['id']}", "DELETE")

    shop.attach("pro")

    assert shop.plans() == {"pro": "active"}
    assert billed(shop, stripe_id) == [[2000]]


def test_lines_of_ones_own_can_not_begin_a_cycle(shop: Shop) -> None:
    shop.customer()
    shop.attach("pro")

    lines = [{"amount": 5, "description": "Agreed"}]
    asked = {"customer_id": "user_1", "plan_id": "pro_annual", "custom_line_items": lines}
    assert shop.refused("billing.attach", **asked)[:2] == (400, "invalid_request")

    shop.report()
    assert shop.invoices() == [(20, "paid")]


def test_a_plan_with_an_end_is_billed_until_then(shop: Shop) -> None:
    stripe_id = shop.customer()
    shop.attach("pro", ends_at=shop.clock.now + 15 * 86_400_000)
    assert shop.plans() == {"pro": "active"}

    shop.pass_time(days=40)

    assert billed(shop, stripe_id) == []
    assert shop.plans() == {}
    assert shop.invoices() == [(20, "paid")]


def test_an_end_that_stripe_is_not_told_of_is_refused(shop: Shop) -> None:
    shop.customer()
    shop.attach("pro")

    ends_at = shop.clock.now + 15 * 86_400_000
    asked = {"customer_id": "user_1", "plan_id": "premium", "ends_at": ends_at}
    assert shop.refused("billing.attach", **asked)[:2] == (400, "invalid_request")


def test_the_job_goes_on_taking_back_what_was_refused(
    shop: Shop, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.customer()
    shop.attach("pro")
    real: Any = stripe.RequestsClient.request

    def request(client: Any, method: str, url: str, *rest: Any, **more: Any) -> Any:
        if method == "post" and "/v1/subscriptions/" in url:
            return '{"error": {"type": "invalid_request_error", "message": "Not today"}}', 400, {}
        if method == "post" and "/v1/refunds" in url:
            return '{"error": {"type": "api_error", "message": "Later"}}', 500, {}
        return real(client, method, url, *rest, **more)

    with monkeypatch.context() as broken:
        broken.setattr(stripe.HTTPClient, "_sleep_time_seconds", lambda *_: 0)
        broken.setattr(stripe.RequestsClient, "request", request)
        assert shop.refused("billing.attach", customer_id="user_1", plan_id="premium")[0] == 503
    assert refunds(shop) == 0

    shop.clock.advance(seconds=31)
    finish(shop, table)

    assert refunds(shop) == 3000
    assert shop.plans() == {"pro": "active"}
    assert finish(shop, table) == 0


def test_a_new_cycle_that_is_refused_leaves_nothing_behind(shop: Shop) -> None:
    stripe_id = shop.customer()
    shop.attach("growth")
    shop.attach("pro")
    shop.pass_time(days=10)
    big = a_price(2000, "year")
    a_plan(shop.call, "big", monthly("messages", 500), price=big, create_in_stripe=False)
    shop.save_card(stripe_id, "pm_card_chargeCustomerFail")

    assert shop.refused("billing.attach", customer_id="user_1", plan_id="big")[0] == 400

    shop.report()
    shop.save_card(stripe_id)
    assert shop.plans() == {"growth": "canceling", "pro": "scheduled"}
    shop.pass_time(days=22)
    assert shop.plans() == {"pro": "active"}
    assert shop.invoices() == [(20, "paid"), (100, "paid")]


def give(shop: Shop, coupon: str, percent_off: int, duration: str) -> None:
    """Put a coupon on the subscription of the customer's plan."""
    shop.api("coupons", id=coupon, percent_off=str(percent_off), duration=duration)
    asked = [{"reward_id": coupon}]
    shop.done("billing.update", customer_id="user_1", plan_id="pro", discounts=asked)


def test_a_coupon_for_the_next_invoice_is_not_for_every_purchase_before(shop: Shop) -> None:
    shop.customer()
    shop.attach("pro")
    give(shop, "all", 100, "once")

    shop.attach("once")
    shop.attach("once")

    assert shop.invoices() == [(10, "paid"), (10, "paid"), (20, "paid")]
    shop.pass_time(days=32)
    assert shop.invoices()[0] == (0, "paid")


def test_a_lasting_coupon_of_a_subscription_counts_on_a_page_too(shop: Shop) -> None:
    shop.customer()
    shop.attach("pro")
    give(shop, "ten", 10, "forever")

    answer = shop.attach("once", redirect_mode="always")
    shop.pay(answer["payment_url"], card="pm_card_visa")

    assert shop.invoices()[0] == (9, "paid")


@pytest.mark.parametrize("duration", ["once", "forever"])
def test_a_coupon_that_is_asked_for_is_on_the_invoice_of_a_later_plan(
    shop: Shop, duration: str
) -> None:
    shop.customer()
    shop.attach("premium")
    shop.api("coupons", id="half", percent_off="50", duration=duration)

    asked = [{"reward_id": "half"}]
    seen = shop.preview("pro", discounts=asked)
    shop.attach("pro", discounts=asked)
    shop.attach("addon")
    shop.pass_time(days=32)

    assert shop.plans() == {"pro": "active", "addon": "active"}
    assert seen["next_cycle"]["total"] == 10
    spent = duration == "once"
    assert shop.invoices()[0] == (40 if spent else 20, "paid")


def test_another_plan_takes_the_place_of_one_whose_invoice_was_sent(shop: Shop) -> None:
    stripe_id = shop.customer()
    shop.attach("pro", invoice_mode=SENT)
    shop.attach("premium")

    assert billed(shop, stripe_id) == [[5000]]
    assert shop.plans() == {"premium": "active"}
    assert shop.invoices() == [(50, "paid"), (20, "void")]


def test_invoices_that_were_sent_change_nothing_but_what_they_are_for(shop: Shop) -> None:
    stripe_id = shop.customer()
    other = {"price": a_price(7), "add_on": True, "create_in_stripe": False}
    a_plan(shop.call, "other", monthly("messages", 50), **other)
    shop.attach("pro")
    sent = [shop.attach(name, invoice_mode=SENT) for name in ("addon", "other")]
    shop.attach("premium")

    for answer in sent:
        settle(shop, answer)

    assert billed(shop, stripe_id) == [[700, 2000, 5000]]
    assert shop.plans() == dict.fromkeys(("addon", "other", "premium"), "active")


def test_a_plan_that_waits_for_the_next_cycle_still_does_when_an_invoice_is_paid(
    shop: Shop,
) -> None:
    stripe_id = shop.customer()
    shop.attach("premium")
    sent = shop.attach("addon", invoice_mode=SENT)
    shop.attach("pro")
    settle(shop, sent)

    assert shop.plans() == {"premium": "canceling", "addon": "active", "pro": "scheduled"}
    shop.pass_time(days=32)
    assert shop.plans() == {"addon": "active", "pro": "active"}
    assert billed(shop, stripe_id) == [[2000, 2000]]


def test_a_plan_whose_page_is_open_stays_in_the_catalogue(shop: Shop) -> None:
    shop.customer(card=None)
    answer = shop.attach("pro")

    assert shop.refused("plans.delete", plan_id="pro")[0] == 400

    shop.pay(answer["payment_url"], card="pm_card_visa")
    assert shop.plans() == {"pro": "active"}


def test_a_payment_of_a_bank_is_waited_for(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.customer(card=None)
    answer = shop.attach("pro")
    real = stripe_checkout.get

    def under_way(environment: str, session_id: str) -> stripe_checkout.Session | None:
        found = real(environment, session_id)
        return found and found._replace(payment_status="unpaid")

    with monkeypatch.context() as at_first:
        at_first.setattr(stripe_checkout, "get", under_way)
        shop.pay(answer["payment_url"], card="pm_card_visa")
    assert shop.plans() == {}

    told = "checkout.session.async_payment_succeeded"
    (done,) = shop.stripe.reports("checkout.session.completed")
    answered = shop.stripe.deliver({**done, "id": "evt_later", "type": told})

    assert answered.status == 200
    assert shop.plans() == {"pro": "active"}


def test_an_add_on_with_a_trial_leaves_the_cycle_of_what_is_paid(shop: Shop) -> None:
    stripe_id = shop.customer()
    trial = {"duration_length": 14, "duration_type": "day", "card_required": True}
    fields = {"price": a_price(7), "add_on": True, "free_trial": trial, "create_in_stripe": False}
    a_plan(shop.call, "extra", monthly("messages", 5), **fields)
    shop.attach("pro")
    shop.pass_time(days=10)

    assert shop.preview("extra")["next_cycle"]["total"] == 7
    shop.attach("extra")
    assert shop.invoices() == [(0, "paid"), (20, "paid")]
    shop.pass_time(days=15)

    assert shop.invoices()[0] == (7, "paid")
    shop.pass_time(days=6)
    assert shop.invoices()[0] == (20, "paid")
    assert sorted(billed(shop, stripe_id)) == [[700], [2000]]


@pytest.mark.parametrize("is_before", [True, False])
@pytest.mark.parametrize(
    ("trouble", "came"),
    [(None, (200, "paid")), ("declined", (200, "open")), ("refused", (423, "paid"))],
)
def test_two_that_are_at_one_order_do_it_once(
    shop: Shop,
    table: Table,
    monkeypatch: pytest.MonkeyPatch,
    trouble: str | None,
    came: tuple[int, str],
    *,
    is_before: bool,
) -> None:
    """Stripe is so slow that the job comes for what a request is still at."""
    stripe_id = shop.customer()
    shop.attach("pro")
    real, others = performing.perform, [None]
    if trouble == "declined":
        shop.save_card(stripe_id, "pm_card_chargeCustomerFail")
    if trouble == "refused":
        monkeypatch.setattr(stripe_subscriptions, "change", refuse)

    def slow(*given: Any) -> Any:
        ours = bool(others)
        others.clear()
        if ours and not is_before:
            with suppress(Halted):
                real(*given)
        if ours:
            shop.clock.advance(seconds=31)
            assert finish(shop, table) == 1
        return real(*given)

    monkeypatch.setattr(performing, "perform", slow)
    answered = shop.call("billing.attach", {"customer_id": "user_1", "plan_id": "premium"})
    shop.report()

    status = dict(shop.invoices())[30]
    assert (answered.status, status) == came
    assert len(shop.invoices()) == 2
    assert shop.plans() == {"pro" if trouble else "premium": "active"}
    assert billed(shop, stripe_id) == [[2000 if trouble else 5000]]
    assert refunds(shop) == (3000 if trouble == "refused" else 0)


def refuse(*_given: Any) -> None:
    raise StripeFailed("This can't be changed")
