"""Stripe refuses, fails, does not answer: nothing is half done, and the next request finishes."""

import logging
from typing import Any

import pytest
import stripe

from orchard.domain.billing.stripe_prices import product_id
from orchard.gateways import stripe_catalog
from tests.billing.conftest import Shop
from tests.conftest import TENANT
from tests.pretended_stripe import SECRETS


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stripe.HTTPClient, "_sleep_time_seconds", lambda *_: 0)


def fail(shop: Shop, status: int, path: str = "/v1/", times: int = 1, **how: Any) -> None:
    shop.stripe.control("failures", {"status": status, "path": path, "times": times, **how})


def refunds(shop: Shop) -> int:
    found = shop.api("refunds", "GET")["data"]
    return sum(one["amount"] for one in found)


#: Where calls of an upgrade go, in their order.
PLACES = ("/v1/customers", "/v1/invoices", "/v1/invoiceitems", "/v1/subscriptions/")


@pytest.mark.parametrize("path", PLACES)
@pytest.mark.parametrize(
    ("status", "times", "answer"),
    [
        (429, 1, (429, "stripe_rate_limit_exceeded")),
        (500, 3, (503, "service_unavailable")),
        (409, 3, (423, "lock_already_exists")),
    ],
)
def test_what_stripe_does_not_do_now_the_next_request_finishes(
    shop: Shop, path: str, status: int, times: int, answer: tuple[int, str]
) -> None:
    shop.customer()
    shop.attach("pro")
    fail(shop, status, path, times)

    told = shop.refused("billing.attach", customer_id="user_1", plan_id="premium")
    assert told[:2] == answer
    assert shop.plans() == {"pro": "active"}
    shop.attach("premium")

    assert shop.plans() == {"premium": "active"}
    assert sorted(shop.invoices()) == [(20, "paid"), (30, "paid")]


def test_an_answer_that_is_lost_charges_once(shop: Shop) -> None:
    shop.customer()
    fail(shop, 500, "/v1/subscriptions", 3, done=True)

    shop.refused("billing.attach", customer_id="user_1", plan_id="pro")
    shop.attach("pro")

    assert shop.plans() == {"pro": "active"}
    assert shop.invoices() == [(20, "paid")]


def test_a_paid_difference_is_paid_back_when_the_change_is_refused(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.customer()
    shop.attach("pro")
    refuse_changes(monkeypatch)

    status, code, message = shop.refused("billing.attach", customer_id="user_1", plan_id="premium")
    shop.report()

    assert (status, code) == (400, "stripe_error")
    assert "Not today" in message
    assert shop.plans() == {"pro": "active"}
    assert shop.remaining() == 500
    assert refunds(shop) == 3000
    monkeypatch.undo()


def refuse_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Stripe refuse every change of a subscription, and nothing else."""
    real: Any = stripe.RequestsClient.request

    def request(client: Any, method: str, url: str, *rest: Any, **more: Any) -> Any:
        if method == "post" and "/v1/subscriptions/" in url:
            return '{"error": {"type": "invalid_request_error", "message": "Not today"}}', 400, {}
        return real(client, method, url, *rest, **more)

    monkeypatch.setattr(stripe.RequestsClient, "request", request)


def test_a_card_that_is_declined_leaves_the_plan_until_it_is_paid(shop: Shop) -> None:
    stripe_id = shop.customer()
    shop.attach("pro")
    shop.save_card(stripe_id, "pm_card_chargeCustomerFail")

    answer = shop.attach("premium")
    assert answer["required_action"]["code"] == "payment_failed"
    assert shop.plans() == {"pro": "active"}
    shop.save_card(stripe_id)
    shop.api(f"invoices/{answer['invoice']['stripe_id']}/pay")
    shop.report()

    assert shop.plans() == {"premium": "active"}
    assert refunds(shop) == 0


def test_a_payment_that_comes_when_it_is_given_up_is_not_lost(shop: Shop) -> None:
    stripe_id = shop.customer()
    shop.attach("pro")
    shop.save_card(stripe_id, "pm_card_chargeCustomerFail")
    answer = shop.attach("premium")
    shop.save_card(stripe_id)
    shop.api(f"invoices/{answer['invoice']['stripe_id']}/pay")

    # It takes the place of an order whose payment nobody reported yet.
    told = shop.refused("billing.attach", customer_id="user_1", plan_id="growth")
    assert told[0] == 423
    shop.report()

    assert shop.plans() == {"premium": "active"}


def test_a_customer_that_stripe_deleted_is_a_clear_refusal(shop: Shop) -> None:
    stripe_id = shop.customer()
    shop.api(f"customers/{stripe_id}", "DELETE")

    status, code, message = shop.refused("billing.attach", customer_id="user_1", plan_id="pro")

    assert (status, code) == (400, "stripe_error")
    assert "No such customer" in message
    assert shop.plans() == {}


def test_a_subscription_that_stripe_does_not_know_is_told(shop: Shop) -> None:
    stripe_id = shop.customer()
    shop.attach("pro")
    (held,) = shop.subscriptions(stripe_id)
    shop.api(f"subscriptions/{held['id']}", "DELETE")

    shop.attach("premium")
    assert shop.plans() == {"premium": "active"}
    live = [one for one in shop.subscriptions(stripe_id) if one["status"] == "active"]
    assert len(live) == 1


@pytest.mark.parametrize("what", ["products", "prices"])
def test_what_was_archived_at_stripe_is_sold_all_the_same(shop: Shop, what: str) -> None:
    shop.customer()
    shop.attach("pro")
    product = product_id(TENANT, "pro", None)
    names = [product]
    if what == "prices":
        listed = shop.api("prices", "GET", product=product)["data"]
        names = [one["id"] for one in listed]
    for name in names:
        shop.api(f"{what}/{name}", active="false")
    shop.customer("user_2")

    shop.attach("pro", "user_2")

    assert shop.plans("user_2") == {"pro": "active"}


def test_secrets_are_in_no_answer_and_no_log(
    shop: Shop, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.customer()
    caplog.set_level(logging.DEBUG)
    told = []
    for status in (400, 401, 402, 403, 429, 500):
        secret = SECRETS["sandbox/secret_key"]
        fail(shop, status, times=3, message=f"Invalid API Key provided: {secret}")
        for _ in range(4):
            asked = {"customer_id": "user_1", "plan_id": "pro"}
            told.append(str(shop.call("billing.attach", asked)))

    logged = caplog.text + capsys.readouterr().out
    assert not [one for one in told if SECRETS["sandbox/secret_key"] in one]
    assert SECRETS["sandbox/secret_key"] not in logged


def test_a_subscription_is_ended_once_however_often_the_call_comes(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    stripe_id = shop.customer()
    shop.attach("pro")
    sent: Any = stripe.RequestsClient.request
    lost = iter([True])

    def request(client: Any, method: str, *rest: Any) -> Any:
        answer = sent(client, method, *rest)
        if method == "delete" and next(lost, False):
            raise stripe.APIConnectionError("none", should_retry=True)  # type: ignore[no-untyped-call]
        return answer

    monkeypatch.setattr(stripe.RequestsClient, "request", request)
    # What this process knows is not to be a reason to look once more.
    stripe_catalog.forget()
    action = {"cancel_action": "cancel_immediately", "refund_last_payment": "full"}
    shop.done("billing.update", customer_id="user_1", plan_id="pro", **action)

    assert next(lost, False) is False
    assert [one["status"] for one in shop.subscriptions(stripe_id)] == ["canceled"]
    assert shop.plans() == {}
    assert refunds(shop) == 2000
