"""The double's clock: renewals, trials, unpaid invoices, discounts that end."""

from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests
import stripe
from hypothesis import given
from hypothesis import strategies as st

from local.stripe import periods
from local.stripe.server import Double
from tests.local.stripe_double import NOW, SECRET, Clock
from tests.local.test_stripe_subscriptions import (
    DAY,
    NEXT_MONTH,
    NEXT_YEAR,
    a_customer,
    a_price,
    a_subscription,
    an_item,
    invoice_of,
    kinds,
)

HOUR = 3600


def advance(double: Double, **asked: Any) -> Any:
    answered = requests.post(f"{double.url}/_control/clock/advance", json=asked, timeout=60)
    assert answered.status_code == 200, answered.text
    return answered.json()


def told(answer: Any, *about: str) -> list[str]:
    return [one["type"] for one in answer["reports"] if one["type"].startswith(about or "")]


def invoices(client: stripe.StripeClient, customer: Any) -> list[stripe.Invoice]:
    return client.v1.invoices.list({"customer": str(customer)}).data[::-1]


def fail_from_now_on(client: stripe.StripeClient, customer: str) -> None:
    card = client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer})
    settings: Any = {"default_payment_method": card.id}
    client.v1.customers.update(customer, {"invoice_settings": settings})


def test_a_renewal_is_drafted_and_an_hour_later_paid(
    client: stripe.StripeClient, double: Double
) -> None:
    subscription = a_subscription(client)

    drafted = advance(double, to=NEXT_MONTH)

    draft = invoice_of(client, subscription)
    assert told(drafted) == ["customer.subscription.updated", "invoice.created"]
    assert (draft.status, draft.billing_reason) == ("draft", "subscription_cycle")
    assert (draft.created, draft.period_start, draft.period_end) == (NEXT_MONTH, NOW, NEXT_MONTH)
    assert draft.lines.data[0].period.start == NEXT_MONTH
    an_item(client, str(subscription.customer), 350, invoice=draft.id)

    paid = advance(double, by=HOUR)

    assert told(paid, "invoice.paid") == ["invoice.paid"]
    done = client.v1.invoices.retrieve(draft.id)
    assert (done.status, done.total) == ("paid", 2350)
    assert done.status_transitions.paid_at == NEXT_MONTH + HOUR
    again = client.v1.subscriptions.retrieve(subscription.id)
    assert again["items"].data[0].current_period_start == NEXT_MONTH


def test_a_year_passes_at_once_in_the_right_order(
    client: stripe.StripeClient, double: Double
) -> None:
    items: Any = [
        {"price": a_price(client, 1000)},
        {"price": a_price(client, 9000, interval="year")},
    ]
    customer = a_customer(client)
    client.v1.subscriptions.create({"customer": customer, "items": items})

    advance(double, to=NEXT_YEAR + HOUR)

    made = client.v1.invoices.list({"customer": customer, "limit": 20}).data[::-1]
    assert [one.total for one in made] == [10_000, *[1000] * 11, 10_000]
    assert [one.status for one in made] == ["paid"] * 13
    assert [one.created for one in made] == sorted(one.created for one in made)


def test_the_clock_stops_after_the_report_that_a_test_waits_for(
    client: stripe.StripeClient, double: Double
) -> None:
    first, second = (a_subscription(client) for _ in range(2))

    stopped = advance(double, to=NEXT_MONTH + DAY, stop_after="invoice.created")

    assert (stopped["now"], stopped["stopped"]) == (NEXT_MONTH, True)
    assert invoice_of(client, first).status == "draft"
    assert invoice_of(client, second).status == "paid"
    assert stopped["reports"][-1]["id"] == double.outbox.all()[-1]["event"]["id"]
    again = advance(double, to=NEXT_MONTH + DAY, stop_after="invoice.created")
    assert (again["now"], again["stopped"]) == (NEXT_MONTH, True)
    last = advance(double, to=NEXT_MONTH + DAY, stop_after="invoice.created")
    assert (last["now"], last["stopped"]) == (NEXT_MONTH + DAY, False)


def test_a_clock_that_tests_move_is_caught_up_with(
    client: stripe.StripeClient, double: Double, clock: Clock
) -> None:
    subscription = a_subscription(client)
    clock.now = NEXT_MONTH + 2 * DAY

    advance(double, by=0, finalize_after=0)

    invoice = invoice_of(client, subscription)
    assert (invoice.created, invoice.status) == (NEXT_MONTH, "paid")
    assert double.account.clock() == clock.now


def test_a_test_may_move_its_own_clock_along(
    client: stripe.StripeClient, double: Double, clock: Clock
) -> None:
    subscription = a_subscription(client)
    advance(double, to=NEXT_MONTH + DAY, stop_after="invoice.created")
    clock.now = NEXT_MONTH

    assert double.account.clock() == NEXT_MONTH
    item = an_item(client, str(subscription.customer), 10)
    assert client.v1.invoice_items.retrieve(item).date == NEXT_MONTH
    advance(double, to=NEXT_MONTH + DAY)
    assert double.account.clock() == NEXT_MONTH + DAY
    clock.now += HOUR
    assert double.account.clock() == NEXT_MONTH + DAY + HOUR


def test_the_clock_stands_where_it_stopped_behind_a_tests_own(
    client: stripe.StripeClient, double: Double, clock: Clock
) -> None:
    a_subscription(client)
    clock.now = NEXT_MONTH + 5 * DAY

    advance(double, by=0, stop_after="invoice.created")

    assert double.account.clock() == NEXT_MONTH
    advance(double, to=clock.now)
    assert double.account.clock() == clock.now


def test_a_renewal_that_is_not_paid_is_tried_again_and_given_up(
    client: stripe.StripeClient, double: Double
) -> None:
    customer = a_customer(client)
    subscription = a_subscription(client, customer=customer)
    fail_from_now_on(client, customer)

    first = advance(double, to=NEXT_MONTH + HOUR)
    late = client.v1.subscriptions.retrieve(subscription.id)
    tried = [advance(double, by=days * DAY) for days in (3, 5, 7)]

    assert told(first, "invoice.payment_failed") == ["invoice.payment_failed"]
    assert late.status == "past_due"
    assert [len(told(one, "invoice.payment_failed")) for one in tried] == [1, 1, 1]
    assert told(tried[-1], "customer.subscription.deleted")
    ended = client.v1.subscriptions.retrieve(subscription.id)
    assert ended.status == "canceled"
    assert ended.cancellation_details is not None
    assert ended.cancellation_details.reason == "payment_failed"
    assert advance(double, by=90 * DAY)["reports"] == []


def test_a_subscription_that_is_past_due_recovers(
    client: stripe.StripeClient, double: Double
) -> None:
    customer = a_customer(client)
    subscription = a_subscription(client, customer=customer)
    fail_from_now_on(client, customer)
    advance(double, to=NEXT_MONTH + HOUR)

    client.v1.invoices.pay(invoice_of(client, subscription).id, {"payment_method": "pm_card_visa"})

    assert client.v1.subscriptions.retrieve(subscription.id).status == "active"


def test_a_first_invoice_that_nobody_pays_expires(
    client: stripe.StripeClient, double: Double
) -> None:
    subscription = a_subscription(client, payment_behavior="default_incomplete")

    advance(double, by=23 * HOUR)

    found = client.v1.subscriptions.retrieve(subscription.id)
    assert found.status == "incomplete_expired"
    assert invoice_of(client, subscription).status == "void"


def test_a_trial_ends_with_an_invoice(client: stripe.StripeClient, double: Double) -> None:
    end = NOW + 14 * DAY
    subscription = a_subscription(client, trial_end=end)

    passed = advance(double, to=end + HOUR)

    assert told(passed, "customer.subscription") == [
        "customer.subscription.trial_will_end",
        "customer.subscription.updated",
    ]
    found = client.v1.subscriptions.retrieve(subscription.id)
    (item,) = found["items"].data
    assert (found.status, item.current_period_start) == ("active", end)
    invoice = invoice_of(client, subscription)
    assert (invoice.total, invoice.status) == (2000, "paid")


@pytest.mark.parametrize(
    ("behavior", "status"),
    [("cancel", "canceled"), ("pause", "paused"), ("create_invoice", "past_due")],
)
def test_a_trial_ends_without_a_card(
    client: stripe.StripeClient, double: Double, behavior: str, status: str
) -> None:
    settings: Any = {"end_behavior": {"missing_payment_method": behavior}}
    customer = a_customer(client, card=None)
    subscription = a_subscription(
        client, customer=customer, trial_period_days=7, trial_settings=settings
    )

    advance(double, by=7 * DAY + HOUR)

    assert client.v1.subscriptions.retrieve(subscription.id).status == status


def test_a_planned_end_comes_instead_of_a_renewal(
    client: stripe.StripeClient, double: Double
) -> None:
    subscription = a_subscription(client)
    client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})

    passed = advance(double, to=NEXT_MONTH + DAY)

    assert told(passed) == ["customer.subscription.deleted"]
    found = client.v1.subscriptions.retrieve(subscription.id)
    assert (found.status, found.ended_at) == ("canceled", NEXT_MONTH)
    assert len(invoices(client, subscription.customer)) == 1


def test_a_discount_for_two_months_is_on_two_invoices(
    client: stripe.StripeClient, double: Double
) -> None:
    client.v1.coupons.create(
        {"id": "half", "percent_off": 50, "duration": "repeating", "duration_in_months": 2}
    )
    subscription = a_subscription(client, discounts=[{"coupon": "half"}])

    advance(double, by=100 * DAY)

    totals = [one.total for one in invoices(client, subscription.customer)]
    assert totals == [1000, 1000, 2000, 2000]
    assert client.v1.subscriptions.retrieve(subscription.id).discounts == []
    assert kinds(double, "customer.discount") == [
        "customer.discount.created",
        "customer.discount.deleted",
    ]


def test_a_renewal_that_is_sent_is_late_when_nobody_pays(
    client: stripe.StripeClient, double: Double
) -> None:
    customer = a_customer(client, card=None)
    subscription = a_subscription(
        client, customer=customer, collection_method="send_invoice", days_until_due=7
    )

    passed = advance(double, by=8 * DAY)

    assert told(passed, "invoice.overdue") == ["invoice.overdue"]
    assert client.v1.subscriptions.retrieve(subscription.id).status == "past_due"
    client.v1.invoices.pay(invoice_of(client, subscription).id, {"paid_out_of_band": True})
    assert client.v1.subscriptions.retrieve(subscription.id).status == "active"


def test_a_report_names_the_key_of_the_call_that_caused_it(
    client: stripe.StripeClient, double: Double
) -> None:
    params: Any = {"name": "Ada"}
    client.v1.customers.create(params, {"idempotency_key": "orchard:1"})
    subscription = a_subscription(client)
    advance(double, to=NEXT_MONTH)

    events = [kept["event"] for kept in double.outbox.all()]
    assert events[0]["request"]["idempotency_key"] == "orchard:1"
    assert events[-1]["request"]["idempotency_key"] is None
    assert events[-1]["data"]["object"]["id"] == invoice_of(client, subscription).id


def test_subscriptions_and_the_clock_survive_a_restart(tmp_path: Path, clock: Clock) -> None:
    state = tmp_path / "stripe.json"
    with Double(state=state, clock=clock) as before:
        client = stripe.StripeClient("sk_test_x", base_addresses={"api": before.url})
        subscription = a_subscription(client)
        advance(before, to=NEXT_MONTH)

    with Double(state=state, clock=clock) as after:
        client = stripe.StripeClient("sk_test_x", base_addresses={"api": after.url})
        assert after.account.clock() == NEXT_MONTH
        advance(after, by=HOUR)

        assert invoice_of(client, subscription).status == "paid"


# ---- periods --------------------------------------------------------------------


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 12, 31)),  # noqa: DTZ001 - UTC is added
    st.sampled_from(["day", "week", "month", "year"]),
    st.integers(1, 12),
    st.integers(-400, 400),
)
def test_a_period_contains_its_time_and_meets_the_next(
    moment: datetime, unit: str, count: int, days: int
) -> None:
    anchor = int(moment.replace(tzinfo=UTC).timestamp())
    at = anchor + days * DAY

    period = periods.around(anchor, (unit, count), at)

    assert period.start <= at < period.end
    assert periods.around(anchor, (unit, count), period.end).start == period.end
    assert periods.around(anchor, (unit, count), period.start) == period


def test_the_last_day_of_a_month_comes_back_after_a_shorter_one() -> None:
    anchor = int(datetime(2026, 1, 31, tzinfo=UTC).timestamp())

    days = [datetime.fromtimestamp(periods.later(anchor, "month", n), UTC).day for n in range(4)]

    assert days == [31, 28, 31, 30]


@pytest.mark.parametrize("asked", [{}, {"to": NOW, "by": 1}, {"by": -1}, {"nope": 1}])
def test_a_wrong_advance_is_refused(double: Double, asked: Any) -> None:
    answered = requests.post(f"{double.url}/_control/clock/advance", json=asked, timeout=10)

    assert answered.status_code == 400


# ---- deliveries while time passes -----------------------------------------------


class Taker:
    """A receiver that acts on reports: it bills use on each draft of a renewal."""

    def __init__(self) -> None:
        self.url = ""
        self.double: Double | None = None
        self.signed: set[int] = set()

    def take(self, body: bytes, signature: str) -> None:
        event = stripe.Webhook.construct_event(body, signature, SECRET, tolerance=10**9)
        self.signed.add(int(signature.split(",", maxsplit=1)[0].removeprefix("t=")))
        invoice = event.data.object
        if event.type == "invoice.created" and invoice["billing_reason"] == "subscription_cycle":
            assert self.double is not None
            client = stripe.StripeClient("sk_test_x", base_addresses={"api": self.double.url})
            assert client.v1.invoices.retrieve(invoice["id"]).status == "draft"
            an_item(client, invoice["customer"], 70, invoice=invoice["id"])


@pytest.fixture
def taker() -> Iterator[Taker]:
    taken = Taker()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            taken.take(body, self.headers["stripe-signature"])
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *arguments: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        taken.url = f"http://127.0.0.1:{server.server_port}/hook"
        yield taken
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("finalize_after", [0, HOUR])
def test_a_receiver_can_bill_use_on_each_renewal_while_months_pass(
    taker: Taker, clock: Clock, finalize_after: int
) -> None:
    with Double(webhook_url=taker.url, webhook_secret=SECRET, clock=clock) as double:
        taker.double = double
        client = stripe.StripeClient("sk_test_x", base_addresses={"api": double.url})
        subscription = a_subscription(client)

        advance(double, by=70 * DAY, finalize_after=finalize_after)

        totals = [one.total for one in invoices(client, subscription.customer)]
        assert totals == [2000, 2070, 2070]
        # Receivers refuse what is signed by another clock than theirs.
        assert taker.signed == {NOW}
