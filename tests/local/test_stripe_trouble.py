"""Trouble that the double of Stripe makes on request: late, lost, doubled, in disorder."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import stripe

from local.stripe.answers import Request
from local.stripe.server import Double
from tests.local.stripe_double import NOW, SECRET, client_of, control, refusal
from tests.local.test_stripe_double import Inbox, inbox

ONCE: stripe.RequestOptions = {"idempotency_key": "once"}


@pytest.fixture
def taken() -> Iterator[Inbox]:
    with inbox() as running:
        yield running


@pytest.fixture
def sending(taken: Inbox) -> Iterator[Double]:
    with Double(webhook_url=taken.url, webhook_secret=SECRET, clock=lambda: NOW) as double:
        yield double


def customers(client: stripe.StripeClient) -> int:
    return len(client.v1.customers.list().data)


def code_of(failed: stripe.StripeError) -> str | None:
    """The code in the body: not every error of the package has it as its own."""
    return None if failed.error is None else failed.error.code


# ---- deliveries -----------------------------------------------------------------


def test_each_report_can_come_twice(sending: Double, taken: Inbox) -> None:
    control(sending, "reports/duplicate", {"on": True})

    client_of(sending.url).v1.customers.create({})
    control(sending, "reports/settle")
    control(sending, "reports/duplicate", {"on": False})
    client_of(sending.url).v1.customers.create({})
    control(sending, "reports/settle")

    ids = [event.id for event in taken.events]
    assert [ids.count(one) for one in dict.fromkeys(ids)] == [2, 1]
    assert [kept["answers"] for kept in sending.outbox.all()] == [[200, 200], [200]]


def test_what_waits_can_come_in_disorder(sending: Double, taken: Inbox) -> None:
    control(sending, "reports/hold")
    control(sending, "reports/shuffle", {"on": True, "seed": 1})
    client = client_of(sending.url)
    made = [client.v1.customers.create({}).id for _ in range(8)]

    control(sending, "reports/release")
    control(sending, "reports/settle")

    came = [event.data.object["id"] for event in taken.events]
    assert came != made
    assert sorted(came) == sorted(made)
    control(sending, "reports/shuffle", {"on": False})


# ---- answers --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "kind", "code"),
    [
        ({"status": 402, "decline_code": "do_not_honor"}, stripe.CardError, "card_declined"),
        ({"status": 409}, stripe.APIError, "idempotency_key_in_use"),
        ({"status": 429}, stripe.RateLimitError, "rate_limit"),
        ({"status": 500}, stripe.APIError, None),
        (
            {"status": 400, "type": "invalid_request_error", "code": "coupon_expired"},
            stripe.InvalidRequestError,
            "coupon_expired",
        ),
    ],
)
def test_a_call_fails_as_it_is_told_to(
    double: Double, client: stripe.StripeClient, told: Any, kind: type, code: str | None
) -> None:
    control(double, "failures", {**told, "path": "/v1/customers"})

    failed = refusal(client.v1.customers.create, {})

    assert isinstance(failed, kind)
    assert (failed.http_status, code_of(failed)) == (told["status"], code)
    assert customers(client) == 0


def test_a_failure_that_had_not_begun_does_not_keep_its_key(
    double: Double, client: stripe.StripeClient
) -> None:
    control(double, "failures", {"status": 500})

    refusal(client.v1.customers.create, {}, ONCE)

    assert client.v1.customers.create({}, ONCE).id.startswith("cus_")


def test_a_failure_that_is_remembered_comes_again_with_its_key(
    double: Double, client: stripe.StripeClient
) -> None:
    control(double, "failures", {"status": 500, "remembered": True})

    for _ in range(2):
        assert refusal(client.v1.customers.create, {}, ONCE).http_status == 500
    client.v1.customers.create({})

    assert customers(client) == 1


def test_a_lost_answer_comes_again_with_its_key(
    double: Double, client: stripe.StripeClient
) -> None:
    control(double, "failures", {"status": 500, "done": True})

    refusal(client.v1.customers.create, {}, ONCE)
    assert customers(client) == 1
    again = client.v1.customers.create({}, ONCE)

    assert [one.id for one in client.v1.customers.list().data] == [again.id]


def test_a_declined_payment_is_declined_again_with_its_key(
    client: stripe.StripeClient,
) -> None:
    customer = client.v1.customers.create({}).id
    attach = client.v1.payment_methods.attach
    declining: Any = ("pm_card_visa_chargeDeclined", {"customer": customer}, ONCE)

    first, again = refusal(attach, *declining), refusal(attach, *declining)

    assert (first.code, again.code) == ("card_declined", "card_declined")
    assert again.headers is not None
    assert again.headers["idempotent-replayed"] == "true"


def test_parameters_that_were_refused_do_not_keep_their_key(client: stripe.StripeClient) -> None:
    wrong: Any = {"percent_off": 0}

    refusal(client.v1.coupons.create, wrong, ONCE)

    assert client.v1.coupons.create({"percent_off": 5}, ONCE).percent_off == 5


def test_a_late_answer_comes_after_the_work_was_done(
    double: Double, client: stripe.StripeClient
) -> None:
    control(double, "delays", {"seconds": 0.8, "path": "/v1/customers"})
    headers = {"authorization": "Bearer sk_test_x", "idempotency-key": "once"}
    url = f"{double.url}/v1/customers"

    with pytest.raises(requests.ReadTimeout):
        requests.post(url, headers=headers, timeout=0.2)

    busy = refusal(client.v1.customers.create, {}, ONCE)
    assert (busy.http_status, code_of(busy)) == (409, "idempotency_key_in_use")
    assert customers(client) == 1
    patient = client_of(double.url, max_network_retries=4)
    patient.v1.customers.create({}, ONCE)
    assert customers(client) == 1


def test_of_two_calls_at_once_with_a_key_one_is_done(double: Double) -> None:
    control(double, "delays", {"seconds": 0.5, "path": "/v1/customers"})
    statuses: list[int] = []
    arrived = threading.Barrier(2)

    def call() -> None:
        arrived.wait()
        headers = {"idempotency-key": "once", "authorization": "Bearer sk_test_x"}
        answer = double.answer(Request("POST", "/v1/customers", "", headers, b""))
        statuses.append(answer.status)

    threads = [threading.Thread(target=call) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [200, 409]
    assert len(double.account.objects("customer")) == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("delays", {"seconds": 0}),
        ("delays", {"seconds": 61}),
        ("delays", {}),
        ("failures", {"status": 200}),
        ("reports/duplicate", {}),
        ("reports/shuffle", {"on": True, "nope": 1}),
    ],
)
def test_nonsense_is_refused(double: Double, path: str, body: Any) -> None:
    answered = requests.post(f"{double.url}/_control/{path}", json=body, timeout=10)

    assert answered.status_code == 400
